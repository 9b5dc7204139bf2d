"""Absolute limits, for which no baseline is needed: budgets, thresholds and their grades."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memcap.judge.finding import CellFinding
from memcap.model import (
    Budget,
    CellResult,
    Ending,
    Grade,
    Graded,
    Metric,
    PhaseFigures,
    PhaseName,
    VerdictState,
)
from memcap.stats import median
from memcap.units import format_bytes

_PROJECTED = re.compile(r"_at_[0-9]+(_low|_high)?$")  # as projected_names has them


@dataclass(frozen=True, kw_only=True)
class _Bounded:
    """The figures that a budget limits, and their upper ends; ``what`` and ``key`` name it for readers."""

    budget: Budget
    values: Sequence[float]
    highest: Sequence[float]
    what: str
    key: str


def find_budget(cell: CellResult) -> CellFinding | None:
    """Find a budget that is broken or undecided, of the whole run or of one phase of a server.

    A cell that is expected to be OOM-killed has none: its peak is its cap.
    """
    if cell.cell.expected_ending.is_oom:
        return None
    found = [finding for bounded in _bounded(cell) if (finding := _over_budget(bounded, cell)) is not None]
    states = (VerdictState.BUDGET_BROKEN, VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA)
    worst = next((state for state in states if any(each.state is state for each in found)), None)
    same = [each for each in found if each.state is worst]
    if not same:
        return None
    return replace(same[0], summary="; ".join(each.summary for each in same))


def _bounded(cell: CellResult) -> Iterator[_Bounded]:
    """Yield each budget with what it limits: first that of the whole run, then those of phases in their order."""
    if budget := cell.cell.budget:
        metric = budget.metric
        yield _Bounded(
            budget=budget,
            values=cell.values(metric),
            highest=cell.highest_values(metric),
            what=metric.value,
            key="budget",
        )
    for phase in PhaseName:
        if budget := cell.cell.phase_budgets.get(phase):
            values = _of_phase(cell, phase, budget.metric)
            what = f"{budget.metric.value} in the phase {phase.value}"
            yield _Bounded(budget=budget, values=values, highest=values, what=what, key=f"phases.{phase.value}.budget")


def _of_phase(cell: CellResult, phase: PhaseName, metric: Metric) -> list[float]:
    """Return the figure of each run that ended as expected: the largest of all its phases of that name."""
    runs = [run.server for run in cell.runs if run.server and run.ending is cell.cell.expected_ending]
    of_runs = ([_phase_value(each, metric) for each in run.phases if each.name is phase] for run in runs)
    return [max(known) for values in of_runs if (known := [value for value in values if value is not None])]


def _phase_value(phase: PhaseFigures, metric: Metric) -> int | None:
    if metric is Metric.RSS_PEAK:
        return max((each.rss_bytes for each in phase.processes), default=None)
    return phase.peak_bytes if metric is Metric.PEAK else phase.unreclaimable_peak_bytes


def _over_budget(bounded: _Bounded, cell: CellResult) -> CellFinding | None:
    budget, values, highest = bounded.budget, bounded.values, bounded.highest
    limit = format_bytes(budget.limit_bytes) + (f" + {budget.margin:.0%}" if budget.margin else "")
    if not values:
        return CellFinding(
            state=VerdictState.NOT_ENOUGH_DATA,
            summary=f"the budget of {limit} could not be checked: no run measured {bounded.what}",
            remedy=f"Judge another metric in suite.toml (`{bounded.key}`), or see the caveats.",
        )
    if median(highest) <= budget.ceiling_bytes:
        return None
    if median(values) <= budget.ceiling_bytes:
        return CellFinding(
            state=VerdictState.UNDECIDED,
            summary=f"the budget of {limit} lies inside the interval of {bounded.what}: "
            f"{format_bytes(median(values))} to {format_bytes(median(highest))}",
            remedy="Raise the budget above the interval, or see the caveats for what makes it narrower.",
        )
    return CellFinding(
        state=VerdictState.BUDGET_BROKEN,
        summary=f"{bounded.what} is {format_bytes(median(values))}, over its budget of {limit}",
        remedy=cell.cell.advice.get(budget.metric.value) or "Lower the need, or raise the budget in suite.toml.",
    )


def grades(cell: CellResult) -> tuple[Graded, ...]:
    """Return the grade of each metric that has thresholds and was measured."""
    found = []
    for name, thresholds in cell.cell.thresholds.items():
        values = values_of(cell, name)
        if values:
            grade = thresholds.grade(median(values))
            advice = cell.cell.advice.get(name, "") if grade in (Grade.MARGINAL, Grade.POOR) else ""
            found.append(Graded(name=name, unit=unit_of(cell, name), value=median(values), grade=grade, advice=advice))
    return tuple(found)


def find_poor(cell: CellResult, graded: tuple[Graded, ...]) -> CellFinding | None:
    """Find metrics whose grade is poor."""
    poor = [each for each in graded if each.grade is Grade.POOR]
    if not poor:
        return None
    told = (f"{each.name} is {each.value:g} {each.unit}, {_beyond(cell, each.name)}" for each in poor)
    return CellFinding(
        state=VerdictState.BUDGET_BROKEN,
        summary="; ".join(told),
        remedy=" ".join(each.advice for each in poor if each.advice)
        or "Find what made it worse, or change `thresholds` in suite.toml.",
    )


def find_ungraded(cell: CellResult, graded: tuple[Graded, ...]) -> CellFinding | None:
    """Find thresholds that no figure could be held against.

    The workload has failed where it is a metric of its own. Of what is measured or projected there may be too little. A
    workload that is not to come to its end returns nothing.
    """
    known = {each.name for each in graded}
    names = [name for name in cell.cell.thresholds if name not in known]
    if not names or cell.cell.expected_ending is not Ending.COMPLETED or not cell.runs:
        return None
    returned = [name for name in names if name in cell.cell.extra_metrics and not _PROJECTED.search(name)]
    if returned:
        return CellFinding(
            state=VerdictState.WORKLOAD_FAILED,
            summary=f"no run returned {', '.join(returned)}, of which there are thresholds",
            remedy=Ending.INCOMPLETE.remedy,
        )
    return CellFinding(
        state=VerdictState.NOT_ENOUGH_DATA,
        summary=f"the thresholds of {', '.join(names)} could not be checked: no run has such a figure",
        remedy="Run more cycles, for a projection; else see the caveats.",
    )


def values_of(cell: CellResult, name: str) -> tuple[float, ...]:
    """Return the figures of the Metric or extra metric ``name``."""
    if name in {metric.value for metric in Metric}:
        return cell.values(Metric(name))
    return cell.extra_values(name)


def unit_of(cell: CellResult, name: str) -> str:
    """Return the unit of the Metric or extra metric ``name``."""
    return cell.cell.extra_metrics[name] if name in cell.cell.extra_metrics else Metric(name).unit


def _beyond(cell: CellResult, name: str) -> str:
    thresholds = cell.cell.thresholds[name]
    word = "above" if thresholds.excellent <= thresholds.poor else "below"
    return f"which is poor ({word} {thresholds.poor:g})"
