"""What is said of results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from memcap.model.ending import Caveat
from memcap.model.matrix import Grade, Metric
from memcap.stats import Shift

# The exit code of a check with a cell that could not be compared although its benchmark has baselines.
NOT_JUDGED: Final = 94


class VerdictState(str, Enum):
    """What a comparison says about one cell; the worst comes first, as in reports."""

    REGRESSED = "regressed"
    BUDGET_BROKEN = "budget broken"
    ENDING_CHANGED = "ending changed"
    WORKLOAD_FAILED = "workload failed"
    INFRASTRUCTURE = "infrastructure"
    GONE = "gone"
    INCOMPARABLE = "incomparable"
    UNDECIDED = "undecided"
    NOT_ENOUGH_DATA = "not enough data"
    NEW = "new"
    IMPROVED = "improved"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, kw_only=True)
class MetricVerdict:
    """What was found for one metric of one cell; ``base`` and ``new`` are medians in the metric's unit.

    ``shift`` says how far the new values lie from the base's, ``margin`` how far they may, ``detectable`` which rise
    would be found 19 times of 20. ``probability`` is that of a change as clear as this by chance alone, corrected for
    all that was compared in the same check. Each is None where nothing could be compared.
    """

    metric: Metric
    state: VerdictState
    base: float | None
    new: float | None
    detail: str = ""
    shift: Shift | None = None
    margin: float | None = None
    probability: float | None = None
    detectable: float | None = None
    base_values: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Graded:
    """The grade of one metric that has thresholds: its median, in ``unit``; ``advice`` where it is not acceptable."""

    name: str
    unit: str
    value: float
    grade: Grade
    advice: str = ""


class AlertKind(str, Enum):
    """What should be looked at although nothing is broken yet."""

    NEAR_CAP = "near_cap"
    GROWTH = "growth"
    GC_OVERHEAD = "gc_overhead"
    METRIC = "metric"

    @property
    def remedy(self) -> str:
        """Return what to do about it."""
        return _ALERT_REMEDIES[self]


_ALERT_REMEDIES = {
    AlertKind.NEAR_CAP: "Raise the cap before a busier day does it, or lower the need.",
    AlertKind.GROWTH: "Run it with more cycles: what goes on growing is a leak, what levels off is a cache. "
    "--explain says who holds it.",
    AlertKind.GC_OVERHEAD: "Raise gc.set_threshold(), or gc.freeze() what lives for ever.",
    AlertKind.METRIC: "See what the suite says of this metric; `alerts` in suite.toml sets the limit.",
}


@dataclass(frozen=True, kw_only=True)
class Alert:
    """A sign of trouble to come; it fails no check."""

    kind: AlertKind
    detail: str


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is said of one cell: the worst of its parts, a one-line summary, what to do about it, and the parts.

    ``output`` is the end of what a workload printed that did not end as expected. ``is_unjudged``: it could not be
    compared although its benchmark has baselines, so the check must not pass.
    """

    cell_id: str
    state: VerdictState
    summary: str
    remedy: str = ""
    output: str = ""
    metrics: tuple[MetricVerdict, ...] = ()
    graded: tuple[Graded, ...] = ()
    alerts: tuple[Alert, ...] = ()
    caveats: tuple[Caveat, ...] = ()
    is_unjudged: bool = False
