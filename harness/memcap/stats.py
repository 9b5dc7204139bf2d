"""Numbers in, numbers out: the summary statistics of a few runs. Pure; no units, no rounding."""

from __future__ import annotations

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


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
    middle = statistics.median(values)
    if all(isinstance(value, int) for value in values) and middle == int(middle):
        return int(middle)
    return middle


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
    return Summary(median=median(values), min=min(values), max=max(values), mad=mad(values), n=len(values))


def relative_change(base: float, new: float) -> float | None:
    """Return how far ``new`` is from ``base`` as a fraction of ``base`` (0.1 = 10 % more), or None if that is 0."""
    return (new - base) / base if base else None


def variation(values: Sequence[float]) -> float | None:
    """Return the coefficient of variation as a fraction: the sample's standard deviation by its mean.

    None for fewer than two values, or a mean of 0.
    """
    mean = statistics.fmean(values) if len(values) > 1 else 0
    return statistics.stdev(values) / mean if mean else None


def spread_test(base: Sequence[float], new: Sequence[float], *, resamples: int = 4999) -> tuple[float, float]:
    """Return how likely chance alone makes ``new`` scatter as much less, and as much more, than ``base`` as it does.

    Both are one-sided p-values of a permutation test on the absolute deviations from each sample's own median, relative
    to it, so that a sample which needs less is not quieter by that alone. Always the same answer for the same values.
    Source: M. B. Brown and A. B. Forsythe, "Robust Tests for the Equality of Variances", JASA 69 (1974), with
    permutations in place of the F distribution. Not promised: that a real difference is found: with 10 values a side, a
    scatter of a third is found 4 times of 5 (p <= 0.05), of a half every other time. Raises ValueError for no values.
    """
    deviations = _relative_deviations(base), _relative_deviations(new)
    together = [*deviations[0], *deviations[1]]
    found = sum(deviations[0])
    grain = 1e-9 * sum(together)  # sums of the same numbers in another order differ in their last digits
    chance = random.Random(0)  # noqa: S311 - nothing secret
    drawn = [sum(chance.sample(together, len(base))) for _ in range(resamples)]
    less = sum(each >= found - grain for each in drawn)
    more = sum(each <= found + grain for each in drawn)
    return (less + 1) / (resamples + 1), (more + 1) / (resamples + 1)


def holm(probabilities: Sequence[float]) -> tuple[float, ...]:
    """Return p-values corrected for being several: among all of them a false alarm is as likely as each one says.

    Source: S. Holm, "A Simple Sequentially Rejective Multiple Test Procedure", Scand. J. Statist. 6 (1979).
    """
    ranked = sorted(range(len(probabilities)), key=lambda index: probabilities[index])
    corrected, largest = dict.fromkeys(ranked, 1.0), 0.0
    for rank, index in enumerate(ranked):
        largest = max(largest, min(1.0, probabilities[index] * (len(ranked) - rank)))
        corrected[index] = largest
    return tuple(corrected[index] for index in range(len(probabilities)))


def _relative_deviations(values: Sequence[float]) -> list[float]:
    centre = median(values)
    return [abs(value - centre) / centre if centre else 0.0 for value in values]
