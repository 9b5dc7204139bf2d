"""The first sentences of a report: what came of it, and the one step that helps next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from memcap.model import NOT_JUDGED, UNCAPPED, CampaignResult, CellResult, Measurement, Metric, Verdict, VerdictState
from memcap.report.interval import need_interval, why_interval
from memcap.report.server_view import highest_phase
from memcap.report.text import sentence, span
from memcap.units import counted, format_bytes, listed

FINE: Final = frozenset({VerdictState.NEW, VerdictState.IMPROVED, VerdictState.UNCHANGED})
# What was not found out; what is neither fine nor open is wrong.
OPEN: Final = frozenset({VerdictState.INCOMPARABLE, VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA})
_NEED_A_FIX: Final = frozenset(
    {
        VerdictState.REGRESSED,
        VerdictState.BUDGET_BROKEN,
        VerdictState.ENDING_CHANGED,
        VerdictState.WORKLOAD_FAILED,
    }
)
_ACCEPTABLE: Final = frozenset({VerdictState.NEW, VerdictState.INCOMPARABLE, VerdictState.IMPROVED})
_ENDED_OTHERWISE: Final = frozenset(
    {VerdictState.ENDING_CHANGED, VerdictState.WORKLOAD_FAILED, VerdictState.INFRASTRUCTURE}
)
_NAMED_CELLS: Final = 3


def judged_reason(counts: Sequence[tuple[VerdictState, int]], not_measured: Sequence[str], exit_code: int) -> str:
    """Return one line that says why the exit code is what it is."""
    if not counts:
        return f"{len(not_measured)} planned, not measured" if not_measured else "nothing was measured"
    told = ", ".join(f"{count} {state.value}" for state, count in counts)
    # Cells with a baseline have a verdict of their own ("gone"); the others must not vanish.
    gone = dict(counts).get(VerdictState.GONE, 0)
    if len(not_measured) > gone:
        told += f", {len(not_measured) - gone} not measured"
    states = {state for state, _ in counts}
    if exit_code:
        return f"{'not judged' if exit_code == NOT_JUDGED else 'failed'}: {told}"
    if not states & FINE:
        told = f"nothing could be judged: {told}"
    if states == {VerdictState.NEW}:
        told += ". Nothing was judged: a new cell has no baseline"
    return f"{told}. What is undecided does not fail a check" if VerdictState.UNDECIDED in states else told


def is_fine(verdict: Verdict) -> bool:
    """Tell whether nothing needs to be done about a cell."""
    return verdict.state in FINE and not verdict.is_unjudged


def measured_reason(result: CampaignResult, verdicts: Mapping[str, Verdict]) -> str:
    """Return what came of a result that is compared with nothing; ``verdicts`` are of cells that did not end well."""
    bad = [cell for cell in result.cells if cell.cell.id in verdicts]
    if not result.cells:
        told = "Nothing was measured"
    elif not bad:
        told = f"{_as_expected(result)}. {_need(result) or 'Its memory was not measured'}"
    elif len(result.cells) == 1:
        until = _need_until_then(bad[0], result.environment.cpus)
        told = sentence(verdicts[bad[0].cell.id].summary) + (f". {until}" if until else "")
    else:
        ids = listed([cell.cell.id for cell in bad], _NAMED_CELLS)
        is_ending = all(verdicts[cell.cell.id].state in _ENDED_OTHERWISE for cell in bad)
        what = "did not end as expected" if is_ending else "failed"
        told = f"{len(bad)} of {counted(len(result.cells), 'cell')} {what}: {ids}"
    lacking = len(set(result.plan_cells) - {cell.cell.id for cell in result.cells})
    return f"{told}. {counted(lacking, 'planned cell')} not measured" if lacking else told


def measured_step(result: CampaignResult, verdicts: Mapping[str, Verdict]) -> str:
    """Return what to do about the one cell of a result that is compared with nothing; of several, each has its own."""
    return next(iter(verdicts.values())).remedy if verdicts and len(result.cells) == 1 else ""


def next_step(verdicts: Sequence[Verdict], result: CampaignResult, not_measured: Sequence[str], *, against: str) -> str:
    """Return the one command that helps next, or nothing."""
    states = {verdict.state for verdict in verdicts}
    if not_measured:
        again = "--resume SHARD, then memcap merge" if result.merged_from else "--resume RESULT"
        return "memcap run with more time" if result.has_base else f"memcap run {again}"
    if states & {VerdictState.INFRASTRUCTURE}:
        return "memcap doctor"
    if states & {VerdictState.UNDECIDED} and not states & _NEED_A_FIX:
        return "memcap run --until-decided" + (" --max-runs N" if result.looks else "")
    if against:
        return ""
    changed = [verdict.cell_id for verdict in verdicts if verdict.state is VerdictState.REGRESSED]
    if changed:
        ids = " ".join(map(shlex.quote, sorted(changed)))
        return f'if this is meant: memcap baseline accept {ids} --reason "…"'
    if states & _ACCEPTABLE and not states - _ACCEPTABLE - {VerdictState.UNCHANGED}:
        if result.side_by_side:
            return "name the images, as baselines do: memcap run --image NAME=REFERENCE"
        acceptable = [verdict for verdict in verdicts if verdict.state in _ACCEPTABLE]
        if len(acceptable) == 1 and acceptable[0].state is VerdictState.NEW and acceptable[0].is_unjudged:
            return ""  # the cell's own remedy is the same command
        if states == {VerdictState.NEW}:
            return "memcap baseline accept"  # for what has no baseline, a reason is not needed
        if VerdictState.INCOMPARABLE in states:
            return 'if the project has moved: memcap baseline accept --allow-unlike --reason "…"'
        return 'memcap baseline accept --reason "…"'
    return ""


def ended_otherwise(cell: CellResult) -> tuple[Measurement, ...]:
    """Return the runs that did not end as expected and whose figures, until then, are the workload's."""
    return tuple(
        run
        for run in cell.runs
        if run.ending is not cell.cell.expected_ending and not (run.ending.never_ran or run.ending.is_infrastructure)
    )


