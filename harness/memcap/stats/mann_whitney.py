"""The distribution of the Mann-Whitney U of two samples of one and the same thing."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

# Up to this product of the sizes all arrangements are counted (30 v 30); beyond it the normal distribution is near.
EXACT_UP_TO = 900


@lru_cache(maxsize=256)
def probabilities_up_to(n: int, m: int) -> tuple[float, ...]:
    """Return P(U <= u) for u = 0 … n*m, if no two of the n + m values are equal; at 0 this is 1 / C(n + m, n).

    The counts are the coefficients of the Gaussian binomial, in whole numbers. Source: H. B. Mann and D. R. Whitney,
    "On a Test of Whether One of Two Random Variables Is Stochastically Larger than the Other", Ann. Math. Statist. 18
    (1947).
    """
    counts = [1] + [0] * (n * m)
    for factor in range(1, n + 1):
        above = m + factor
        for u in range(n * m, above - 1, -1):  # times 1 - q^above
            counts[u] -= counts[u - above]
        for u in range(factor, n * m + 1):  # by 1 - q^factor
            counts[u] += counts[u - factor]
    arrangements = math.comb(n + m, n)
    return tuple(count / arrangements for count in accumulate(counts))


def tied_probability(small: int, ranks: Sequence[int], found: int) -> float:
    """Return how likely ``small`` of the ``ranks``, drawn blindly, add up to at most ``found``.

    ``ranks`` are whole numbers (midranks doubled), ascending. Exact: all draws are counted by adding one value after
    the other to a table of how many draws of each size have each sum.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    width = found + 1
    table = np.zeros((small + 1, width))  # row k, column s: how many draws of k values have the sum s
    table[0, 0] = 1
    for rank in ranks:
        if rank > found:
            break
        table[1:, rank:] += table[:-1, : width - rank]
    return float(table[small].sum()) / math.comb(len(ranks), small)


def normal_tail(n: int, m: int, u: float, ties: Counter[float]) -> float:
    """Return P(U >= u) by the normal distribution, corrected for ties and for U's steps, as SciPy does."""
    together = n + m
    tied = sum(count**3 - count for count in ties.values())
    variance = n * m / 12 * (together + 1 - tied / (together * (together - 1)))
    if variance <= 0:
        return 1.0
    return math.erfc((u - n * m / 2 - 0.5) / math.sqrt(2 * variance)) / 2
