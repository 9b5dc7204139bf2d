"""Where memcap's files are in a container."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Final

SUPERVISOR: Final = PurePosixPath("/memcap/bin/supervisor")
RUNNER: Final = PurePosixPath("/memcap/probe/runner.py")
SUITE: Final = PurePosixPath("/memcap/suite")
PACKAGE: Final = PurePosixPath("/memcap/package")  # the project's own
DEPENDENCIES: Final = PurePosixPath("/memcap/deps")
OUT: Final = PurePosixPath("/memcap/out")  # what the supervisor and the runner write
CLIENT: Final = PurePosixPath("/memcap/client")  # the load client, in a container of its own
INSTRUMENTS: Final = PurePosixPath("/memcap/instruments")  # what looks into programs, in a layer of its own
START: Final = INSTRUMENTS / "start"  # on PYTHONPATH: its sitecustomize.py starts the instrument
ARTEFACTS: Final = PurePosixPath("/memcap/artefacts")  # what RunSpec.artefacts is on this machine


def named_line(file: str, line: int) -> str:
    """Return a line of a program as ``file:line``, without the folder that memcap itself put the file into."""
    for folder in (SUITE, PACKAGE, DEPENDENCIES):
        file = file.removeprefix(f"{folder}/")
    return f"{file}:{line}"
