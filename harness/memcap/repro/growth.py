"""How much a generator workload holds more after each cycle. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from memcap.leaks import cycle_growth
from memcap.model import Moment, running
from memcap.stats import tenths

FEWEST_CYCLES: Final = 4
FEWEST_MOMENTS: Final = 4


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How much more was held after each cycle of a generator workload, on average over ``cycles`` whole ones."""

    bytes_per_cycle: float
    cycles: int


def growth_of(series: Sequence[Moment], cycle_seconds: Sequence[float]) -> Growth | None:
    """Return the growth over whole cycles; None where there are too few, or where it did not go on growing.

    ``cycle_seconds`` are the lengths of the cycles; the last of them ended shortly before the peak, as a kill leaves
    it. The first does not count, because it sets up what the others use. Only what was kept until the peak counts, so
    that what comes and goes in a cycle is none.
    """
    lengths = cycle_seconds[1:]
    moments = running(series)
    if len(cycle_seconds) < FEWEST_CYCLES or not moments or sum(lengths) <= 0:
        return None
    peak = max(range(len(moments)), key=lambda place: moments[place].usage - moments[place].file)
    since = moments[peak].seconds - sum(lengths)
    inside = [moment for moment in moments[:peak] if moment.seconds >= since]
    if len(inside) < FEWEST_MOMENTS:
        return None
    marks = tenths(list(accumulate(lengths, initial=since)))
    cycles = len(cycle_seconds)
    found = cycle_growth([moment.seconds for moment in inside], [moment.low for moment in inside], marks, cycles)
    return None if found is None else Growth(bytes_per_cycle=found.per_cycle, cycles=cycles)
