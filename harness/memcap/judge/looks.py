"""When runs are added until a cell is decided: how often it is judged, after how many runs, and which cells need more.

Whoever looks until the figures please finds something in pure chance. So the looks are counted before the first run,
and each gets its part of the false alarms (``Rules.looks``): S. J. Pocock, "Group sequential methods in the design and
analysis of clinical trials", Biometrika 64 (1977); the parts are equal here, and add up whatever the looks have in
common (Bonferroni).

An early look, after fewer runs than the plan has, can only say "unchanged". It costs no false alarms, since stopping
there can only prevent one: S. Pampallona, A. A. Tsiatis, "Group sequential designs for one-sided and two-sided
hypothesis testing with provision for early stopping in favor of the null hypothesis", J. Statist. Plann. Inference 42
(1994). What it costs is a part of how often "unchanged" may be wrong (`samples.confidence_of`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from statistics import median_low

from memcap.judge.samples import confidence_of
from memcap.model import CampaignResult, CellResult, MetricVerdict, Rules, Verdict, VerdictState
from memcap.stats import values_needed

OPEN = (VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA)
# What a few runs do not settle, and the plan's may: baselines are made of those, and a lost run is one of more.
_OPEN_EARLY = (*OPEN, VerdictState.NEW, VerdictState.INCOMPARABLE, VerdictState.INFRASTRUCTURE)
FEWEST = 3  # two runs can be alike by chance


@dataclass(frozen=True, kw_only=True)
class PlannedLooks:
    """After how many runs a cell is judged; ``early`` (0 or 1) of these looks can only say "unchanged"."""

    sizes: tuple[int, ...]
    early: int = 0


def plan_looks(runs: int, most: int, rules: Rules, *, base_runs: Iterable[int] | None, early: bool) -> PlannedLooks:
    """Return when a cell is judged: after ``runs``, then twice as many each time, at last ``most``.

    With ``early`` also before, after the fewest runs that can say "unchanged" next to bases of ``base_runs`` runs
    (None: the base grows together with the cell). Without it, the first look comes later where ``runs`` could say
    nothing. That depends on numbers alone, not on figures.
    """
    sizes = [runs]
    while sizes[-1] < most:
        sizes.append(min(2 * sizes[-1], most))
    bases = None if base_runs is None else list(base_runs)
    if early:
        judged = replace(rules, looks=len(sizes) + 1, early_looks=1)
        confidence = confidence_of(judged, is_early=True)
        if bases is None:
            needed = [_needed_on_both_sides(runs, confidence)]
        else:
            # Half of the cells can be decided then; those with a smaller base have to wait.
            needed = [median_low([values_needed(base, confidence=confidence) or runs for base in bases] or [runs])]
        first = max(FEWEST, *needed)
        if first < runs:
            return PlannedLooks(sizes=(first, *sizes), early=1)
    confidence = 1 - rules.false_alarms / len(sizes)
    if bases is None:
        needed = [_needed_on_both_sides(most, confidence)]
    else:
        needed = [values_needed(base, confidence=confidence) or runs for base in set(bases)]
    first = min(most, max([runs, *needed]))
    return PlannedLooks(sizes=(first, *(size for size in sizes if size > first)))


def rules_of_looks(rules: Rules, result: CampaignResult) -> Rules:
    """Return ``rules`` as strict as they must be for a result that was judged while it grew."""
    if len(result.looks) < rules.looks:
        return rules
    return replace(rules, looks=max(1, len(result.looks)), early_looks=result.early_looks)


def is_early(cell: CellResult, result: CampaignResult) -> bool:
    """Tell whether ``cell`` has no more runs than the early look of its campaign asks for."""
    return result.early_looks > 0 and len(cell.runs) <= result.looks[result.early_looks - 1]


def why_more(verdict: Verdict, rules: Rules, *, base_grows: bool, early: bool = False) -> str:
    """Return what more runs of the cell would decide, in words; nothing if it is decided, or they would not help.

    A base that has too few runs itself is no reason, unless ``base_grows`` together with the cell; but each cell that
    is not decided at an ``early`` look gets the runs of the plan.
    """
    if verdict.state not in (_OPEN_EARLY if early else OPEN):
        return ""
    reasons = (
        f"{each.metric.value} {each.detail}"
        for each in verdict.metrics
        if each.state in OPEN and (early or base_grows or len(each.base_values) >= rules.minimum_runs)
    )
    return "; ".join(reasons) or (verdict.summary or verdict.state.value if early else "")


def distance(verdict: Verdict) -> float:
    """Return how far a cell is from being decided: the part of its widest interval that would have to go.

    0 where there is no interval yet: only more runs can give one.
    """
    return max((_distance(each) for each in verdict.metrics if each.state in OPEN), default=0.0)


def _distance(verdict: MetricVerdict) -> float:
    found, margin = verdict.shift, verdict.margin
    if found is None or margin is None or found.high <= found.low:
        return 0.0
    to_unchanged = max(found.high - margin, -margin - found.low)
    to_changed = min(margin - found.low, margin + found.high)
    return max(0.0, min(to_unchanged, to_changed)) / (found.high - found.low)


def _needed_on_both_sides(most: int, confidence: float) -> int:
    """Return the fewest values that can be compared with as many, or ``most`` if no fewer can."""
    for n in range(1, most):
        if (values_needed(n, confidence=confidence) or most) <= n:
            return n
    return most
