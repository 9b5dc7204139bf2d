"""How small a rise would still be found?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING

from memcap.stats.mann_whitney import EXACT_UP_TO
from memcap.stats.shift import interval_rank, ordered_differences

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

POWER = 0.95
_EXPERIMENTS = 4000
# Differences further out than this share of all are too few to say how far out they usually are.
_OUTERMOST = 0.9


def detectable_rise(base: Sequence[float], new: Sequence[float], *, margin: float, confidence: float) -> float | None:
    """Return the rise beyond which the interval lies above ``margin`` in at least 95 % of such experiments.

    Estimated from how these two samples scatter, whatever lies between them: from the range that a certain share of
    their differences keeps to, which is right for normally distributed values and near for others. None where there is
    no interval; the margin itself where nothing scatters.

    It is an estimate from few values: for 10 v 10 of one distribution, half of all estimates lie within a tenth of the
    true figure (normal values; a fifth for heavy tails). Of rises as large as the median estimate, 92 to 97 in 100 are
    found for normally distributed values, 84 to 100 for heavy tails, skew, or figures in whole pages, and 79 to 100
    where values keep to two levels (see the tests' experiment).
    """
    if interval_rank(len(base), len(new), confidence) is None:
        return None
    reach, factor = _reach(len(base), len(new), confidence)
    ordered = ordered_differences(tuple(base), tuple(new))
    return margin + factor * float(ordered[reach] - ordered[len(ordered) - 1 - reach]) / 2


def _half_ranges(every: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return half of what lies between the ``reach``-th difference of each row (0 = the lowest) and its like from above.

    Both ends, since differences of like samples scatter alike upwards and downwards. The rows are partitioned in place.
    """
    other = every.shape[-1] - 1 - reach
    every.partition((other, reach))
    half: NDArray[np.float64] = (every[..., reach] - every[..., other]) / 2
    return half


@lru_cache(maxsize=1024)
def _reach(n: int, m: int, confidence: float) -> tuple[int, float]:
    """Return which difference to look at, and by what to multiply it, so that normal values give the rise found.

    By experiment where U is counted; beyond, by the normal distribution and the efficiency of ranks, 3 / pi.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    found = interval_rank(n, m, confidence)
    if found is None:
        raise ValueError(f"{n} and {m} values have no interval of confidence {confidence}")
    normal, last = NormalDist(), n * m - 1
    error = math.sqrt((1 / n + 1 / m) * math.pi / 3)  # of the shift, in standard deviations of the values
    deviations = error * (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(POWER))
    share = min(_OUTERMOST, normal.cdf(deviations / math.sqrt(2)))
    reach = math.ceil(share * last)
    if n * m > EXACT_UP_TO:
        return reach, deviations / (math.sqrt(2) * normal.inv_cdf(share))
    draw = np.random.RandomState(0)  # its numbers stay the same from one version of NumPy to the next
    every = draw.standard_normal((_EXPERIMENTS, 1, n)) - draw.standard_normal((_EXPERIMENTS, m, 1))
    every = every.reshape(_EXPERIMENTS, n * m)
    lows = np.partition(every, found[0] - 1, axis=1)[:, found[0] - 1]
    needed = -float(np.quantile(lows, 1 - POWER))
    return reach, needed / float(np.median(_half_ranges(every, reach)))
