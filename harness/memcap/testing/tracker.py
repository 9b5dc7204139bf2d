"""Track the memory of a piece of code from checkpoint to checkpoint."""

from __future__ import annotations

import gc
import time
from types import TracebackType

from memcap.errors import UsageError
from memcap.testing.allocator import return_free_memory
from memcap.testing.meters import RssMeter, make_meter
from memcap.testing.table import MEGABYTE, Checkpoint, megabytes, phase_table

START = "start"


class MemoryTracker:
    """Measure one metric from now on; the first checkpoint is made at once. Use as a context manager, or ``close`` it.

    ``hint`` is added to messages of failures; ``has_explained`` tells whether there was one with all checkpoints.
    Before each checkpoint garbage is collected and the C library returns free memory to the kernel, so that neither is
    growth. Where only large peaks matter, ``quick`` leaves garbage alone and reads rss to some hundred KiB a CPU, which
    saves much time. Raises UsageError for an unknown metric, MemcapError where it cannot be measured.
    """

    def __init__(self, metric: str = "rss", *, hint: str = "", quick: bool = False) -> None:
        self.metric = metric
        self._quick = quick
        self._hint = hint
        self.has_explained = False
        self._meter = make_meter(metric, exactly=not quick)
        self._settle()  # what was left before is no peak of what comes
        self._meter.begin()
        self._is_open = True
        self._started = time.monotonic()
        now = self._meter.now()
        self._checkpoints = [Checkpoint(name=START, seconds=0.0, bytes=now, peak_bytes=now)]

    def __enter__(self) -> MemoryTracker:
        """Return the tracker."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def checkpoints(self) -> tuple[Checkpoint, ...]:
        """Return all checkpoints, the automatic first one included."""
        return tuple(self._checkpoints)

    @property
    def start_bytes(self) -> int:
        """Return what was held at the first checkpoint."""
        return self._checkpoints[0].bytes

    @property
    def own_peak_bytes(self) -> int | None:
        """Return the kernel's peak of this process alone since the start, where it was measured (rss on Linux)."""
        return self._meter.own_peak_bytes if isinstance(self._meter, RssMeter) else None

    def checkpoint(self, name: str) -> Checkpoint:
        """Note what is held now, and the most since the checkpoint before. Raises UsageError after ``close``."""
        made = self.last_checkpoint(name)
        self._meter.peak()  # the collector's own need belongs to no phase
        return made

    def last_checkpoint(self, name: str) -> Checkpoint:
        """Make a checkpoint that no other one follows, which is quicker. Raises UsageError after ``close``."""
        if not self._is_open:
            raise UsageError("the tracker is closed", remedy="Make checkpoints while the test runs.")
        peak = self._meter.peak()
        self._settle()
        now = self._meter.now()
        made = Checkpoint(name=name, seconds=time.monotonic() - self._started, bytes=now, peak_bytes=max(peak, now))
        self._checkpoints.append(made)
        return made

    def get_delta_mb(self) -> float:
        """Return how much more is held now than at the first checkpoint, in MB (1 MB = 1,000,000 bytes)."""
        self._settle()
        return (self._meter.now() - self.start_bytes) / MEGABYTE

    def get_peak_delta_mb(self) -> float:
        """Return how far above the first checkpoint memory ever rose until the last one, in MB."""
        return (max(each.peak_bytes for each in self._checkpoints) - self.start_bytes) / MEGABYTE

    def assert_bounded(self, *, max_mb: float) -> None:
        """Raise AssertionError if memory ever rose more than ``max_mb`` above the first checkpoint."""
        __tracebackhide__ = True
        self.checkpoint("assert_bounded")
        why = self.excess(max_mb=max_mb)
        if why:
            raise AssertionError(self.explain(why))

    def assert_stable(self, *, tolerance_mb: float) -> None:
        """Raise AssertionError if the checkpoints lie further apart than ``tolerance_mb``.

        The automatic first one, taken before anything was warm, counts only if there are fewer than two others. One is
        made now if there is no other.
        """
        __tracebackhide__ = True
        if len(self._checkpoints) == 1:
            self.checkpoint("assert_stable")
        judged = self._checkpoints[1:] if len(self._checkpoints) > 2 else self._checkpoints
        least, most = min(judged, key=lambda each: each.bytes), max(judged, key=lambda each: each.bytes)
        spread = most.bytes - least.bytes
        if spread > tolerance_mb * MEGABYTE:
            raise AssertionError(
                self.explain(
                    f"memory was not stable: {most.name!r} is {megabytes(spread)} above {least.name!r}, "
                    f"beyond the tolerance of {tolerance_mb:g} MB"
                )
            )

    def excess(self, *, max_mb: float | None = None, growth_mb: float | None = None) -> str:
        """Say in words which of the limits is broken as of the last checkpoint; empty if none is.

        ``max_mb`` limits the peak above the first checkpoint, ``growth_mb`` what is still held above it at the last.
        """
        rise, kept = self.get_peak_delta_mb(), self._checkpoints[-1].mb - self._checkpoints[0].mb
        found = []
        if max_mb is not None and rise > max_mb:
            found.append(f"memory rose by {rise:.1f} MB, over the limit of {max_mb:g} MB")
        if growth_mb is not None and kept > growth_mb:
            found.append(f"memory grew by {kept:.1f} MB that is still held, over the limit of {growth_mb:g} MB")
        return "; ".join(found)

    def explain(self, why: str) -> str:
        """Return ``why`` with the metric, the table of checkpoints and, where it is known, what grew."""
        self.has_explained = True
        grown = self._meter.growth()
        lines = [why, f"metric: {self.metric} ({self._meter.description}; 1 MB is 1,000,000 bytes)", "", *self.table()]
        if grown:
            lines += ["", "what grew since the start and is still held:", *grown]
        elif self._hint and self.metric != "tracemalloc":
            lines += ["", self._hint]
        return "\n".join(lines)

    def table(self) -> list[str]:
        """Return the checkpoints as the lines of a table."""
        return phase_table(self._checkpoints)

    def _settle(self) -> None:
        """Free what nobody holds, so that it is not measured."""
        if not self._quick:
            gc.collect()
        return_free_memory()

    def close(self) -> None:
        """Stop measuring; checkpoints stay readable. A second call does nothing."""
        if self._is_open:
            self._is_open = False
            self._meter.end()
