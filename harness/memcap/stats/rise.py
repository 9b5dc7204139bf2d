"""Does a series rise for good, and all the time?"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Final

TENTHS: Final = 10
TENTHS_OF_A_PART: Final = 3  # three parts; the last tenth is the end
EVEN: Final = 0.15  # of the rise must be in each part; a third of it is, if the series is a straight line


@dataclass(frozen=True, kw_only=True)
class Rise:
    """How much higher a series was at the end than at the beginning, at least, and the seconds between."""

    amount: float
    seconds: float


def steady_rise(seconds: Sequence[float], values: Sequence[float], marks: Sequence[float]) -> Rise | None:
    """Return the rise from the first of ``marks`` to its last tenth; None where it is not in each third of that.

    ``seconds`` are the times of ``values``, in order; ``marks`` are the times that ``tenths`` returns. What counts at a
    mark is the least of all values from there on: what was given back later is no rise. So a sawtooth has none. A step,
    and what levels off, are not in each third. A mark after the last value has the last.
    """
    if not values or not marks:
        return None
    parts = parts_of_rise(seconds, values, marks[::TENTHS_OF_A_PART])
    amount = sum(part.amount for part in parts)
    if amount <= 0 or any(part.amount < EVEN * amount for part in parts):
        return None
    return Rise(amount=amount, seconds=sum(part.seconds for part in parts))


def parts_of_rise(seconds: Sequence[float], values: Sequence[float], marks: Sequence[float]) -> list[Rise]:
    """Return how far the series rose for good between each two of ``marks``; 0 where it did not, never less."""
    kept = list(accumulate(reversed(values), min))[::-1]
    places = [min(bisect_left(seconds, mark), len(kept) - 1) for mark in marks]
    return [
        Rise(amount=kept[after] - kept[before], seconds=seconds[after] - seconds[before])
        for before, after in pairwise(places)
    ]


def tenths(values: Sequence[float]) -> tuple[float, ...]:
    """Return the first of ``values``, what lies at each tenth of their number after it, and the last."""
    return tuple(_at(values, (len(values) - 1) * tenth / TENTHS) for tenth in range(TENTHS + 1))


def _at(values: Sequence[float], place: float) -> float:
    """Return the value at ``place``, which may lie between two."""
    before = int(place)
    after = min(before + 1, len(values) - 1)
    return values[before] + (values[after] - values[before]) * (place - before)
