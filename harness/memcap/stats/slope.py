"""By how much does a figure rise with another one, and between which bounds does that lie?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from memcap.stats.trend import student


@dataclass(frozen=True, kw_only=True)
class Slope:
    """The rise of y for each x, and its interval; that is None where no point is left to tell how far they scatter."""

    estimate: float
    low: float | None
    high: float | None
    confidence: float


def common_slope(groups: Sequence[Sequence[tuple[float, float]]], *, confidence: float = 0.95) -> Slope | None:
    """Return the slope that straight lines through each group of points (x, y) share, by least squares.

    Each group has a height of its own, so that what makes one run need more than another is no part of the slope. None
    where x is the same in each group. The interval is Student's, for a slope of independent points. Source: N. R.
    Draper and H. Smith, "Applied Regression Analysis", sections 1.4 and 14.2.
    """
    centred = [point for group in groups if group for point in _centred(group)]
    squares = math.fsum(x * x for x, _ in centred)
    if not squares:
        return None
    estimate = math.fsum(x * y for x, y in centred) / squares
    freedom = len(centred) - sum(1 for group in groups if group) - 1
    if freedom < 1:
        return Slope(estimate=estimate, low=None, high=None, confidence=confidence)
    rest = math.fsum((y - estimate * x) ** 2 for x, y in centred)
    reach = student(confidence, freedom) * math.sqrt(rest / freedom / squares)
    return Slope(estimate=estimate, low=estimate - reach, high=estimate + reach, confidence=confidence)


def _centred(group: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the points about the middle of their group."""
    x_mean, y_mean = (math.fsum(values) / len(group) for values in zip(*group, strict=True))
    return [(x - x_mean, y - y_mean) for x, y in group]
