"""What the figures of a scenario are worth: stability and dollars. Pure. Python 3.8+, standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence

SLOW_SECONDS = 1.0


@dataclass(frozen=True)
class Rates:
    """Dollars for a MB that was given back, a second that was not waited, a point of stability, an error avoided."""

    mb: float = 0.10
    second: float = 1.00
    stability_point: float = 0.50
    error: float = 2.00


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of the sorted values lie (nearest rank); 0 of none."""
    if not ordered:
        return 0.0
    return ordered[max(0, min(len(ordered) - 1, round(share * len(ordered)) - 1))]


def stability(error_rate: float, slow_share: float, growth_share: float, crisis_share: float) -> float:
    """Return 0 to 100: from 100 are taken, each up to its most,

    4 for each per cent of errors (40), 20 x the part of cycles slower than a second, 20 x the growth as part of the
    capacity, and 20 x the part of cycles that ended in a crisis.
    """
    return max(
        0.0,
        100.0
        - min(40.0, 4.0 * error_rate)
        - 20.0 * min(1.0, slow_share)
        - 20.0 * max(0.0, min(1.0, growth_share))
        - 20.0 * min(1.0, crisis_share),
    )


def seconds_saved(hits: int, hit_seconds: float, misses: int, miss_seconds: float) -> float:
    """Return what the cache saved: each hit the mean time of a miss, less its own time."""
    if not misses:
        return 0.0
    return max(0.0, hits * miss_seconds / misses - hit_seconds)


def business_value(rates: Rates, mb: float, seconds: float, points: float, errors_avoided: int) -> float:
    """Return what was saved, in dollars."""
    return rates.mb * mb + rates.second * seconds + rates.stability_point * points + rates.error * errors_avoided
