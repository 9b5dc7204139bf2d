"""How often something happens, from how often it did: an interval that is never too narrow."""

from __future__ import annotations

import math
from dataclasses import dataclass

CONFIDENCE = 0.95
_STEPS = 60  # halvings of an interval of probabilities


@dataclass(frozen=True, kw_only=True)
class Proportion:
    """``count`` of ``total``, and the interval that holds the true probability with ``confidence`` at least."""

    count: int
    total: int
    low: float
    high: float
    confidence: float


def proportion(count: int, total: int, *, confidence: float = CONFIDENCE) -> Proportion:
    """Return the exact interval of Clopper and Pearson for ``count`` successes in ``total`` independent trials.

    It is wider than others (Jeffreys, Wilson) and never holds the truth less often than it says, which few trials need.
    Raises ValueError for numbers that are no such counts.
    Source: C. J. Clopper, E. S. Pearson, "The Use of Confidence or Fiducial Limits Illustrated in the Case of the
    Binomial", Biometrika 26 (1934).
    """
    if not 0 <= count <= total or not 0 < confidence < 1:
        raise ValueError(f"{count} of {total} with a confidence of {confidence} is no proportion")
    tail = (1 - confidence) / 2
    return Proportion(
        count=count,
        total=total,
        # At the lower end so many or more are as rare as ``tail``, at the upper end so many or fewer.
        low=0.0 if count == 0 else _where(total, count, tail),
        high=1.0 if count == total else 1 - _where(total, total - count, tail),
        confidence=confidence,
    )


def _where(total: int, count: int, tail: float) -> float:
    """Return the probability of a success at which ``count`` or more of ``total`` have the probability ``tail``."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _at_least(total, count, middle) < tail:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _at_least(total: int, count: int, chance: float) -> float:
    return math.fsum(
        math.comb(total, number) * chance**number * (1 - chance) ** (total - number)
        for number in range(count, total + 1)
    )
