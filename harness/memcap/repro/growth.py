"""How much a generator workload holds more after each cycle. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.model import Moment

FEWEST_CYCLES: Final = 3
FEWEST_MOMENTS: Final = 4
STEADY: Final = 0.2  # of the growth must be in each half of the time: what came at once is no growth


@dataclass(frozen=True, kw_only=True)
class Growth:
    """How much more was held after each cycle of a generator workload, on average over ``cycles`` whole ones."""

    bytes_per_cycle: float
    cycles: int


def growth_of(series: Sequence[Moment], cycle_seconds: Sequence[float]) -> Growth | None:
    """Return the growth over whole cycles; None where there are too few, or where it did not grow all the time.

    ``cycle_seconds`` are the lengths of the cycles; the last of them ended shortly before the peak, as a kill leaves
    it. What is after the peak is that of a killed process. Only the least that was held in each span of the series
    counts, so that what comes and goes in a cycle is none.
    """
    length = sum(cycle_seconds)
    if len(cycle_seconds) < FEWEST_CYCLES or not series or length <= 0:
        return None
    peak = max(range(len(series)), key=lambda place: series[place].usage - series[place].file)
    since = series[peak].seconds - length
    inside = [moment for moment in series[:peak] if moment.seconds >= since]
    if len(inside) < FEWEST_MOMENTS:
        return None
    first, middle, last = inside[0].low, inside[len(inside) // 2].low, inside[-1].low
    grown = last - first
    if grown <= 0 or not STEADY * grown <= middle - first <= (1 - STEADY) * grown:
        return None
    seen = inside[-1].seconds - inside[0].seconds
    return Growth(bytes_per_cycle=grown / seen * length / len(cycle_seconds), cycles=len(cycle_seconds))
