"""Why a program could not be started: the supervisor's words for it, what a detail says, and what to do."""

from __future__ import annotations

from enum import Enum
from typing import Final


class ProgramFault(str, Enum):
    """What the supervisor found wrong with a program; ``csrc/refused.h`` writes the values."""

    MISSING = "missing"
    DIRECTORY = "directory"
    NOT_EXECUTABLE = "not_executable"
    INTERPRETER = "interpreter"
    LINE_ENDS = "line_ends"
    LOADER = "loader"
    ARCHITECTURE = "architecture"
    FORMAT = "format"

    @property
    def words(self) -> str:
        """Return what a detail says of it; no other detail of an unstarted program has these words."""
        return _FAULTS[self][0]

    @property
    def remedy(self) -> str:
        """Say in one line what to do about it."""
        return _FAULTS[self][1]


_FAULTS: Final = {
    ProgramFault.MISSING: ("program not found", "Check its name, or install it."),
    ProgramFault.DIRECTORY: ("is a directory, not a program", "Name a program in it."),
    ProgramFault.NOT_EXECUTABLE: (
        "is not executable",
        "Make it executable (chmod +x), or start it with its interpreter, such as `python3 FILE`.",
    ),
    ProgramFault.INTERPRETER: (
        "needs the interpreter",
        "Install the interpreter, or change the first line of the script.",
    ),
    ProgramFault.LINE_ENDS: ("has Windows line ends", "Save the script with Unix line ends (LF)."),
    ProgramFault.LOADER: (
        "needs the loader",
        "Build it in this image, or link it statically: it is for another C library, such as glibc instead of musl.",
    ),
    ProgramFault.ARCHITECTURE: (
        "is built for another architecture",
        "Build it, or take an image, for the architecture of the daemon's machine.",
    ),
    ProgramFault.FORMAT: (
        "is neither a binary nor a script",
        "Start it with its interpreter, or give it a first line such as #!/bin/sh.",
    ),
}
