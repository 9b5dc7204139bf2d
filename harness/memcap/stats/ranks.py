"""Is one sample more than another by more than a margin? The Mann-Whitney test, which no single value can sway."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence

from memcap.stats.mann_whitney import EXACT_UP_TO, normal_tail, probabilities_up_to, tied_probability

# Among ties, arrangements are counted for every sample up to this many values together, and for larger ones where the
# normal distribution calls the finding unlikely: nobody decides anything by whether chance is 0.3 or 0.31.
_ALWAYS_COUNTED = 12
_UNLIKELY = 0.05


def probability_of_rise(base: Sequence[float], new: Sequence[float], *, margin: float = 0.0) -> float:
    """Return how likely chance makes ``new`` exceed ``base`` + ``margin`` as clearly as it does, or more, if it is not.

    That is the one-sided p-value of the Mann-Whitney test, conditional on ties: equal values share their ranks. Exact
    up to 30 v 30 values; beyond, and for p > 0.05 among ties in more than 12 values, by the normal distribution with
    the corrections for ties and continuity. Raises ValueError for no values.
    """
    if not base or not new:
        raise ValueError("no values have no ranks")
    n, m = len(new), len(base)
    if min(new) > max(base) + margin:
        return 1 / math.comb(n + m, n)
    if max(new) < min(base) + margin:
        return 1.0
    raised = sorted(value + margin for value in base) if margin else sorted(base)
    # twice the number of pairs in which new is more, an equal pair counting half
    doubled = sum([bisect_left(raised, value) + bisect_right(raised, value) for value in new])
    together = [*raised, *new]
    counted = n * m <= EXACT_UP_TO
    if len(set(together)) == n + m and counted:
        return probabilities_up_to(n, m)[n * m - doubled // 2]
    ties = Counter(together)
    approximate = normal_tail(n, m, doubled / 2, ties)
    if not counted or (n + m > _ALWAYS_COUNTED and approximate > _UNLIKELY):
        return approximate
    return _counted(n, m, doubled, [count for _, count in sorted(ties.items())])


def _counted(n: int, m: int, doubled: int, ties: Sequence[int]) -> float:
    """Return P(U >= doubled / 2) over all draws of ``n`` among values with these numbers of equals, ascending.

    Counted from the end where the smaller sample's ranks are few: new is high if base's ranks from below add up to
    little, or its own from above.
    """
    if n < m:
        ties = ties[::-1]
    small = min(n, m)
    ranks, before = [], 0
    for count in ties:
        ranks += [2 * before + count + 1] * count
        before += count
    # U = n*m for the lowest possible sum of ranks, and falls by as much as that rises (all doubled)
    found = small * (small + 1) + 2 * n * m - doubled
    return tied_probability(small, ranks, found)
