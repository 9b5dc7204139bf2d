"""Run programs: quietly with their output kept for a failure, or in the foreground until they have cleaned up."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Mapping, Sequence

from ci.errors import SetupError

SHOWN_LINES = 30


class Progress:
    """Print what is being done, with the seconds since the start."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def __call__(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:6.1f} s] {text}", flush=True)


def tail(text: str, lines: int = SHOWN_LINES) -> str:
    """Return the last lines of ``text``, indented."""
    return "\n".join(f"    {line}" for line in text.rstrip().splitlines()[-lines:])


def run_quietly(
    command: Sequence[str], *, environ: Mapping[str, str] | None = None, remedy: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a program and return it finished; raise SetupError with the end of its output if it fails."""
    finished = finish(command, environ=environ)
    if finished.returncode != 0:
        advice = f"\n{remedy}" if remedy else ""
        raise SetupError(
            f"`{' '.join(command)}` failed with exit code {finished.returncode}; the end of its output:\n"
            f"{tail(finished.stdout)}{advice}"
        )
    return finished


def finish(command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a program whatever its exit code; standard output and error come back together."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, **(environ or {})},
            check=False,
        )
    except FileNotFoundError as error:
        raise SetupError(f"`{command[0]}` is not installed") from error


def run_in_foreground(command: Sequence[str], *, environ: Mapping[str, str] | None = None) -> int:
    """Run a program on this terminal and return its exit code, 128 + N if signal N ended it.

    Ctrl-C reaches the program too, and it may have containers to remove: it is waited for, where ``subprocess.run``
    would kill it after a quarter of a second.
    """
    with subprocess.Popen(command, env={**os.environ, **(environ or {})}) as process:
        while True:
            try:
                code = process.wait()
                return code if code >= 0 else 128 - code
            except KeyboardInterrupt:
                continue
