"""Views of results as reports get them: one with every verdict, and one whose every text is hostile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from factories import MIB, make_cell, make_image, make_measurement, make_oom, make_result, make_runs
from memcap.judge import EXIT_CODES
from memcap.model import (
    Alert,
    AlertKind,
    Caveat,
    CaveatKind,
    CellResult,
    Ending,
    Measurement,
    Metric,
    MetricVerdict,
    Verdict,
    VerdictState,
)
from memcap.report.view import View, build_view
from memcap.stats import Shift

BASE = (62.5, 62.4, 62.6, 62.5, 62.5)
HIGHER = (70.0, 70.1, 70.2, 70.1, 70.0)
FAILED = make_measurement(None, ending=Ending.FAILED, exit_code=1, wall_seconds=None, cpu_seconds=None)


def view_of_every_verdict() -> View:
    """Return a view with a cell of each state; some raise an alert, some have a caveat, one was not measured."""
    runs: dict[VerdictState, Sequence[Measurement]] = {
        VerdictState.REGRESSED: make_runs(HIGHER),
        VerdictState.ENDING_CHANGED: [make_oom(), *make_runs(BASE[1:])],
        VerdictState.WORKLOAD_FAILED: [FAILED] * 5,
        VerdictState.INFRASTRUCTURE: [make_measurement(None, ending=Ending.LOST)],
        VerdictState.UNDECIDED: make_runs((62, 64, 66, 68, 70)),
    }
    states = [state for state in VerdictState if state is not VerdictState.GONE]
    cells = [make_cell(_id(state), runs.get(state), extra_metrics={"entries": "entries"}) for state in states]
    cells[0] = replace(cells[0], runs=tuple(replace(run, extra={"entries": 1000.0}) for run in cells[0].runs))
    verdicts = [_verdict(state) for state in VerdictState]
    result = make_result(*cells, plan_cells=(*map(_id, VerdictState), "streams.later-py312-128m"))
    return build_view(result, verdicts, exit_code=99)


def hostile_view(text: str, state: VerdictState = VerdictState.WORKLOAD_FAILED) -> View:
    """Return a view in which everything that others write is ``text``: names, messages, output, units, commands."""
    cell_id = f"s.{text}-py312-128m"
    names: dict[str, Any] = {"suite": text, "benchmark": text, "image": text, "variant": text}
    caveat = Caveat(kind=CaveatKind.OUTPUT_TRUNCATED, detail=text)
    run = make_measurement(caveats=(caveat,), extra={text: 1.0}, output_tail=text)
    known = replace(make_cell("s.b-py312-128m").cell, id=cell_id, extra_metrics={text: text}, **names)
    cell = CellResult(cell=known, runs=(run,) * 3)
    result = make_result(
        cell,
        id=text,
        started=text,
        profile=text,
        command=(text, text),
        images={text: make_image(text, reference=text)},
        plan_cells=(cell_id, f"{text}2"),
    )
    judged = MetricVerdict(metric=Metric.PEAK, state=state, base=1.0, new=2.0, detail=text)
    verdict = Verdict(
        cell_id=cell_id,
        state=state,
        summary=text,
        remedy=text,
        output=text,
        metrics=(judged,),
        alerts=(Alert(kind=AlertKind.METRIC, detail=text),),
        caveats=(caveat,),
    )
    return build_view(result, [verdict], exit_code=EXIT_CODES.get(state, 0))


def view_of_many(number: int, state: VerdictState) -> View:
    """Return a view of ``number`` cells that all have the same state, each with words of its own."""
    cells = [make_cell(f"agents.benchmark_{index}-py312-128m") for index in range(number)]
    verdicts = [
        Verdict(cell_id=cell.cell.id, state=state, summary=f"{cell.cell.id} is so", remedy="Do something.")
        for cell in cells
    ]
    return build_view(make_result(*cells), verdicts, exit_code=EXIT_CODES.get(state, 0))


def _id(state: VerdictState) -> str:
    return f"agents.{state.value.replace(' ', '_')}-py312-128m"


def _verdict(state: VerdictState) -> Verdict:
    compared = {VerdictState.REGRESSED: (70.1, 7.4, 7.8), VerdictState.UNDECIDED: (66, -0.6, 7.6)}
    metrics: tuple[MetricVerdict, ...] = ()
    if state in compared:
        new, low, high = compared[state]
        metrics = (
            MetricVerdict(
                metric=Metric.PEAK,
                state=state,
                base=62.5 * MIB,
                new=new * MIB,
                detail="moved",
                shift=Shift(estimate=7.6 * MIB, low=low * MIB, high=high * MIB, confidence=0.992),
                margin=1.25 * MIB,
                probability=0.004,
                detectable=1.5 * MIB,
            ),
            MetricVerdict(metric=Metric.RSS_PEAK, state=VerdictState.UNCHANGED, base=70.5 * MIB, new=70.5 * MIB),
        )
    is_failed, is_fine = state is VerdictState.WORKLOAD_FAILED, state in list(VerdictState)[-2:]
    near = Alert(kind=AlertKind.NEAR_CAP, detail="needs 84% of its cap")
    cold = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="9.1 MiB of file pages were charged")
    return Verdict(
        cell_id=_id(state),
        state=state,
        summary=f"what was seen of a cell that is {state.value}",
        remedy="" if is_fine else f"Find out; if it is meant: memcap baseline accept {_id(state)}",
        output="Traceback (most recent call last):\nValueError: no | `data`" if is_failed else "",
        metrics=metrics,
        alerts=(near,) if state is VerdictState.NEW else (),
        caveats=(cold,) if is_fine else (),
    )
