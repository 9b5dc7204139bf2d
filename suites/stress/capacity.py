"""How much memory there is, and how much of it is used: the cap and the counters of the container. Python 3.8+.

Read from the cgroup inside the container, version 1 or 2. What is used is the cgroup's usage without the page cache of
files, as the kernel takes that back by itself before it kills.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Iterator, Mapping, Optional, Tuple

MOUNT = "/sys/fs/cgroup"
MEMBERSHIP = "/proc/self/cgroup"
NO_LIMIT = 1 << 60  # version 1 tells "no limit" by a number of this size
V2 = ("memory.max", "memory.current", (b"active_file", b"inactive_file"))
V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", (b"total_active_file", b"total_inactive_file"))


class Cgroup:
    """The counters of one cgroup that has a limit of ``capacity`` bytes."""

    def __init__(self, folder: Path, usage: str, file_fields: Tuple[bytes, ...], capacity: int) -> None:
        self.capacity = capacity
        self._usage = folder / usage
        self._stat = folder / "memory.stat"
        self._file_fields = file_fields

    def used(self) -> int:
        """Return the bytes that the kernel cannot take back by dropping files from its cache."""
        usage = int(self._usage.read_bytes())
        counters = (line.split() for line in self._stat.read_bytes().splitlines())
        return max(0, usage - sum(int(value) for name, value in counters if name in self._file_fields))


class Accounts:
    """Count what the components say they hold, where there is no cgroup: any system, the same figures everywhere."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.components: Mapping[str, Any] = {}

    def used(self) -> int:
        """Return the bytes of all components."""
        return sum(component.bytes for component in self.components.values())


def find_cgroup(mount: str = MOUNT, membership: str = MEMBERSHIP) -> Optional[Cgroup]:
    """Return the nearest cgroup around this process that has a limit, or None."""
    for top, path, (limit_name, usage, fields) in _places(mount, membership):
        for folder in _upwards(top, path):
            try:
                limit = (folder / limit_name).read_bytes().strip()
            except OSError:
                continue
            if limit != b"max" and int(limit) < NO_LIMIT:
                return Cgroup(folder, usage, fields, int(limit))
    return None


def _places(mount: str, membership: str) -> Iterator[Tuple[Path, str, Any]]:
    try:
        lines = Path(membership).read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            yield Path(mount, "memory"), path, V1
        elif not controllers:
            yield Path(mount), path, V2


def _upwards(top: Path, path: str) -> Iterator[Path]:
    """Yield the folder of ``path`` below ``top``, those around it, and ``top``: a container often sees that only."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    for length in range(len(parts), -1, -1):
        yield top.joinpath(*parts[:length])
