"""What a workload may use besides memory, and the words for what breaks such a limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

UNLIMITED = -1  # of a ulimit, as Docker spells it


class RunLimit(str, Enum):
    """A limit whose breaking is the ending ``limit_exceeded``; the value is the supervisor's word for it."""

    CPU_TIME = "cpu_time"
    DISK = "disk"
    FILE_SIZE = "file_size"
    RSS = "rss"

    @property
    def words(self) -> str:
        """Return its name in a sentence."""
        return {"cpu_time": "CPU time", "rss": "RSS"}.get(self.value, self.value.replace("_", " "))

    @property
    def option(self) -> str:
        """Return the option of the command line that sets it."""
        return "--max-rss" if self is RunLimit.RSS else f"--{self.value.replace('_', '-')}"

    @property
    def key(self) -> str | None:
        """Return the key of limits.toml that sets it; None if only the option does."""
        return None if self is RunLimit.RSS else f"container.{self.value}"


@dataclass(frozen=True, kw_only=True)
class Ulimit:
    """A limit of each process, as `ulimit` and ``setrlimit`` have it; UNLIMITED stands for none."""

    soft: int
    hard: int

    def __str__(self) -> str:
        return str(self.soft) if self.soft == self.hard else f"{self.soft}:{self.hard}"


@dataclass(frozen=True, kw_only=True)
class RunLimits:
    """Limits of one run; None means no limit.

    ``disk_bytes`` is the most that all processes together may write to disk: what is rewritten counts again, a tmpfs
    does not count. ``cpu_time_seconds`` is the CPU time of all processes together, ``cpus`` Docker's quota of CPUs at
    any time. ``file_size_bytes`` and ``core_bytes`` are the largest file and core dump. ``ulimits`` are by their names.
    """

    disk_bytes: int | None = None
    file_size_bytes: int | None = None
    cpus: float | None = None
    cpu_time_seconds: float | None = None
    core_bytes: int = 0
    ulimits: Mapping[str, Ulimit] = field(default_factory=dict)
