"""The clean-up strategies and the pressure from which each is used. Python 3.8+, standard library only."""

from __future__ import annotations

from enum import IntEnum
from typing import Optional


class Strategy(IntEnum):
    """How much is given up to free memory; each includes those before it."""

    TRIM = 1  # half of the caches, sessions that are finished
    COMPACT = 2  # three quarters of the caches; holes in stores are closed
    SHED = 3  # nine tenths of the caches, half of the documents that are not in use
    EMERGENCY = 4  # everything that is not in use


# A pressure score from which a strategy is used. Below RELAXED a crisis is over.
LEVELS = ((93.0, Strategy.EMERGENCY), (85.0, Strategy.SHED), (75.0, Strategy.COMPACT), (65.0, Strategy.TRIM))
CRISIS = 85.0
ALERT = 75.0
RELAXED = 60.0
MOST_FROM_TREND = 10.0


def score(used: int, capacity: int, grown: int = 0) -> float:
    """Return the pressure, 0 to 100: the part of the capacity used, and up to ten points for how fast it is rising.

    ``grown`` is by how many bytes use rose in the last cycle; half of it is taken to come again.
    """
    trend = min(MOST_FROM_TREND, 50.0 * max(0, grown) / capacity)
    return min(100.0, 100.0 * used / capacity + trend)


def choose(pressure: float) -> Optional[Strategy]:
    """Return the strategy for this pressure, or None when there is nothing to do."""
    return next((strategy for level, strategy in LEVELS if pressure >= level), None)
