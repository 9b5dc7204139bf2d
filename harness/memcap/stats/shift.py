"""By how much is one sample more than another, and between which bounds does that surely lie?"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from memcap.stats.mann_whitney import EXACT_UP_TO, probabilities_up_to

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROUNDING = 1e-12
_MOST_VALUES = 100
_FEW_DIFFERENCES = 100


@dataclass(frozen=True, kw_only=True)
class Shift:
    """How much more one sample is than another: best estimate, and an interval that holds the truth in all but a few.

    ``confidence`` is what the interval reaches, at least what was asked for: of that share of experiments, or more if
    values are equal, the interval holds the true shift.
    """

    estimate: float
    low: float
    high: float
    confidence: float


def shift(base: Sequence[float], new: Sequence[float], *, confidence: float) -> Shift | None:
    """Return the Hodges-Lehmann shift of ``new`` against ``base``: the median of all differences between the two.

    The interval ends at two order statistics of these differences and assumes nothing of how the values scatter, but
    that they do so alike in both. None where the samples are too small for this confidence, as 4 v 4 for 99 %. Sources:
    J. L. Hodges and E. L. Lehmann, "Estimates of Location Based on Rank Tests", Ann. Math. Statist. 34 (1963); D. F.
    Bauer, "Constructing Confidence Sets Using Rank Statistics", JASA 67 (1972).
    """
    found = interval_rank(len(base), len(new), confidence)
    if found is None:
        return None
    rank, reached = found
    ordered = ordered_differences(tuple(base), tuple(new))
    count = len(ordered)
    places = (rank - 1, (count - 1) // 2, count // 2, count - rank)
    low, below, above, high = [float(ordered[place]) for place in places]
    return Shift(estimate=(below + above) / 2, low=low, high=high, confidence=reached)


def values_needed(other: int, *, confidence: float) -> int | None:
    """Return the fewest values that, beside a sample of ``other``, give an interval of this confidence.

    None where 100 would not do.
    """
    return next((n for n in range(1, _MOST_VALUES + 1) if interval_rank(other, n, confidence)), None)


@lru_cache(maxsize=1)  # the shift and the detectable rise of the same samples are asked for one after the other
def ordered_differences(base: tuple[float, ...], new: tuple[float, ...]) -> Sequence[float] | NDArray[np.float64]:
    """Return what `differences` returns, ascending, not to be changed. Few of them do without NumPy, a slow import."""
    if len(base) * len(new) <= _FEW_DIFFERENCES:
        return sorted([float(here) - float(there) for here in new for there in base])
    found = differences(base, new)
    found.sort()
    return found


def differences(base: Sequence[float], new: Sequence[float]) -> NDArray[np.float64]:
    """Return all differences of a value of ``new`` less a value of ``base``, in no order."""
    import numpy as np  # noqa: PLC0415 - takes long

    return np.subtract.outer(np.array(new, np.float64), np.array(base, np.float64)).ravel()


@lru_cache(maxsize=1024)
def interval_rank(n: int, m: int, confidence: float) -> tuple[int, float] | None:
    """Return which difference from either end (1 = the outermost) bounds the interval, and the confidence reached.

    None where even the outermost ones do not reach ``confidence``, or a sample is empty.
    """
    outside = (1 - confidence) / 2 + _ROUNDING
    if not n or not m or 1 / math.comb(n + m, n) > outside:
        return None
    if n * m <= EXACT_UP_TO:
        below = probabilities_up_to(n, m)
        rank = bisect_right(below, outside)
        return rank, 1 - 2 * below[rank - 1]
    deviation = math.sqrt(n * m * (n + m + 1) / 12)
    normal = NormalDist(n * m / 2, deviation)
    rank = max(1, math.floor(normal.inv_cdf(outside) + 0.5))
    return rank, 1 - 2 * normal.cdf(rank - 0.5)
