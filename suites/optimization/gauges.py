"""What a benchmark measures of itself: memory held, time in the collector, percentiles of latency. Python 3.8+."""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Callable, Dict, Iterator, List, Optional, Type

_HELD = (("/proc/self/smaps_rollup", "Anonymous:"), ("/proc/self/status", "RssShmem:"), ("/proc/self/status", "VmPTE:"))


def held_bytes() -> int:
    """Return what this process holds and the kernel cannot take back: anonymous and shared memory, page tables."""
    total = 0
    for path, name in _HELD:
        with Path(path).open(encoding="ascii") as file:
            total += next(int(line.split()[1]) for line in file if line.startswith(name)) * 1024
    return total


class GcClock:
    """Time what the collector takes within the context, all in all if that is entered several times.

    In CPU time of the thread, which does not depend on what else the machine does.
    """

    def __init__(self, clock: Callable[[], float] = time.thread_time) -> None:
        self._clock = clock
        self._began = self._entered = 0.0
        self.seconds = 0.0
        self.elapsed = 0.0
        self.collections = 0

    def __enter__(self) -> GcClock:
        self._entered = self._clock()
        gc.callbacks.append(self._note)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        gc.callbacks.remove(self._note)
        self.elapsed += self._clock() - self._entered

    @property
    def percent(self) -> float:
        """Return the collector's part of the time that has passed within the context."""
        return 100 * self.seconds / self.elapsed if self.elapsed else 0.0

    def metrics(self) -> Dict[str, float]:
        """Return the part of the time, the seconds, and how often the collector ran."""
        return {"gc_percent": self.percent, "gc_ms": self.seconds * 1000, "gc_collections": self.collections}

    def _note(self, phase: str, info: Any) -> None:
        if phase == "start":
            self._began = self._clock()
        else:
            self.seconds += self._clock() - self._began
            self.collections += 1


class Latencies:
    """The durations of one kind of operation."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._seconds: List[float] = []

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Time what is within."""
        began = self._clock()
        yield
        self._seconds.append(self._clock() - began)

    def percentile(self, percent: float) -> float:
        """Return the least duration that ``percent`` of all do not exceed (nearest rank), in ms."""
        ordered = sorted(self._seconds)
        return ordered[max(0, -int(-percent * len(ordered) // 100) - 1)] * 1000

    def metrics(self, name: str) -> Dict[str, float]:
        """Return the percentiles as extra metrics: ``NAME_p50_ms``, p95, p99, and the longest as ``NAME_max_ms``."""
        found = {f"{name}_p{percent}_ms": self.percentile(percent) for percent in (50, 95, 99)}
        return {**found, f"{name}_max_ms": self.percentile(100)}
