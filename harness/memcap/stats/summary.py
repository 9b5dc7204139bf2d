"""The summary of a few values: where they lie, and how far they scatter."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

_WHOLE = frozenset({int, bool})


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The spread of ``n`` values, in the unit of the values."""

    median: float
    min: float
    max: float
    mad: float
    n: int


def median(values: Sequence[float]) -> float:
    """Return the middle value, or the mean of the two middle ones; whole numbers stay whole where that is exact.

    Raises ValueError for no values. The median is preferred to the mean because one disturbed run does not move it.
    """
    if not values:
        raise ValueError("no values have no median")
    return _middle(sorted(values))


def _middle(ordered: Sequence[float]) -> float:
    """Return the median of sorted values. A check of a large campaign needs half a million medians."""
    half, is_odd = divmod(len(ordered), 2)
    if is_odd:
        return ordered[half]
    middle = (ordered[half - 1] + ordered[half]) / 2
    return int(middle) if middle.is_integer() and _WHOLE.issuperset(map(type, ordered)) else middle


def mad(values: Sequence[float]) -> float:
    """Return the median absolute deviation from the median, unscaled, as pyperf does.

    Raises ValueError for no values. Source: F. R. Hampel, "The Influence Curve and Its Role in Robust Estimation",
    JASA 69 (1974). Multiply by 1.4826 to estimate the standard deviation of normally distributed values.
    """
    centre = median(values)
    return median([abs(value - centre) for value in values])


def summarize(values: Sequence[float]) -> Summary | None:
    """Return the summary of ``values``, or None where there are none."""
    if not values:
        return None
    ordered = sorted(values)
    centre = _middle(ordered)
    distances = sorted([abs(value - centre) for value in ordered])
    return Summary(median=centre, min=ordered[0], max=ordered[-1], mad=_middle(distances), n=len(ordered))


def relative_change(base: float | None, new: float | None) -> float | None:
    """Return how far ``new`` is from ``base`` as a fraction of ``base`` (0.1 = 10 % more).

    None where one of them is not known, or ``base`` is 0.
    """
    return (new - base) / base if base and new is not None else None


def variation(values: Sequence[float]) -> float | None:
    """Return the coefficient of variation as a fraction: the sample's standard deviation by its mean.

    None for fewer than two values, or a mean of 0.
    """
    mean = statistics.fmean(values) if len(values) > 1 else 0
    return statistics.stdev(values) / mean if mean else None
