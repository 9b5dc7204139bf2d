"""Results + baselines + rules -> verdicts. Pure: no files, no printing.

A cell is asked in this order, and the first answer that is not "fine" is its verdict: did its runs happen, did they
end as expected, is the budget kept, is there a baseline, was it made in a like environment, did a metric move.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from memcap.judge.alerts import alerts
from memcap.judge.endings import find_ending, find_infrastructure
from memcap.judge.environment import Unlike, unlike
from memcap.judge.finding import CellFinding, accepting
from memcap.judge.limits import find_budget, find_poor, find_ungraded, grades
from memcap.judge.looks import is_early, rules_of_looks
from memcap.judge.samples import SampleComparison, compare, decide, worst
from memcap.judge.soaks import find_soak
from memcap.judge.unjudged import find_beside, find_new, images_with_baselines, is_unjudged
from memcap.model import (
    NOT_JUDGED,
    Baseline,
    Baselines,
    CampaignResult,
    Caveat,
    CellResult,
    Metric,
    MetricVerdict,
    Rules,
    Verdict,
    VerdictState,
    peak_is_floor,
)
from memcap.stats import relative_change
from memcap.units import signed

# The largest code of all cells wins: the larger, the less a second try would help. docs/exit-codes.md says the same.
EXIT_CODES: dict[VerdictState, int] = {
    VerdictState.REGRESSED: 99,
    VerdictState.BUDGET_BROKEN: 98,
    VerdictState.ENDING_CHANGED: 97,
    VerdictState.WORKLOAD_FAILED: 96,
    VerdictState.INFRASTRUCTURE: 95,
    VerdictState.GONE: 95,
}


@dataclass(frozen=True, kw_only=True)
class _Case:
    """One cell with all that its verdict needs but the rest of the check; see `is_unjudged` for ``others``."""

    cell: CellResult
    baseline: Baseline | None
    unlike: Unlike
    stopper: CellFinding | None
    compared: tuple[SampleComparison, ...]
    origin: str
    is_beside: bool
    others: set[str]


def judge(result: CampaignResult, baselines: Baselines, rules: Rules) -> tuple[Verdict, ...]:
    """Return a verdict for each cell of ``result``, then one for each planned cell of the baselines that it lacks.

    The tolerances of ``rules`` name the metrics judged; a benchmark's own add to them and override them. Cells that the
    campaign was not asked for are not judged, whatever the baselines hold. A result that was looked at more often than
    ``rules`` say is judged as strictly as that needs.
    """
    rules = rules_of_looks(rules, result)
    images = images_with_baselines(baselines)
    cases = [
        _case(cell, baselines, result, rules, images.get(f"{cell.cell.suite}.{cell.cell.benchmark}", set()))
        for cell in result.cells
    ]
    decided = iter(decide([each for case in cases for each in case.compared], rules))
    verdicts = [_judge_cell(case, tuple(next(decided) for _ in case.compared), rules) for case in cases]
    measured = {cell.cell.id for cell in result.cells}
    gone = (cell_id for cell_id in result.plan_cells if cell_id in baselines.cells and cell_id not in measured)
    return (*verdicts, *(_gone(cell_id, is_merged=bool(result.merged_from)) for cell_id in gone))


def worst_exit_code(verdicts: Iterable[Verdict]) -> int:
    """Return the exit code of the verdict that a second try would help least; 0 if nothing was found wrong."""
    return max((_exit_code(verdict) for verdict in verdicts), default=0)


def _exit_code(verdict: Verdict) -> int:
    return NOT_JUDGED if verdict.is_unjudged else EXIT_CODES.get(verdict.state, 0)


def _case(cell: CellResult, baselines: Baselines, result: CampaignResult, rules: Rules, others: set[str]) -> _Case:
    is_beside = cell.cell.image in result.side_by_side
    baseline = None if is_beside else baselines.cells.get(cell.cell.id)
    differs = unlike(baseline, result.fingerprint(cell.cell.image), cell, rules) if baseline else Unlike()
    stopper = find_infrastructure(cell, rules.minimum_runs) or find_ending(cell, baseline, origin=baselines.origin)
    is_comparable = not (stopper or differs.blocking or cell.cell.expected_ending.is_oom)
    return _Case(
        cell=cell,
        baseline=baseline,
        unlike=differs,
        stopper=stopper,
        compared=_compared(cell, baseline, rules, is_early=is_early(cell, result)) if is_comparable else (),
        origin=baselines.origin,
        is_beside=is_beside,
        others=others,
    )


def _compared(
    cell: CellResult, baseline: Baseline | None, rules: Rules, *, is_early: bool
) -> tuple[SampleComparison, ...]:
    """Compare each metric that was measured on either side. Of a soak there is one run, which says too little."""
    if cell.cell.is_soak:
        return ()
    found = []
    tolerances = {**rules.tolerances, **cell.cell.tolerances}
    for metric in Metric:
        if metric not in tolerances or (metric is Metric.PEAK and peak_is_floor(cell.runs)):
            continue
        new = cell.values(metric)
        base = baseline.values.get(metric, ()) if baseline else ()
        if not (new or base):
            continue
        found.append(compare(metric, base, new, tolerances[metric], rules, is_early=is_early))
    return tuple(found)


def _judge_cell(case: _Case, metrics: tuple[MetricVerdict, ...], rules: Rules) -> Verdict:
    cell = case.cell
    graded = grades(cell)
    finding = case.stopper or _compared_finding(case, metrics, rules)
    broken = None if case.stopper else find_budget(cell) or find_poor(cell, graded) or find_ungraded(cell, graded)
    # A budget that could not be checked spoils good news, but does not hide a regression.
    if broken and (broken.state is VerdictState.BUDGET_BROKEN or finding.state is not VerdictState.REGRESSED):
        finding = broken
    return Verdict(
        cell_id=cell.cell.id,
        state=finding.state,
        summary=finding.summary,
        remedy=finding.remedy,
        output=finding.output,
        metrics=metrics,
        graded=graded,
        alerts=alerts(cell, rules.alerts),
        caveats=(*_run_caveats(cell), *case.unlike.caveats),
        is_unjudged=is_unjudged(finding.state, case.others, rules),
    )


def _compared_finding(case: _Case, metrics: Sequence[MetricVerdict], rules: Rules) -> CellFinding:
    """Say what came of comparing a cell whose runs ended as expected."""
    cell, origin = case.cell, case.origin
    if case.baseline is None:
        return find_beside() if case.is_beside else find_new(cell, origin, case.others)
    if case.unlike.blocking:
        summary = f"the baseline is of another environment: {'; '.join(case.unlike.blocking)}"
        remedy = accepting(cell, origin, "--allow-unlike")
        return CellFinding(state=VerdictState.INCOMPARABLE, summary=summary, remedy=remedy)
    if cell.cell.expected_ending.is_oom:
        return CellFinding(
            state=VerdictState.UNCHANGED, summary=f"ended {cell.cell.expected_ending.value}, as expected"
        )
    if cell.cell.is_soak:
        return find_soak(cell, case.baseline, origin=origin)
    if not metrics:
        return _nothing_judged([metric.value for metric in {**rules.tolerances, **cell.cell.tolerances}])
    state = worst(each.state for each in metrics)
    remedies = {
        VerdictState.REGRESSED: accepting(cell, origin, before="Find what grew; if it is meant") or "Find what grew.",
        VerdictState.IMPROVED: accepting(cell, origin, before="Keep the gain"),
        VerdictState.UNDECIDED: f"{_more_runs(rules)}, or make the workload steadier (memcap measure --tune).",
        VerdictState.NOT_ENOUGH_DATA: "Measure with more runs: memcap run --runs N",
        VerdictState.NEW: accepting(cell, origin),
    }
    summary = "; ".join(_tell(each) for each in metrics if each.state is state)
    return CellFinding(state=state, summary=summary, remedy=remedies.get(state, ""))


def _nothing_judged(metrics: Sequence[str]) -> CellFinding:
    state = VerdictState.NOT_ENOUGH_DATA
    if not metrics:
        summary = "nothing to judge: no metric has a tolerance"
        return CellFinding(state=state, summary=summary, remedy="Give some in limits.toml: [tolerances.peak], …")
    named = ", ".join(metrics)
    return CellFinding(state=state, summary=f"nothing to judge: {named} not measured", remedy="See the caveats.")


def _more_runs(rules: Rules) -> str:
    if rules.looks == 1:
        return "Measure with more runs (memcap run --until-decided)"
    return "Allow still more runs (memcap run --until-decided --max-runs N)"


def _gone(cell_id: str, *, is_merged: bool) -> Verdict:
    remedy = "Finish the shard (memcap run --resume SHARD) and merge again" if is_merged else ""
    return Verdict(
        cell_id=cell_id,
        state=VerdictState.GONE,
        summary="has a baseline and was planned, but was not measured",
        remedy=f"{remedy or 'Finish the campaign (memcap run --resume RESULT)'}, or measure again.",
    )


def _tell(found: MetricVerdict) -> str:
    """Return ``peak rose beyond tolerance: 61.3 -> 68.9 MiB, +7.6 MiB [+7.5, +7.8] (tolerance 1.2 MiB)``."""
    text = f"{found.metric.value} {found.detail}"
    if found.base is None or found.new is None or found.shift is None or found.margin is None:
        return text
    change = relative_change(found.base, found.new)
    percent = f", {change:+.1%}" if change is not None else ""
    metric, moved = found.metric, found.shift
    figures = f"{metric.shown(found.base)} -> {metric.shown(found.new)}{percent}"
    interval = f"{signed(moved.low, metric.shown)} to {signed(moved.high, metric.shown)}"
    return f"{text}: {figures} (shift {interval}, tolerance {metric.shown(found.margin)})"


def _run_caveats(cell: CellResult) -> tuple[Caveat, ...]:
    """Return the doubts about the runs, each once, in their order."""
    return tuple(dict.fromkeys(caveat for run in cell.runs for caveat in run.caveats))
