"""Make a Docker daemon answer, or say exactly what to do."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from ci import apt
from ci.errors import SetupError
from ci.instructions import what_to_do
from ci.process import finish, run_quietly, tail
from ci.system import System, find_dockerd, path_with_sbin

START_LIMIT_SECONDS = 60.0
POLL_SECONDS = 0.5
NO_DAEMON = 20  # memcap.errors.DaemonUnavailable
NO_PERMISSION = 21  # memcap.errors.DaemonPermissionError

# memcap finds the daemon; here that is only asked, in the virtual environment, so that both mean the same one.
_ASK = """
import sys
from memcap.engine.docker_client import connect
from memcap.errors import DaemonUnavailable
try:
    connect().close()
except DaemonUnavailable as error:
    print(error.message)
    sys.exit(error.exit_code)
"""


class State(Enum):
    """What asking for the daemon yielded."""

    ANSWERS = "answers"
    FORBIDDEN = "forbidden"
    SILENT = "silent"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The state of the daemon and memcap's words about it."""

    state: State
    message: str = ""


class Step(Enum):
    """What to do about the daemon."""

    NOTHING = "nothing"
    START = "start"
    INSTALL_AND_START = "install and start"
    INSTRUCT = "instruct"


def decide(state: State, system: System) -> Step:
    """Return what to do: only root on Linux starts a daemon, only apt-get installs one, and never another's choice."""
    if state is State.ANSWERS:
        return Step.NOTHING
    if system.chosen_daemon or system.platform != "linux" or not system.is_root:
        return Step.INSTRUCT
    if system.has_dockerd:
        return Step.START
    return Step.INSTALL_AND_START if system.is_debian_like else Step.INSTRUCT


def make_ready(
    system: System,
    *,
    ask: Callable[[], Answer],
    install: Callable[[], None],
    start: Callable[[System], None],
    say: Callable[[str], None],
) -> None:
    """Return once the daemon answers; raise SetupError with instructions for ``system`` where it cannot be made to."""
    answer = ask()
    step = decide(answer.state, system)
    if step is Step.NOTHING:
        say("Docker: the daemon answers")
        return
    if step is Step.INSTRUCT:
        advice = what_to_do(system, forbidden=answer.state is State.FORBIDDEN)
        raise SetupError(f"{answer.message}\n{advice}\nMore: docs/installing-docker.md", exit_code=NO_DAEMON)
    if step is Step.INSTALL_AND_START:
        say("Docker: not installed; installing docker.io with apt-get")
        install()
    say("Docker: starting the daemon")
    start(system)
    say("Docker: the daemon answers")


def ask_memcap(python: Path) -> Answer:
    """Let memcap look for the daemon; raise SetupError if memcap itself fails."""
    finished = finish([str(python), "-c", _ASK])
    states = {0: State.ANSWERS, NO_DAEMON: State.SILENT, NO_PERMISSION: State.FORBIDDEN}
    if finished.returncode not in states:
        raise SetupError(f"memcap could not look for Docker:\n{tail(finished.stdout)}")
    return Answer(state=states[finished.returncode], message=finished.stdout.strip())


def install_engine() -> None:
    """Install Debian's engine; raise SetupError with apt-get's words if that fails."""
    # ca-certificates is only recommended by docker.io, but no registry can be asked without it.
    apt.install("docker.io", "ca-certificates")


def start_daemon(system: System, *, ask: Callable[[], Answer]) -> None:
    """Start dockerd and wait for its answer; raise SetupError with the end of its log after START_LIMIT_SECONDS."""
    if system.has_systemd:
        run_quietly(["systemctl", "start", "docker"], remedy="Read: journalctl -u docker --no-pager -n 50")
        wait(ask, lambda: finish(["journalctl", "-u", "docker", "--no-pager", "-n", "30"]).stdout, process=None)
        return
    dockerd = find_dockerd()
    if dockerd is None:
        raise SetupError("Docker was installed, but there is no dockerd; see docs/installing-docker.md")
    log = _log_file()
    with log.open("wb") as output:
        # In a session of its own, so that it outlives this terminal: the next command finds it running.
        process = subprocess.Popen(
            [dockerd],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PATH": path_with_sbin()},  # it needs iptables
        )
    wait(ask, lambda: f"{log}:\n{log.read_text(encoding='utf-8', errors='replace')}", process=process)


class Started(Protocol):
    """A process that was started and may have ended."""

    def poll(self) -> int | None: ...


def wait(ask: Callable[[], Answer], read_log: Callable[[], str], *, process: Started | None) -> None:
    """Return once the daemon answers; raise SetupError with the end of the log if it ended or takes too long."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while True:
        # Looked at before asking: a daemon that a package's init script started meanwhile makes ours give up.
        has_ended = process is not None and process.poll() is not None
        answer = ask()
        if answer.state is State.ANSWERS:
            return
        if has_ended or time.monotonic() > deadline:
            what = "ended" if has_ended else f"did not answer within {START_LIMIT_SECONDS:.0f} s"
            raise SetupError(
                f"dockerd was started but {what}; the end of its log:\n{tail(read_log())}", exit_code=NO_DAEMON
            )
        time.sleep(POLL_SECONDS)


def _log_file() -> Path:
    folder = Path("/var/log")
    return (folder if os.access(folder, os.W_OK) else Path(tempfile.gettempdir())) / "memcap-dockerd.log"
