"""Which cap to set, by a rule that is stated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from memcap.fit.answer import Fit

HEADROOM: Final = 0.15
_MIB: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A cap in whole MiB, and how it came about: ``headroom`` on the minimum, but not below the comfortable cap."""

    limit_bytes: int
    headroom: float
    is_for_comfort: bool


def recommend(fit: Fit, *, headroom: float = HEADROOM) -> Recommendation:
    """Return the larger of the minimum with ``headroom`` (0.15 = 15 % more) and the comfortable cap, in whole MiB.

    Where no cap was found, the comfortable one stands in for the minimum.
    """
    least = fit.minimum.cap_bytes if fit.is_found else fit.comfortable_bytes
    with_headroom = least * (1 + headroom)
    limit = max(with_headroom, fit.comfortable_bytes)
    return Recommendation(
        limit_bytes=math.ceil(round(limit) / _MIB) * _MIB,
        headroom=headroom,
        is_for_comfort=fit.comfortable_bytes > with_headroom,
    )
