"""The one object that all reports render: everything chosen, sorted and counted, nothing formatted but sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memcap.model import (
    AlertKind,
    CampaignResult,
    CellResult,
    CellSummary,
    Ending,
    Measurement,
    Metric,
    MetricVerdict,
    Verdict,
    VerdictState,
)
from memcap.report.answer import (
    ended_otherwise,
    is_fine,
    judged_reason,
    measured_reason,
    measured_step,
    next_step,
)
from memcap.report.caveats import CaveatView, gather_caveats
from memcap.report.interval import need_interval
from memcap.stats import Summary, median, relative_change, summarize

if TYPE_CHECKING:
    from memcap.profile_diff import Explanation


@dataclass(frozen=True, kw_only=True)
class MetricView:
    """One metric of one cell; ``change`` is the fraction by which its median differs from a comparable baseline's.

    ``values`` are those of the runs that ended as expected, in the order of the runs. If there are none, ``until_end``
    summarizes those of the runs that ended otherwise: the workload needed at least so much. ``interval`` are both ends
    of where the median lies, if that is in doubt.
    """

    metric: Metric
    values: tuple[float, ...]
    summary: Summary | None
    verdict: MetricVerdict | None
    change: float | None
    until_end: Summary | None = None
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class CellView:
    """One cell; ``cell`` is None for one that was planned but not measured, ``verdict`` if nothing was judged.

    ``runs`` are the measured runs, whatever their ending.
    """

    id: str
    cell: CellSummary | None
    runs: tuple[Measurement, ...]
    verdict: Verdict | None
    endings: tuple[tuple[Ending, int], ...]
    metrics: tuple[MetricView, ...]

    def metric(self, metric: Metric) -> MetricView:
        """Return the view of ``metric``; every metric has one."""
        return next(each for each in self.metrics if each.metric is metric)


@dataclass(frozen=True, kw_only=True)
class ProblemView:
    """What is wrong, in words, and with which cells: all of which the same is said."""

    state: VerdictState
    summary: str
    remedy: str
    output: str
    cell_ids: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class AlertView:
    """One kind of alert: the cells that raised it, each with what was seen."""

    kind: AlertKind
    told: tuple[tuple[str, str], ...]
    remedy: str


@dataclass(frozen=True, kw_only=True)
class SensitivityView:
    """Which rise of a metric, as a fraction, the check would have found in half of the cells it was compared in."""

    metric: Metric
    rise: float


@dataclass(frozen=True, kw_only=True)
class View:
    """A campaign and what is said of it; cells, problems and counts come worst first.

    ``reason`` says in a sentence or two what came of it, without the last full stop; ``next_step`` what helps then.
    ``project`` is the project's folder in its repository, empty where that is the top or not known.
    ``against`` names what it was compared with, where that was not the project's baselines. ``explained`` says what
    changed by line, where that was asked for.
    """

    result: CampaignResult
    against: str
    cells: tuple[CellView, ...]
    problems: tuple[ProblemView, ...]
    alerts: tuple[AlertView, ...]
    caveats: tuple[CaveatView, ...]
    sensitivity: tuple[SensitivityView, ...]
    counts: tuple[tuple[VerdictState, int], ...]
    not_measured: tuple[str, ...]
    exit_code: int
    reason: str
    next_step: str
    is_judged: bool
    project: str = ""
    explained: tuple[Explanation, ...] = ()


def build_view(
    result: CampaignResult,
    verdicts: Sequence[Verdict] = (),
    *,
    exit_code: int = 0,
    is_judged: bool = True,
    against: str = "",
    project: str = "",
) -> View:
    """Return the view of ``result`` with its ``verdicts`` and the exit code they lead to.

    If it was not judged (against baselines), verdicts only say which workloads did not end as they should. ``against``
    is the origin of what it was judged against, ``project`` the project's folder in its repository.
    """
    by_id = {verdict.cell_id: verdict for verdict in verdicts}
    cells = [_cell(cell, by_id.get(cell.cell.id), result.environment.cpus) for cell in result.cells]
    measured = {cell.id for cell in cells}
    nothing = tuple(MetricView(metric=each, values=(), summary=None, verdict=None, change=None) for each in Metric)
    cells += [
        CellView(id=verdict.cell_id, cell=None, runs=(), verdict=verdict, endings=(), metrics=nothing)
        for verdict in verdicts
        if verdict.cell_id not in measured
    ]
    counted = Counter(verdict.state for verdict in verdicts)
    counts = tuple((state, counted[state]) for state in VerdictState if counted[state])
    not_measured = tuple(cell_id for cell_id in result.plan_cells if cell_id not in measured)
    return View(
        result=result,
        against=against,
        cells=tuple(sorted(cells, key=_severity)),
        problems=_problems(sorted(cells, key=_severity)),
        alerts=_alerts(verdicts),
        caveats=gather_caveats(result, verdicts, judged=is_judged),
        sensitivity=_sensitivity(verdicts),
        counts=counts,
        not_measured=not_measured,
        exit_code=exit_code,
        reason=judged_reason(counts, not_measured, exit_code) if is_judged else measured_reason(result, by_id),
        next_step=(
            next_step(verdicts, result, not_measured, against=against) if is_judged else measured_step(result, by_id)
        ),
        is_judged=is_judged,
        project=project,
    )


def _severity(cell: CellView) -> tuple[int, str]:
    worst_first = list(VerdictState)
    return (worst_first.index(cell.verdict.state) if cell.verdict else len(worst_first), cell.id)


def _cell(cell: CellResult, verdict: Verdict | None, cpus: int | None) -> CellView:
    judged = {each.metric: each for each in verdict.metrics} if verdict else {}
    return CellView(
        id=cell.cell.id,
        cell=cell.cell,
        runs=cell.runs,
        verdict=verdict,
        endings=tuple(Counter(run.ending for run in cell.runs).most_common()),
        metrics=tuple(_metric(cell, metric, judged.get(metric), cpus) for metric in Metric),
    )


def _metric(cell: CellResult, metric: Metric, verdict: MetricVerdict | None, cpus: int | None) -> MetricView:
    values = cell.values(metric)
    summary = summarize(values)
    ended = ended_otherwise(cell) if summary is None else ()
    until = [value for run in ended if (value := run.value(metric)) is not None]
    runs = [run for run in cell.runs if run.ending is cell.cell.expected_ending]
    return MetricView(
        metric=metric,
        values=values,
        summary=summary,
        verdict=verdict,
        change=relative_change(verdict.base, verdict.new) if verdict else None,
        until_end=summarize(until),
        interval=need_interval(runs, median, cpus=cpus) if metric is Metric.UNRECLAIMABLE_PEAK else None,
    )


def _problems(cells: Iterable[CellView]) -> tuple[ProblemView, ...]:
    """Gather what needs words. An unlike environment is not among it: its caveat says the same, once for all cells."""
    told: dict[tuple[VerdictState, str, str], list[Verdict]] = {}
    for cell in cells:
        if cell.verdict and not is_fine(cell.verdict) and cell.verdict.state is not VerdictState.INCOMPARABLE:
            key = (cell.verdict.state, cell.verdict.summary, cell.verdict.remedy)
            told.setdefault(key, []).append(cell.verdict)
    return tuple(
        ProblemView(
            state=state,
            summary=summary,
            remedy=remedy,
            output=verdicts[0].output,
            cell_ids=tuple(verdict.cell_id for verdict in verdicts),
        )
        for (state, summary, remedy), verdicts in told.items()
    )


def _alerts(verdicts: Sequence[Verdict]) -> tuple[AlertView, ...]:
    found = [(verdict.cell_id, alert) for verdict in verdicts for alert in verdict.alerts]
    return tuple(
        AlertView(
            kind=kind,
            told=tuple((cell_id, alert.detail) for cell_id, alert in found if alert.kind is kind),
            remedy=kind.remedy,
        )
        for kind in AlertKind
        if any(alert.kind is kind for _, alert in found)
    )


def _sensitivity(verdicts: Sequence[Verdict]) -> tuple[SensitivityView, ...]:
    compared = [each for verdict in verdicts for each in verdict.metrics]
    rises = {
        metric: [each.detectable / each.base for each in compared
                 if each.metric is metric and each.detectable is not None and each.base]
        for metric in Metric
    }  # fmt: skip
    return tuple(SensitivityView(metric=metric, rise=median(found)) for metric, found in rises.items() if found)
