"""What the cgroup of this process holds that the kernel could not take back without swap: anonymous, shared, kernel.

The formula is that of docs/measuring.md, without what takes a look at each process: on cgroup v1 all kernel memory
counts, and lazily freed pages that were written to again do not.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from memcap.errors import MemcapError

ROOT = Path("/sys/fs/cgroup")
_LIST_LAG_BYTES = 64 * 4096
_NO_LIMIT = 2**62  # cgroup v1 says "no limit" as a very large number


@dataclass(frozen=True, kw_only=True)
class CgroupFolder:
    """Where the kernel tells of one cgroup's memory."""

    version: int
    path: Path

    def unreclaimable_bytes(self) -> int:
        """Return what docs/measuring.md calls unreclaimable. Raises MemcapError."""
        try:
            stat = _numbers(self.path / "memory.stat")
            if self.version == 1:
                # The totals include cgroups below; v1 does not tell reclaimable slabs apart.
                kernel = self.path / "memory.kmem.usage_in_bytes"
                pages = stat["total_rss"] + stat.get("total_shmem", 0)
                return pages + _off_list(pages, stat, "total_") + (_number(kernel) if kernel.exists() else 0)
            kernel_bytes = stat["kernel"] if "kernel" in stat else _kernel_by_parts(stat)
            pages = stat["anon"] + stat["shmem"]
            kept = max(kernel_bytes - stat.get("slab_reclaimable", 0), 0) + stat.get("sock", 0)
            return pages + _off_list(pages, stat, "") + kept
        except (OSError, KeyError, ValueError) as error:
            raise _unreadable(f"{self.path} does not tell: {error}") from error

    def oom_kills(self) -> int | None:
        """Return how many processes the kernel killed because a memory limit of this cgroup was reached, if told."""
        try:
            events = _numbers(self.path / ("memory.events" if self.version == 2 else "memory.oom_control"))
        except (OSError, ValueError):
            return None
        return events.get("oom_kill")


def own_oom_kills() -> int:
    """Return how many processes the kernel killed at a memory limit of this process's cgroup; 0 where it has none."""
    try:
        return own_cgroup().oom_kills() or 0
    except MemcapError:
        return 0


def own_cgroup(*, root: Path = ROOT, membership: Path = Path("/proc/self/cgroup")) -> CgroupFolder:
    """Return the cgroup that this process is in. Raises MemcapError where there is none but the whole machine's."""
    try:
        lines = [line.split(":", 2) for line in membership.read_text(encoding="utf-8").splitlines()]
    except OSError as error:
        raise _unreadable("this system has no cgroups") from error
    paths = {name: path for _, names, path in lines for name in names.split(",")}
    if (root / "cgroup.controllers").exists():
        found = CgroupFolder(version=2, path=_visible(root, paths.get("", "/")))
        is_machine = not (found.path / "memory.current").exists()
    else:
        found = CgroupFolder(version=1, path=_visible(root / "memory", paths.get("memory", "/")))
        limit = found.path / "memory.limit_in_bytes"
        is_machine = not limit.exists() or (found.path == root / "memory" and _number(limit) >= _NO_LIMIT)
    if is_machine:
        raise _unreadable("this process is in no cgroup but that of the whole machine, or it is not mounted here")
    return found


def _visible(mount: Path, path: str) -> Path:
    """Return the folder of a cgroup: below the mount, or the mount itself where a container sees no more."""
    folder = mount / path.lstrip("/")
    return folder if folder.exists() else mount


def _kernel_by_parts(stat: Mapping[str, int]) -> int:
    """Add up what kernels before 5.18 tell apart only."""
    return sum(stat.get(name, 0) for name in ("slab", "kernel_stack", "pagetables", "percpu"))


def _off_list(pages: int, stat: Mapping[str, int], prefix: str) -> int:
    """Return locked pages of files, or, below 0, lazily freed pages: they lie on another list than they are counted.

    The lists lag behind by up to 64 pages a CPU, so a smaller difference is none.
    """
    lists = sum(stat[f"{prefix}{name}"] for name in ("inactive_anon", "active_anon", "unevictable"))
    lag = _LIST_LAG_BYTES * (os.cpu_count() or 1)
    return lists - pages if abs(lists - pages) > lag else 0


def _numbers(path: Path) -> dict[str, int]:
    pairs = (line.split() for line in path.read_text(encoding="ascii").splitlines())
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}


def _number(path: Path) -> int:
    return int(path.read_text(encoding="ascii"))


def _unreadable(why: str) -> MemcapError:
    return MemcapError(
        f"the metric cgroup cannot be measured: {why}", remedy="Run the tests in a container, or measure rss."
    )
