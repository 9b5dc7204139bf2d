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
# What the experiment of `_factor` gives for few values at the confidence that checks have by default. Most checks need
# no more than this, and NumPy takes longer to import than they take. A test does the experiments again.
_KNOWN_CONFIDENCE = 0.99
_KNOWN_FACTORS = {
    (3, 9): 2.4163842796900834, (3, 10): 2.4100536566962205, (4, 6): 2.4378320783153766, (4, 7): 2.361824394145578,
    (4, 8): 2.2424913666085637, (4, 9): 2.158436240291054, (4, 10): 1.8763658161081576, (5, 5): 2.4292761266482175,
    (5, 6): 2.0020057617033102, (5, 7): 2.1468733325834, (5, 8): 1.8188266504679076, (5, 9): 1.837192567170492,
    (5, 10): 1.6732531712345984, (6, 4): 2.4760729533216757, (6, 5): 1.941035619342153, (6, 6): 1.896572387329902,
    (6, 7): 1.867138077255059, (6, 8): 1.6598880124078432, (6, 9): 1.6598060602941644, (6, 10): 1.5452180962308544,
    (7, 4): 2.345627983020441, (7, 5): 2.1455617548885426, (7, 6): 1.8590262869705931, (7, 7): 1.6404557799443868,
    (7, 8): 1.544566489339619, (7, 9): 1.552348762314055, (7, 10): 1.3821923521231325, (8, 4): 2.2594405030802633,
    (8, 5): 1.8603716482137267, (8, 6): 1.66590808516759, (8, 7): 1.5382573548016998, (8, 8): 1.5528772293227038,
    (8, 9): 1.4660177446116367, (8, 10): 1.324092650173965, (9, 3): 2.4314107558113602, (9, 4): 2.153662750555547,
    (9, 5): 1.8400019590707135, (9, 6): 1.6685619207538245, (9, 7): 1.5415471978044457, (9, 8): 1.4683589748097767,
    (9, 9): 1.4185391438475923, (9, 10): 1.3000288359580752, (10, 3): 2.361657862974284, (10, 4): 1.8650712203768234,
    (10, 5): 1.6917925465725685, (10, 6): 1.5386239915003646, (10, 7): 1.3966078112081544, (10, 8): 1.3496184169622594,
    (10, 9): 1.3086539535323385, (10, 10): 1.2475051734303337,
}  # fmt: skip


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
    return margin + factor * (float(ordered[reach]) - float(ordered[len(ordered) - 1 - reach])) / 2


def _half_ranges(every: NDArray[np.float64], reach: int) -> NDArray[np.float64]:
    """Return half of what lies between the ``reach``-th difference of each row (0 = the lowest) and that from above.

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
    if interval_rank(n, m, confidence) is None:
        raise ValueError(f"{n} and {m} values have no interval of confidence {confidence}")
    normal, last = NormalDist(), n * m - 1
    error = math.sqrt((1 / n + 1 / m) * math.pi / 3)  # of the shift, in standard deviations of the values
    deviations = error * (normal.inv_cdf((1 + confidence) / 2) + normal.inv_cdf(POWER))
    share = min(_OUTERMOST, normal.cdf(deviations / math.sqrt(2)))
    reach = math.ceil(share * last)
    if n * m > EXACT_UP_TO:
        return reach, deviations / (math.sqrt(2) * normal.inv_cdf(share))
    known = _KNOWN_FACTORS.get((n, m)) if confidence == _KNOWN_CONFIDENCE else None
    return reach, known or _factor(n, m, confidence, reach)


def _factor(n: int, m: int, confidence: float, reach: int) -> float:
    """Return by what to multiply half of the range up to ``reach``, by experiment."""
    import numpy as np  # noqa: PLC0415 - takes long

    found = interval_rank(n, m, confidence)
    assert found is not None
    draw = np.random.RandomState(0)  # its numbers stay the same from one version of NumPy to the next
    every = draw.standard_normal((_EXPERIMENTS, 1, n)) - draw.standard_normal((_EXPERIMENTS, m, 1))
    every = every.reshape(_EXPERIMENTS, n * m)
    lows = np.partition(every, found[0] - 1, axis=1)[:, found[0] - 1]
    needed = -float(np.quantile(lows, 1 - POWER))
    return needed / float(np.median(_half_ranges(every, reach)))
