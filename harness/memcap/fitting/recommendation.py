"""Which cap to set, by a rule that is stated."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final

from memcap.fitting.answer import Fit
from memcap.fitting.cold import Cold

HEADROOM: Final = 0.15
_MIB: Final = 1024 * 1024


class Rule(str, Enum):
    """What made the recommended cap as large as it is."""

    HEADROOM = "headroom"
    COMFORT = "comfort"
    UNREACHED = "unreached"
    COLD = "cold"


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """A cap in whole MiB, and how it came about.

    It is ``headroom`` more than the minimum, but not below the comfortable cap (without one, the cap that is never
    reached), nor below what a cold start needs. ``slack_bytes`` is how much more than the minimum it is.
    """

    limit_bytes: int
    headroom: float
    rule: Rule
    minimum_bytes: int

    @property
    def slack_bytes(self) -> int:
        """Return how much it is above the minimum."""
        return self.limit_bytes - self.minimum_bytes

    @property
    def slack(self) -> float:
        """Return the same as a share of the minimum."""
        return self.slack_bytes / self.minimum_bytes


def recommend(fit: Fit, *, headroom: float = HEADROOM) -> Recommendation:
    """Return what warm runs recommend: the largest of what the rule names (``headroom`` 0.15 = 15 % more)."""
    least = fit.minimum.cap_bytes if fit.is_found else fit.unreached_bytes
    comfortable = fit.comfortable.cap_bytes if fit.comfortable else fit.unreached_bytes
    limit = max(least * (1 + headroom), comfortable)
    rule = Rule.HEADROOM if least * (1 + headroom) >= comfortable else Rule.COMFORT
    return Recommendation(
        limit_bytes=_whole_mib(limit),
        headroom=headroom,
        rule=rule if rule is Rule.HEADROOM or fit.comfortable else Rule.UNREACHED,
        minimum_bytes=least,
    )


def from_cold_start(advice: Recommendation, cold: Cold) -> Recommendation:
    """Return ``advice``, or where a cold start needs more than that, what it needs with the same headroom."""
    needed = cold.minimum_cap_bytes
    if needed is None or needed <= advice.limit_bytes:
        return advice
    return replace(advice, limit_bytes=_whole_mib(needed * (1 + advice.headroom)), rule=Rule.COLD, minimum_bytes=needed)


def _whole_mib(size: float) -> int:
    return math.ceil(round(size) / _MIB) * _MIB
