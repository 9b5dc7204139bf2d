"""The mean of a few values, and between which bounds it lies."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from memcap.stats.trend import FEWEST_VALUES, student


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean of some values, with its interval."""

    estimate: float
    low: float
    high: float
    confidence: float


def mean_interval(values: Sequence[float], *, confidence: float = 0.95) -> Mean | None:
    """Return the mean of ``values`` with Student's interval; None for fewer than 3 values.

    Source: W. S. Gosset ("Student"), "The Probable Error of a Mean", Biometrika 6 (1908).
    """
    count = len(values)
    if count < FEWEST_VALUES:
        return None
    estimate = statistics.fmean(values)
    reach = student(confidence, count - 1) * statistics.stdev(values) / math.sqrt(count)
    return Mean(estimate=estimate, low=estimate - reach, high=estimate + reach, confidence=confidence)
