"""The metrics that a tracker can measure, one class each.

What notes peaks (the kernel, tracemalloc, a watcher) is there once for all trackers of a process, and begins anew when
it is read; so all meters that are open are told of what any of them reads.
"""

from __future__ import annotations

import atexit
import contextlib
import os
from typing import TYPE_CHECKING, Protocol

from memcap.errors import UsageError
from memcap.testing.cgroup import CgroupFolder, own_cgroup
from memcap.testing.reading import own_peak_bytes, reset_own_peak, tree_bytes
from memcap.testing.watcher import Watcher

if TYPE_CHECKING:
    from tracemalloc import Snapshot

METRICS = ("rss", "tracemalloc", "cgroup")
FRAMES = 10


class Meter(Protocol):
    """Read one metric; between ``begin`` and ``end`` its peaks too."""

    description: str

    def begin(self) -> None:
        """Make ready. Raises MemcapError where it cannot be measured."""
        ...

    def now(self) -> int:
        """Return the bytes held now."""
        ...

    def peak(self) -> int:
        """Return the most bytes held since ``begin`` or the last call."""
        ...

    def growth(self) -> tuple[str, ...]:
        """Return in lines what has been allocated since ``begin`` and is still held, as far as that is known."""
        ...

    def end(self) -> None:
        """Leave everything as it was found."""
        ...


def make_meter(metric: str, *, exactly: bool = True) -> Meter:
    """Return the meter of ``metric``, one of METRICS. Raises UsageError for another name.

    ``exactly`` is as for ``tree_bytes``; the other metrics are always exact.
    """
    if metric == "rss":
        return RssMeter(exactly=exactly)
    if metric == "tracemalloc":
        return TracemallocMeter()
    if metric == "cgroup":
        return CgroupMeter()
    raise UsageError(f"there is no metric {metric!r} for tests", remedy=f"Use one of {', '.join(METRICS)}.")


class _Open:
    """The meters of one metric that are open, and the peak that each has not been told of yet."""

    def __init__(self) -> None:
        self._pending: dict[object, int] = {}

    def add(self, meter: object) -> None:
        self._pending[meter] = 0

    def remove(self, meter: object) -> bool:
        """Tell whether that was the last one."""
        self._pending.pop(meter, None)
        return not self._pending

    def take(self, meter: object, peak: int) -> int:
        """Tell all of ``peak``, and return the largest that ``meter`` had not been told of."""
        for each, known in self._pending.items():
            self._pending[each] = max(known, peak)
        largest, self._pending[meter] = self._pending[meter], 0
        return largest


class RssMeter:
    """Resident memory of this process, and what its children have of their own.

    The peak of this process is the kernel's where that can be reset (Linux); what children add is watched.
    """

    description = "resident memory of the process that runs the test, and of its children"
    _open, _open_alone = _Open(), _Open()

    def __init__(self, *, exactly: bool = True) -> None:
        self._exactly = exactly

    def begin(self) -> None:
        """Start watching."""
        self._watcher = _watcher("tree")
        self._open.add(self)
        self._open_alone.add(self)
        self.own_peak_bytes: int | None = None
        self.peak()
        self.own_peak_bytes = None  # that was before

    def now(self) -> int:
        """Return what process and children hold now."""
        return tree_bytes(os.getpid(), exactly=self._exactly)

    def peak(self) -> int:
        """Return the most since the last call."""
        own = forget_own_peak()
        peak = max(tree_bytes(os.getpid()), self._watcher.peak_bytes() or 0, own or 0)
        if own is not None:
            self.own_peak_bytes = max(self._open_alone.take(self, own), self.own_peak_bytes or 0)
        return self._open.take(self, peak)

    def growth(self) -> tuple[str, ...]:
        """Return nothing: the kernel does not know who asked for a page."""
        return ()

    def end(self) -> None:
        """Stop watching, if no other meter is open."""
        self._open_alone.remove(self)
        if self._open.remove(self):
            self._watcher.pause()


class TracemallocMeter:
    """What Python's allocators hold for this process; exact, but children and C libraries are not seen."""

    description = "memory allocated by Python, as tracemalloc counts it (without children and C libraries)"
    _open = _Open()
    _was_started_here = False

    def begin(self) -> None:
        """Start tracing, unless somebody did already."""
        import tracemalloc  # noqa: PLC0415 - for those who ask for it

        self._module = tracemalloc
        if not tracemalloc.is_tracing():
            tracemalloc.start(FRAMES)
            TracemallocMeter._was_started_here = True
        self._before: Snapshot = tracemalloc.take_snapshot()
        self._open.add(self)
        self.peak()

    def now(self) -> int:
        """Return what is traced now."""
        return self._module.get_traced_memory()[0]

    def peak(self) -> int:
        """Return the most that was traced since the last call."""
        found = self._open.take(self, self._module.get_traced_memory()[1])
        self._module.reset_peak()
        return found

    def growth(self) -> tuple[str, ...]:
        """Return the allocations that grew most, each with the calls that led to it."""
        from memcap.testing.snapshots import growth_lines  # noqa: PLC0415 - for failures only

        return growth_lines(self._before, self._module.take_snapshot())

    def end(self) -> None:
        """Stop tracing, if it was started here and no other meter is open."""
        if self._open.remove(self) and self._was_started_here:
            self._module.stop()
            TracemallocMeter._was_started_here = False


class CgroupMeter:
    """Unreclaimable bytes of the cgroup of this process: of everything in the container, not only of the test."""

    description = "unreclaimable memory of the whole cgroup: anonymous, shared and kernel"
    _open = _Open()

    def begin(self) -> None:
        """Find the cgroup, and start watching. Raises MemcapError where there is none."""
        self._folder = own_cgroup()
        self._watcher = _watcher("cgroup", self._folder)
        self._open.add(self)
        self.peak()

    def now(self) -> int:
        """Return what the cgroup holds now."""
        return self._folder.unreclaimable_bytes()

    def peak(self) -> int:
        """Return the most since the last call, watched: the kernel keeps no high-water mark of this."""
        return self._open.take(self, max(self.now(), self._watcher.peak_bytes() or 0))

    def growth(self) -> tuple[str, ...]:
        """Return nothing: the kernel does not know who asked for a page."""
        return ()

    def end(self) -> None:
        """Stop watching, if no other meter is open."""
        if self._open.remove(self):
            self._watcher.pause()


_watchers: dict[str, Watcher] = {}
_earlier_peak = 0


def forget_own_peak() -> int | None:
    """Return the peak of this process since it was last forgotten; None where the kernel cannot forget it."""
    global _earlier_peak  # noqa: PLW0603 - there is one process, and it has one peak
    found = own_peak_bytes()
    if found is None or not reset_own_peak():
        return None
    _earlier_peak = max(_earlier_peak, found)
    return found


def lifetime_peak_bytes() -> int:
    """Return the largest resident size that this process ever had, without its children."""
    return max(_earlier_peak, own_peak_bytes() or 0)


def _watcher(kind: str, cgroup: CgroupFolder | None = None) -> Watcher:
    """Return the watcher of this process for one kind of figure, started when it is first needed."""
    if kind not in _watchers or not _watchers[kind].is_ours:  # a fork has its parent's
        _watchers[kind] = Watcher(cgroup)
        atexit.unregister(_end_watchers)
        atexit.register(_end_watchers)
    return _watchers[kind]


def _end_watchers() -> None:
    while _watchers:
        with contextlib.suppress(OSError):
            _watchers.popitem()[1].close()