def _as_expected(result: CampaignResult) -> str:
    runs = sum(len(cell.runs) for cell in result.cells)
    which = {1: "The only run", 2: "Both runs"}.get(runs, f"All {runs} runs")
    return f"{which} ended as expected"


def _need(result: CampaignResult) -> str:
    """Return the largest need of all cells, and under which cap; of what has no cgroup, the largest process."""
    cells = result.cells
    needs = [(max(values), cell) for cell in cells if (values := cell.values(Metric.UNRECLAIMABLE_PEAK))]
    if needs:
        largest, cell = max(needs, key=lambda each: each[0])
        runs = [run for run in cell.runs if run.ending is cell.cell.expected_ending]
        need = _figure(largest, runs, result.environment.cpus)
        return f"Peak unreclaimable memory: {need} ({_when(runs)}{_under(cell, cells)})"
    resident = [value for cell in cells for value in cell.values(Metric.RSS_PEAK)]
    return f"Largest process: {format_bytes(max(resident))} resident" if resident else ""


def _need_until_then(cell: CellResult, cpus: int | None) -> str:
    """Return what was needed until the runs ended, where none of them ended as expected."""
    runs = ended_otherwise(cell)
    needs = [run.unreclaimable_peak_bytes for run in runs if run.unreclaimable_peak_bytes is not None]
    if not needs or cell.values(Metric.UNRECLAIMABLE_PEAK):
        return ""
    need = _figure(max(needs), runs, cpus)
    return f"Peak unreclaimable memory until then: {need} ({_when(runs)}{_under(cell, [cell])})"


def _when(runs: Sequence[Measurement]) -> str:
    """Return the phase in which the largest need of a server was, to stand before the cap; empty for others."""
    largest = max(runs, key=lambda run: run.unreclaimable_peak_bytes or 0)
    phase = highest_phase(largest)
    return f"in the phase {phase}, " if phase else ""


def _figure(largest: float, runs: Sequence[Measurement], cpus: int | None) -> str:
    """Return the largest need of ``runs``, or the interval that it lies in, and why it is one."""
    ends = need_interval(runs, max, cpus=cpus)
    if ends is None:
        return format_bytes(largest)
    why = why_interval(runs)
    return span(*map(format_bytes, ends)) + (f", as {why}" if why else "")


def _under(cell: CellResult, cells: Sequence[CellResult]) -> str:
    cap = f"cap {format_bytes(limit)}" if (limit := cell.cell.cap.limit_bytes) else UNCAPPED
    return f"{cell.cell.id}, {cap}" if len(cells) > 1 else cap
