"""What is said of results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from memcap.model.ending import Caveat
from memcap.model.plan import Metric


class VerdictState(str, Enum):
    """What a comparison says about one cell."""

    UNCHANGED = "unchanged"
    IMPROVED = "improved"
    REGRESSED = "regressed"
    NOT_ENOUGH_DATA = "not enough data"
    NEW = "new"
    GONE = "gone"
    INCOMPARABLE = "incomparable"
    BUDGET_BROKEN = "budget broken"
    ENDING_CHANGED = "ending changed"
    WORKLOAD_FAILED = "workload failed"
    INFRASTRUCTURE = "infrastructure"


@dataclass(frozen=True, kw_only=True)
class MetricVerdict:
    """What was found for one metric of one cell; ``base`` and ``new`` are medians in the metric's unit."""

    metric: Metric
    state: VerdictState
    base: float | None
    new: float | None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is said of one cell: the worst of its parts, a one-line summary, what to do about it, and the parts.

    ``output`` is the end of what a workload printed that did not end as expected.
    """

    cell_id: str
    state: VerdictState
    summary: str
    remedy: str = ""
    output: str = ""
    metrics: tuple[MetricVerdict, ...] = ()
    caveats: tuple[Caveat, ...] = ()
