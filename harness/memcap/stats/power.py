"""How small a rise would still be found?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist

from memcap.stats.null import EXACT_UP_TO
from memcap.stats.shift import differences, interval_rank

POWER = 0.95
_EXPERIMENTS = 4000


def detectable_rise(base: Sequence[float], new: Sequence[float], *, margin: float, confidence: float) -> float | None:
    """Return the smallest true rise whose interval lies above ``margin`` in at least 95 % of such experiments.

    Estimated from how these two samples scatter, whatever lies between them: the rise which a certain share of their
    differences stays below, a share that is right for normally distributed values and near for others. None where there
    is no interval; the margin itself where nothing scatters.

    How good it is: for 10 v 10 values a rise as large as the median of these estimates was found PLACEHOLDER.
    """
    if interval_rank(len(base), len(new), confidence) is None:
        return None
    ordered = differences(base, new)
    last = len(ordered) - 1
    reach = min(last, math.ceil(_share(len(base), len(new), confidence) * last))
    ordered.partition((last - reach, reach))
    # Both ends, since differences of like samples scatter alike upwards and downwards.
    return margin + float(ordered[reach] - ordered[last - reach]) / 2


@lru_cache(maxsize=1024)
def _share(n: int, m: int, confidence: float) -> float:
    """Return the share of differences below the detectable rise, where values are normally distributed."""
    needed = _detectable_deviations(n, m, confidence)
    return NormalDist().cdf(needed / math.sqrt(2))


def _detectable_deviations(n: int, m: int, confidence: float) -> float:
    """Return the rise in standard deviations that the interval finds with the power asked for.

    By experiment where counting is exact; beyond, by the normal distribution and the efficiency of ranks, 3 / pi.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    found = interval_rank(n, m, confidence)
    if found is None:
        raise ValueError(f"{n} and {m} values have no interval of confidence {confidence}")
    if n * m > EXACT_UP_TO:
        normal = NormalDist()
        error = math.sqrt((1 / n + 1 / m) * math.pi / 3)
        return error * (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(POWER))
    draw = np.random.RandomState(0)  # its numbers stay the same from one version of NumPy to the next
    base, new = draw.standard_normal((_EXPERIMENTS, 1, n)), draw.standard_normal((_EXPERIMENTS, m, 1))
    every = (new - base).reshape(_EXPERIMENTS, n * m)
    lows = np.partition(every, found[0] - 1, axis=1)[:, found[0] - 1]
    return -float(np.quantile(lows, 1 - POWER))
