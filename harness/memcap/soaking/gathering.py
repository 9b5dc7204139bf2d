"""Put the looks at a workload together: samples to show, and the series to judge."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from memcap.leaks import TEETH, Collection, Garbage, Series
from memcap.model import FinalCollection, Grown, MemoryLook, PythonLook, SoakRules, SoakSample, WorkLook

_LONGEST_EXIT = 8  # of which a part of all looks may be left out
_MOST_COUNTS = 48  # of objects that are kept, as the verdict has windows
SLACK = 0.25  # of an interval: a look so much earlier than its time is still taken for it


def samples_of(
    memory: Sequence[MemoryLook], work: Sequence[WorkLook], python: Sequence[PythonLook], rules: SoakRules
) -> tuple[SoakSample, ...]:
    """Return a sample for each interval, with the work and the Python processes that were looked at last before it.

    The first look and the last are samples in any case; the last takes the place of one shortly before.
    """
    found: list[SoakSample] = []
    due = 0.0
    times = [each.seconds for each in work]
    for place, look in enumerate(memory):
        is_last = place == len(memory) - 1
        if look.seconds < due - SLACK * rules.step_seconds and not is_last:
            continue
        due = max(due + rules.interval_seconds, look.seconds + rules.interval_seconds / 2)
        if is_last and len(found) > 1 and look.seconds < found[-1].memory.seconds + SLACK * rules.interval_seconds:
            found.pop()  # it says the same
        done = bisect_right(times, look.seconds + rules.step_seconds / 2) - 1
        found.append(
            SoakSample(
                memory=look, work=work[done] if done >= 0 else None, python=_processes_at(look.seconds, python, rules)
            )
        )
    return tuple(found)


def _processes_at(seconds: float, python: Sequence[PythonLook], rules: SoakRules) -> tuple[PythonLook, ...]:
    """Return the last look at each process that is not older than two intervals."""
    end = bisect_right(python, seconds + rules.step_seconds / 2, key=lambda each: each.seconds)
    latest: dict[int, PythonLook] = {}
    for look in reversed(python[:end]):
        if look.seconds < seconds - 2 * rules.interval_seconds:
            break
        latest.setdefault(look.pid, look)
    return tuple(latest[pid] for pid in sorted(latest))


def without_exit(memory: Sequence[MemoryLook]) -> Sequence[MemoryLook]:
    """Leave out the end in which memory only falls: a program gives it back before it is seen to exit."""
    low = [look.low_bytes or 0 for look in memory]
    last, least = len(memory), len(memory) - len(memory) // _LONGEST_EXIT
    while last > max(1, least) and low[last - 1] < low[last - 2]:
        last -= 1
    return memory[:last]


def series_of(memory: Iterable[MemoryLook], work: Sequence[WorkLook]) -> Series:
    """Return the least unreclaimable memory of each step over time, with the work done until then if it is counted.

    A look without it is no point: that of a workload that has just ended, and gives its memory back.
    """
    seen = [(look.seconds, look.low_bytes) for look in memory if look.low_bytes is not None]
    seconds = [each for each, _ in seen]
    counts = _done_at(seconds, work) if work else None
    return Series(seconds=seconds, values=[float(low) for _, low in seen], work=counts)


def _done_at(seconds: Sequence[float], work: Sequence[WorkLook]) -> list[float]:
    """Return the work done at each time: on the straight line between two looks at it."""
    times, counts = [0.0], [0.0]
    for look in work:
        times.append(max(look.seconds, times[-1]))
        counts.append(max(float(look.done), counts[-1]))
    return [_between(each, times, counts) for each in seconds]


def _between(at: float, times: Sequence[float], counts: Sequence[float]) -> float:
    after = bisect_right(times, at)
    if after == len(times):
        return counts[-1]
    if after == 0:
        return counts[0]
    way = times[after] - times[after - 1]
    share = (at - times[after - 1]) / way if way else 1.0
    return counts[after - 1] + share * (counts[after] - counts[after - 1])


def garbage_of(python: Iterable[PythonLook], final: FinalCollection | None) -> Garbage | None:
    """Return what is known of the garbage of the process that made the ``final`` collection.

    None without one, and where the program has turned the collector off: nobody would have freed its garbage.
    """
    if final is None or not final.is_enabled:
        return None
    counts: list[tuple[float, int]] = []
    collections: list[Collection] = []
    before = None
    for look in python:
        if look.pid != final.pid or look.gc_objects is None or look.seconds > final.seconds:
            continue
        done = look.gc_collections[-1] if look.gc_collections else 0
        if counts and before is not None and done > before:
            freed = max(counts[-1][1] - look.gc_objects, 0)
            more = min(done - before, TEETH) - 1
            collections += [Collection(seconds=look.seconds, objects=each) for each in (freed, *[0] * more)]
        counts.append((look.seconds, look.gc_objects))
        before = done
    return Garbage(
        counts=_least_of_each(counts),
        collections=collections[-TEETH:],
        freed_objects=max(final.objects_before - final.objects_after, 0),
        freed_bytes=final.freed_bytes,
    )


def _least_of_each(counts: Sequence[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return the least of each of at most `_MOST_COUNTS` windows with as many counts."""
    windows = min(_MOST_COUNTS, len(counts))
    bounds = [len(counts) * place // windows for place in range(windows + 1)] if windows else []
    return [min(counts[begin:end], key=lambda each: each[1]) for begin, end in pairwise(bounds)]


def work_while(grown: Grown, work: Sequence[WorkLook]) -> float:
    """Return the work that was done while this grew."""
    before, after = _done_at([grown.since_seconds, grown.seconds], work)
    return after - before


def growth_between(memory: Sequence[MemoryLook], begin: float, end: float) -> int | None:
    """Return how much more was unreclaimable at ``end`` than at ``begin``; None if it was not seen at both."""
    lows = [(look.seconds, look.low_bytes) for look in memory if look.low_bytes is not None]
    before = next((low for seconds, low in lows if seconds > begin), None)
    after = next((low for seconds, low in reversed(lows) if begin < seconds <= end), None)
    return None if before is None or after is None else after - before


class Thinned:
    """Looks at memory, never more than ``most``: where there are more, of two neighbours the lower stays.

    For a view while a soak runs, which may take days. What is judged at the end has every look.
    """

    def __init__(self, most: int = 4096) -> None:
        self._most = most
        self._group = 1  # looks that become one
        self._open: list[MemoryLook] = []
        self.looks: list[MemoryLook] = []

    def add(self, look: MemoryLook) -> None:
        """Take another look, later than those before."""
        self._open.append(look)
        if len(self._open) < self._group:
            return
        self.looks.append(_lowest(self._open))
        self._open.clear()
        if len(self.looks) >= self._most:
            self.looks = [_lowest(self.looks[place : place + 2]) for place in range(0, len(self.looks), 2)]
            self._group *= 2


def _lowest(looks: Sequence[MemoryLook]) -> MemoryLook:
    """Return the last of ``looks`` with the least memory of all."""
    lows = [look.low_bytes for look in looks if look.low_bytes is not None]
    return replace(looks[-1], low_bytes=min(lows)) if lows else looks[-1]
