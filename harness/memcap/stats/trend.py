"""Where does a series lead if it goes on as it went? A straight line through it, with the interval of a new value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

FEWEST_VALUES = 3  # two values lie on a line whatever they are


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The value that is expected at ``at``, and between which bounds one will surely lie if the series stays straight.

    ``slope`` is the growth from one value of the series to the next.
    """

    at: int
    estimate: float
    low: float
    high: float
    slope: float
    confidence: float


def project(values: Sequence[float], *, at: int, confidence: float = 0.95) -> Projection | None:
    """Return what the ``at``-th value would be (1 = the first), by least squares; None for fewer than 3 values.

    The interval is Student's for one new value, with what successive values have in common taken into account: memory
    comes in arenas and pages, so that a deviation from the line lasts for some values, and n values then say no more
    than n (1 - r) / (1 + r) independent ones, where r is the correlation of each deviation with the next. It reaches at
    least to where the later half of the values leads by itself, as a series may bend. Sources: N. R. Draper and H.
    Smith, "Applied Regression Analysis", section 3.1; G. V. Bayley and J. M. Hammersley, "The Effective Number of
    Independent Observations in an Autocorrelated Time Series", J. R. Statist. Soc. Suppl. 8 (1946).
    """
    count = len(values)
    if count < FEWEST_VALUES:
        return None
    middle, mean, slope = _line(values)
    deviations = [y - mean - slope * (x - middle) for x, y in enumerate(values, start=1)]
    squares = math.fsum(each**2 for each in deviations)
    together = max(0.0, math.fsum(a * b for a, b in pairwise(deviations)))
    lasting = together / squares if squares else 0.0
    worth = max(float(FEWEST_VALUES), count * (1 - lasting) / (1 + lasting))
    variance = squares / count * worth / (worth - 2)
    error = math.sqrt(variance * (1 + (1 + 12 * (at - middle) ** 2 / (count**2 - 1)) / worth))
    estimate = mean + slope * (at - middle)
    reach = max(error * student(confidence, max(1, round(worth) - 2)), abs(_by_later_half(values, at) - estimate))
    return Projection(
        at=at,
        estimate=estimate,
        low=estimate - reach,
        high=estimate + reach,
        slope=slope,
        confidence=confidence,
    )


def _line(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the middle of 1 … n, the mean of the values and the slope of the line through them."""
    count = len(values)
    middle, mean = (count + 1) / 2, math.fsum(values) / count
    spread = count * (count**2 - 1) / 12  # of 1 … n about their middle, squared and added up
    return middle, mean, math.fsum((x - middle) * (y - mean) for x, y in enumerate(values, start=1)) / spread


def _by_later_half(values: Sequence[float], at: int) -> float:
    begin = len(values) // 2
    middle, mean, slope = _line(values[begin:])
    return mean + slope * (at - begin - middle)


@lru_cache(maxsize=256)
def student(confidence: float, freedom: int) -> float:
    """Return the t beyond which Student's distribution with ``freedom`` degrees lies, on both sides, in 1 - confidence.

    Raises ValueError for a confidence that is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence of {confidence} is not between 0 and 1")
    low, high = 0.0, 1.0
    while _within(high, freedom) < confidence:
        high *= 2
    while high - low > 1e-12 * high:
        half = (low + high) / 2
        low, high = (half, high) if _within(half, freedom) < confidence else (low, half)
    return (low + high) / 2


def _within(t: float, freedom: int) -> float:
    """Return P(-t < T < t), exactly. Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.3-4."""
    angle = math.atan(t / math.sqrt(freedom))
    sine, cosine = math.sin(angle), math.cos(angle)
    odd = freedom % 2
    term = total = cosine if odd else 1.0
    for k in range(2 + odd, freedom - 1, 2):
        term *= cosine**2 * (k - 1) / k
        total += term
    if not odd:
        return sine * total
    return 2 / math.pi * (angle + (sine * total if freedom > 1 else 0.0))
