"""The error tree: every error a user can meet, each kind with its own exit code.

Only the command line exits; library code raises. The table in ``docs/exit-codes.md`` is checked against this file.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


class MemcapError(Exception):
    """Base of all errors that are somebody's mistake or misfortune, not a bug in memcap.

    ``message`` says what failed, ``remedy`` what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, *, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message}\n  {self.remedy}" if self.remedy else self.message


class UsageError(MemcapError):
    """A command was called with options that do not go together."""

    exit_code = 2


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One mistake in a configuration file: where it is, what was expected, what might have been meant."""

    file: Path
    line: int | None
    key: str
    message: str
    suggestion: str = ""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else f"{self.file}"
        key = f" {self.key}:" if self.key else ""
        hint = f" (did you mean {self.suggestion!r}?)" if self.suggestion else ""
        return f"{place}:{key} {self.message}{hint}"


class ConfigError(MemcapError):
    """The configuration files have problems; all of them are listed."""

    exit_code = 10

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in problems)
        super().__init__(f"{count} in the configuration; nothing was run.\n{lines}")


class SizeError(MemcapError, ValueError):
    """A size or duration could not be read."""

    exit_code = 11


class SelectionError(MemcapError):
    """A suite, benchmark, image, cap or cell was named that does not exist."""

    exit_code = 12


class FileFormatError(MemcapError):
    """A result or baseline file is malformed."""

    exit_code = 13


class NewerSchemaError(FileFormatError):
    """A file was written by a newer memcap."""

    exit_code = 14


class FileExistsAlready(MemcapError):  # noqa: N818 - reads as what happened
    """A file would have been overwritten."""

    exit_code = 15


class BaselineRefused(MemcapError):  # noqa: N818 - reads as what happened
    """Some cells were not accepted as baselines; the others were."""

    exit_code = 16


class DaemonUnavailable(MemcapError):  # noqa: N818 - reads as what happened
    """No Docker daemon answers."""

    exit_code = 20


class DaemonPermissionError(DaemonUnavailable):
    """A Docker daemon is there, but this user may not use it."""

    exit_code = 21


class ImageMissing(MemcapError):  # noqa: N818 - reads as what happened
    """An image is neither on the daemon nor to be had from a registry or a host interpreter."""

    exit_code = 22


class BuildError(MemcapError):
    """An image or a layer could not be built."""

    exit_code = 23


class PlanError(MemcapError):
    """The plan cannot be honoured by this daemon."""

    exit_code = 24


class EngineError(MemcapError):
    """The daemon failed or went away in the middle of a campaign."""

    exit_code = 25


class DoctorFoundProblems(MemcapError):  # noqa: N818 - reads as what happened
    """`memcap doctor` found what must be mended before figures can be trusted."""

    exit_code = 26


class TimeIsUp(MemcapError):  # noqa: N818 - reads as what happened
    """The campaign may take no longer; finished cells are kept."""

    exit_code = 27


class Interrupted(MemcapError):  # noqa: N818 - reads as what happened
    """The user stopped the campaign; finished cells are kept."""

    exit_code = 130
