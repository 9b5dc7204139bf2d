"""What reports say of a server: its phases, what it keeps, its load, its workers and its services."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from served import CELL, LEVELS, make_served, make_served_cell

from factories import MIB, make_cell, make_result
from memcap.model import CellResult, Ending, ServerRun, Verdict, VerdictState, WorkerFigures
from memcap.report.charts import memory
from memcap.report.check import check_document, check_markdown
from memcap.report.drawing import Stack
from memcap.report.html import render_html
from memcap.report.json import render_measure_json
from memcap.report.server_view import server_view
from memcap.report.svg import standalone
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view
from memcap.workflows.judging import unjudged
from server_runs import KIB


def _view(*cells: CellResult, is_judged: bool = False) -> View:
    return build_view(make_result(*cells), is_judged=is_judged)


def _text(*cells: CellResult, width: int = 100, is_judged: bool = False, verbose: bool = False) -> str:
    terminal = Terminal(width=width, verbose=verbose)
    return to_terminal(check_document(_view(*cells, is_judged=is_judged), verbose=verbose), terminal)


def _changed(cell: CellResult, **changes: Any) -> CellResult:
    """Return ``cell`` with these changes of what each run yielded of its server."""
    runs = [replace(run, server=replace(run.server or ServerRun(), **changes)) for run in cell.runs]
    return replace(cell, runs=tuple(runs))


def test_the_answer_names_the_phase_of_the_largest_need() -> None:
    several, one = (_view(cell).reason for cell in (make_served_cell(), make_served_cell(1, (1.0,))))
    assert several.endswith("Peak unreclaimable memory: 77.9 MiB (in the phase load x4, cap 256.0 MiB)")
    assert one.endswith("(in the phase load, cap 256.0 MiB)")


@pytest.mark.parametrize(
    "line",
    [
        "load x2     10.0    61.0 MiB  3.6 KiB    60.0 MiB      4000        44.0 MiB",
        "kept after the load: 27.3 MiB more than before: 48.0 MiB before the load, 75.4 MiB after it",
        "growth during the load: linear leak, 2.4 KiB (2.4–2.5 KiB) per request, in 3 of 3 runs",  # noqa: RUF001
        "per open connection: 63.9 KiB (63.0–64.9 KiB)",  # noqa: RUF001
        "kept per 1000 requests: 2.0 MiB",
        "per worker: all levels had the same number of workers",
        "workers: 2 at once",
        "x4    0 of 24000     799.2  8.4 ms  25.6 ms  47.2 ms  1.24 s",
        "cache    debian/redis-server     7.0 MiB  64.0 MiB       410 ms          0",
    ],
)
def test_it_is_all_there(line: str) -> None:
    assert line in _text(make_served_cell())


@pytest.mark.parametrize("width", [60, 80, 200])
def test_it_fits(width: int) -> None:
    text = _text(make_served_cell(), make_served_cell(1, (1.0,)), width=width)
    assert [line for line in text.splitlines() if len(line) > width] == []


def test_one_level_says_what_is_missing_in_one_line() -> None:
    text = _text(make_served_cell(3, (1.0,)), width=200)
    assert (
        "per worker, per open connection, kept per 1000 requests, kept per opened connection: "
        "not enough levels: use two or more, such as levels=1,2,4" in text
    )


def test_a_load_without_a_leak_says_what_would_have_been_found() -> None:
    cell = make_served_cell()
    runs = [replace(run, series=tuple(replace(each, low=40 * MIB) for each in run.series)) for run in cell.runs]
    assert "growth during the load: flat, no leak; 771 B per request would have been found" in _text(
        replace(cell, runs=tuple(runs))
    )
    flat_but_one = replace(cell, runs=(*runs[:2], cell.runs[2]))
    assert "growth during the load: flat, a leak in 1 of 3 runs; " in _text(flat_but_one)


def test_a_load_of_few_samples_says_nothing_of_growth() -> None:
    cell = make_served_cell()
    runs = tuple(replace(run, series=run.series[::4]) for run in cell.runs)
    assert "growth during" not in _text(replace(cell, runs=runs))
    assert _measured(replace(cell, runs=runs))["serving"]["growth"] is None


def test_what_lies_around_nothing_is_not_kept_for_certain() -> None:
    server = make_served().server
    assert server
    phases = tuple(replace(each, settled_low_bytes=48 * MIB, settled_high_bytes=49 * MIB) for each in server.phases)
    assert "kept after the load: nothing for certain: 0 B (-1.0 MiB to 1.0 MiB)" in _text(
        _changed(make_served_cell(1), phases=phases)
    )


def test_lost_workers_are_a_warning() -> None:
    workers = WorkerFigures(most=4, ended=1, replaced=1, oom_kills=1)
    text = _text(_changed(make_served_cell(), workers=workers))
    assert "In 3 runs: 3 processes OOM-killed, 3 workers ended before the stop, 3 replaced" in text
    assert "Requests of such a worker are lost" in text
    assert "lost" not in _text(make_served_cell())


def test_a_server_that_was_never_ready_has_no_load_to_speak_of() -> None:
    run = make_served()
    assert run.server
    start = replace(run.server, phases=run.server.phases[:1], loads=(), services=())
    cell = make_cell(CELL, [replace(run, ending=Ending.NOT_READY, output_tail="no such table", server=start)])
    text = _text(cell)
    assert "start" in text
    assert "not enough levels" not in text
    assert "Load and latency" not in text


def test_the_phase_in_which_a_server_ended_is_no_rest() -> None:
    run = make_served()
    assert run.server
    *phases, _ = run.server.phases
    ended = replace(run, ending=Ending.FAILED, server=replace(run.server, phases=tuple(phases)))
    cell = make_cell(CELL, [ended])
    view = server_view(cell.cell, cell.runs)
    assert view is not None
    assert view.kept_after_load is not None
    assert view.kept_after_load.after_bytes == phases[5].settled_bytes, "the rest before that"


def test_the_last_lines_come_before_the_figures() -> None:
    run = make_served(ending=Ending.NOT_READY, output_tail="no such table")
    cell = make_cell(CELL, [run])
    text = to_terminal(check_document(unjudged(make_result(cell)).view))
    assert text.index("no such table") < text.index("Phases:")
    assert "check --ready, or give it longer: --ready-timeout" in " ".join(text.split())


def test_a_server_that_never_began_has_no_phases() -> None:
    run = make_served()
    assert run.server
    cell = make_cell(CELL, [replace(run, server=replace(run.server, phases=(), loads=()))])
    text = _text(cell)
    assert "Phases" not in text
    assert "Services" in text


def test_runs_that_ended_otherwise_do_not_count() -> None:
    good, bad = make_served(), make_served((1.0,), ending=Ending.OOM_KILLED)
    cell = make_cell(CELL, [bad, good])
    view = server_view(cell.cell, cell.runs)
    assert view
    assert [load.name for load in view.loads] == [f"x{level:g}" for level in LEVELS]
    assert view.phases[2].requests == 2000


def test_a_check_has_it_folded_and_a_page_in_the_cell() -> None:
    cell = make_served_cell()
    fine, bad = (
        Verdict(cell_id=CELL, state=state, summary="so it is")
        for state in (VerdictState.UNCHANGED, VerdictState.REGRESSED)
    )
    texts = [to_terminal(check_document(build_view(make_result(cell), [verdict]))) for verdict in (fine, bad)]
    assert ["idle x4" in text for text in texts] == [False, True]
    assert "idle x4" in _text(cell, is_judged=True, verbose=True)
    markdown = check_markdown(_view(cell, is_judged=True))
    assert f"<details><summary>Phases of <code>{CELL}</code></summary>" in markdown
    assert "<td>idle x4</td>" in render_html(_view(cell))


def test_the_chart_has_the_phases_as_bands() -> None:
    chart = memory(_view(make_served_cell()).cells[0])
    assert chart
    assert isinstance(chart.drawing, Stack)
    shaded = [band.names for band in chart.drawing.bands if band.is_shaded]
    assert shaded == [(f"load x{level:g}, {199.8 * level:.0f}/s", f"load x{level:g}", "load") for level in LEVELS]
    assert "idle x1, from 13.0 s; load x2, 400/s, from 16.0 s" in chart.words
    drawn = standalone(chart.drawing)
    assert ">load x2, 400/s</text>" in drawn
    assert ">stop</text>" not in drawn, "there is no room for it"


def _measured(cell: CellResult) -> dict[str, Any]:
    (found,) = json.loads(render_measure_json(make_result(cell)))["cells"]
    assert isinstance(found, dict)
    return found


def test_json_of_several_levels_has_sums_and_of_one_its_figures() -> None:
    several, one = (_measured(make_served_cell(1, levels))["runs"][0]["load"] for levels in (LEVELS, (1.0,)))
    assert (several["requests"], several["achieved_rate"], several["latency_seconds"]) == (14000, None, None)
    assert [level["level"] for level in several["levels"]] == list(LEVELS)
    assert (one["achieved_rate"], one["latency_seconds"]["p95"]) == (199.8, 0.0064)


def test_json_of_other_programs_has_none_of_it() -> None:
    found = _measured(make_cell())
    keys: Sequence[str] = ("load", "phases", "services", "workers")
    assert [key for key in keys if key in found["runs"][0] or "serving" in found] == []


def test_json_has_what_follows_from_the_runs_together() -> None:
    serving = _measured(make_served_cell())["serving"]
    assert serving["kept_per_1000_requests_bytes"]["estimate"] == pytest.approx(2 * MIB * 1000 / 1024, rel=0.02)
    assert serving["per_worker_bytes"]["why_not"] == "all levels had the same number of workers"
    assert serving["kept_after_load"]["kept_bytes"] == pytest.approx(14000 * 2 * KIB, rel=0.02)
    assert serving["kept_after_collect"] is None
    growth = serving["growth"]
    assert (growth["class"], growth["leak"], growth["leaking_runs"], growth["runs"]) == ("linear_leak", True, 3, 3)
    low, high = growth["rate_interval"]
    assert low < growth["rate_bytes_per_request"] < high
