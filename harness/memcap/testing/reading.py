"""Read what processes hold in memory now, and the most that this one held. The standard library will do on Linux.

Of the process asked for, all that is resident counts (RSS). Of its children only what is theirs alone counts, so that
pages which a fork shares with its parent are not counted twice; where that cannot be read, their RSS does. A child that
still runs in its parent's memory (see ``sharing``) does not count at all.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from memcap.testing.sharing import shares_memory

_IS_LINUX = sys.platform.startswith("linux")
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096

_WATCHER = "memcap.testing.watcher"  # on the command line of memcap's own program


def tree_bytes(pid: int, *, exactly: bool = False) -> int:
    """Return what the process ``pid`` and its children hold, in bytes; 0 for a process that is gone.

    Linux 6.2 and newer round the quickly read figure by up to some hundred KiB a CPU; ``exactly`` has it added up.
    """
    if not _IS_LINUX:
        return _tree_bytes_by_psutil(pid)
    total = (_from_rollup(pid, "Rss:") if exactly else None) or _resident(pid)
    return total + sum(_own_bytes(child, parent, thread) for child, parent, thread in _family(pid))


def descendants(pid: int) -> Iterator[int]:
    """Yield the PIDs of the children of ``pid``, of theirs and so on, as they are now."""
    if not _IS_LINUX:
        import psutil  # noqa: PLC0415 - heavy

        with contextlib.suppress(psutil.Error):
            yield from (child.pid for child in psutil.Process(pid).children(recursive=True))
        return
    yield from (child for child, _, _ in _family(pid))


def children_of(pid: int) -> Iterator[int]:
    """Yield the PIDs of the children of ``pid``, not of theirs (Linux)."""
    yield from (child for child, _ in _children(pid))


def orphan_bytes(pid: int) -> int:
    """Return what the process ``pid`` and its children have of their own; its parent is not the one it came from."""
    own = 0 if is_watcher(pid) else _private(pid)
    return own + sum(_own_bytes(child, parent, thread) for child, parent, thread in _family(pid))


def is_watcher(pid: int) -> bool:
    """Tell whether a process is memcap's own, see ``watcher``: it is no test's."""
    return any(_WATCHER in line for line in _lines(f"/proc/{pid}/cmdline"))


def tree_unreclaimable_bytes(pid: int) -> int | None:
    """Return the anonymous and shared memory of ``pid`` and its descendants; a page of several is counted once.

    That is what the kernel cannot take back without swap, but for kernel memory. None for a process that is gone, and
    where the kernel does not tell (before Linux 5.4).
    """
    total = _anonymous(pid)
    if total is None:
        return None
    others = (child for child, parent, thread in _family(pid) if not shares_memory(child, parent, thread))
    return total + sum(_anonymous(child) or 0 for child in others)


def has_memory(pid: int) -> bool:
    """Tell whether a process holds anything. One that began to end does not, and takes a moment until it has ended."""
    return _resident(pid) > 0


def process_rows(pid: int) -> Iterator[tuple[int, int, str, int]]:
    """Yield PID, parent, name and RSS of ``pid`` (whose parent is 0 here) and of its descendants (Linux)."""
    for each, parent in ((pid, 0), *((child, parent) for child, parent, _ in _family(pid))):
        resident = _resident(each)
        if resident:
            yield each, parent, "".join(_lines(f"/proc/{each}/comm")).strip(), resident


def own_peak_bytes() -> int | None:
    """Return the largest resident size of this process (without children) since the last reset, or since its start."""
    if _IS_LINUX:
        for line in _lines("/proc/self/status"):
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
        return None
    import psutil  # noqa: PLC0415 - heavy

    about = psutil.Process().memory_info()
    of_windows: int | None = getattr(about, "peak_wset", None)
    if of_windows is not None:
        return of_windows
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - not on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS


def reset_own_peak() -> bool:
    """Let the peak of this process begin anew from what it holds now; tell whether the kernel did."""
    if not _IS_LINUX:
        return False
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _family(pid: int) -> Iterator[tuple[int, int, int]]:
    """Yield the PID of each descendant, of its parent, and of the parent's thread that started it (Linux)."""
    for child, thread in _children(pid):
        yield child, pid, thread
        yield from _family(child)


def _children(pid: int) -> Iterator[tuple[int, int]]:
    """Yield the PIDs of the children of ``pid``, each with the thread that started it; none if it ended."""
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - read a hundred times a second
            for line in _lines(f"/proc/{pid}/task/{thread}/children"):
                yield from ((int(child), int(thread)) for child in line.split())


def _own_bytes(child: int, parent: int, thread: int) -> int:
    """Return what a child holds that its parent does not. It never begins to share memory, so that is asked first."""
    return 0 if shares_memory(child, parent, thread) or is_watcher(child) else _private(child)


def _private(pid: int) -> int:
    """Return what a process has alone; all that it has where that cannot be read."""
    private = _from_rollup(pid, "Private_")
    return _resident(pid) if private is None else private


def _resident(pid: int) -> int:
    for line in _lines(f"/proc/{pid}/statm"):
        return int(line.split()[1]) * _PAGE
    return 0


def _anonymous(pid: int) -> int | None:
    return _from_rollup(pid, ("Pss_Anon:", "Pss_Shmem:"))


def _from_rollup(pid: int, prefix: str | tuple[str, ...]) -> int | None:
    """Return the sum of the lines of smaps_rollup that begin with ``prefix``, in bytes; None where it is unreadable."""
    found = [int(line.split()[1]) * 1024 for line in _lines(f"/proc/{pid}/smaps_rollup") if line.startswith(prefix)]
    return sum(found) if found else None


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - read a hundred times a second
            return file.readlines()
    except OSError:  # the process ended, or is not ours to look at
        return []


def _tree_bytes_by_psutil(pid: int) -> int:
    import psutil  # noqa: PLC0415 - heavy

    try:
        process = psutil.Process(pid)
        total: int = process.memory_info().rss
        children = process.children(recursive=True)
    except psutil.Error:
        return 0
    for child in children:
        with contextlib.suppress(psutil.Error):
            total += child.memory_info().rss
    return total
