"""Three ways to spend less time in Python's garbage collector, and when it matters least. Python 3.8+.

Reference counts free most objects at once; the collector looks for cycles. Each of these lets more garbage of cycles
wait, for a while and up to a bound, and leaves the collector as it was found.
"""

from __future__ import annotations

import gc
import time
from contextlib import contextmanager
from types import TracebackType
from typing import Callable, Iterator, Optional, Type

_DECAY = 0.9  # how much of what was seen still counts after each collection


class AdaptiveThresholds:
    """Collect less often while the collector takes more than ``target`` of the time, more often when it takes little.

    The first threshold, the number of new objects after which the collector runs, is doubled and halved between
    ``floor`` and ``ceiling``. A context manager.
    """

    def __init__(
        self,
        target: float = 0.02,
        floor: int = 700,
        ceiling: int = 200_000,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._target, self._floor, self._ceiling, self._clock = target, floor, ceiling, clock
        self._began = self._ended = self._spent = self._elapsed = 0.0
        self._found = gc.get_threshold()

    @property
    def threshold(self) -> int:
        """Return the first threshold as it is now."""
        return gc.get_threshold()[0]

    def __enter__(self) -> AdaptiveThresholds:
        self._found = gc.get_threshold()
        self._ended = self._clock()
        gc.callbacks.append(self._note)
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        gc.callbacks.remove(self._note)
        gc.set_threshold(*self._found)

    def _note(self, phase: str, info: object) -> None:
        now = self._clock()
        if phase == "start":
            self._began = now
            return
        self._spent = self._spent * _DECAY + now - self._began
        self._elapsed = self._elapsed * _DECAY + now - self._ended
        self._ended = now
        share = self._spent / self._elapsed if self._elapsed > 0 else 0.0
        if share > self._target:
            self._set(min(self.threshold * 2, self._ceiling))
        elif share < self._target / 8:
            self._set(max(self.threshold // 2, self._floor))

    def _set(self, first: int) -> None:
        gc.set_threshold(first, *self._found[1:])


@contextmanager
def paused() -> Iterator[None]:
    """Keep the collector off while a batch makes objects that will all be kept; on again afterwards if it was on."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class DeferredCollector:
    """Collect when nobody waits: call ``idle`` between requests. A context manager; within it the collector is off.

    Should idle moments fail to come, ``before_request`` collects once ``most_waiting`` new objects have piled up, so
    that garbage has a bound. Every tenth collection looks at the middle generation too, every hundredth at all.
    """

    def __init__(self, enough: int = 2_000, most_waiting: int = 50_000) -> None:
        self._enough, self._most_waiting = enough, most_waiting
        self._was_on = gc.isenabled()
        self.collections = 0
        self.forced = 0

    def __enter__(self) -> DeferredCollector:
        self._was_on = gc.isenabled()
        gc.disable()
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        if self._was_on:
            gc.enable()

    def idle(self) -> None:
        """Collect, if there is enough to look at."""
        if gc.get_count()[0] >= self._enough:
            self._collect()

    def before_request(self) -> None:
        """Collect only if far too much has piled up."""
        if gc.get_count()[0] >= self._most_waiting:
            self.forced += 1
            self._collect()

    def _collect(self) -> None:
        self.collections += 1
        gc.collect(2 if self.collections % 100 == 0 else 1 if self.collections % 10 == 0 else 0)
