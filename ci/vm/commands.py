"""``python -m ci vm ...``: build, start and stop the virtual machine, and test in it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ci.system import read_system
from ci.vm.build import build
from ci.vm.machine import Machine, Size


def cache_folder() -> Path:
    """Return where machines are kept between clones and calls."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "memcap" / "vm"


def machine() -> Machine:
    """Return this user's machine, running or not."""
    return Machine(cache_folder() / "running")


def start(size: Size, *, say: Callable[[str], None]) -> str:
    """Build what is missing, start the machine and return its DOCKER_HOST. Raises SetupError."""
    return machine().start(build(cache_folder(), read_system(), say=say), size, say=say)


@contextmanager
def running_machine(say: Callable[[str], None]) -> Iterator[str]:
    """Yield the DOCKER_HOST of the machine, and stop it afterwards unless it ran before. Raises SetupError."""
    ran_before = machine().process() is not None
    try:
        yield start(Size(), say=say)
    finally:
        if not ran_before:
            machine().stop()
            say("virtual machine: stopped")


def vm(arguments: Sequence[str]) -> int:
    """Run one of the machine's commands; return the exit code of the process."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "build":
        print(build(cache_folder(), read_system(), say=_say).folder)
    elif chosen.command == "start":
        size = Size(memory_mib=chosen.memory, cpus=chosen.cpus, port=chosen.port)
        print(f"export DOCKER_HOST={start(size, say=_say)}")
    elif chosen.command == "stop":
        print("stopped" if machine().stop() else "it was not running")
    else:
        address = machine().address()
        print(f"export DOCKER_HOST={address}" if address else "not running")
        return 0 if address else 1
    return 0


def _say(text: str) -> None:
    """Tell on standard error: standard output is for the shell to evaluate."""
    print(text, file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m ci vm", description=vm.__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="build it, if that has not been done, and print where it is kept")
    starting = commands.add_parser("start", help="build and start it; prints the DOCKER_HOST to export")
    for field in ("memory", "cpus", "port"):
        default = Size.memory_mib if field == "memory" else getattr(Size, field)
        unit = " in MiB" if field == "memory" else ""
        starting.add_argument(f"--{field}", type=int, default=default, help=f"{field}{unit} (%(default)s)")
    commands.add_parser("stop", help="end it; nothing that was done in it is kept")
    commands.add_parser("status", help="print its DOCKER_HOST; exit code 1 where it does not run")
    return parser
