"""Texts that people and machines read; the golden files are what they look like."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import (
    MIB,
    TOLERANCES,
    make_baseline,
    make_baselines,
    make_cell,
    make_fingerprint,
    make_measurement,
    make_oom,
    make_result,
    make_runs,
)
from memcap.judge import judge, worst_exit_code
from memcap.model import CampaignResult, Caveat, CaveatKind, Measurement, Metric, Moment, Rules, Verdict, VerdictState
from memcap.report.check import check_document
from memcap.report.json import render_check_json, render_measure_json
from memcap.report.text import percent, shortened
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view
from memcap.untrusted import printable

REGRESSED, UNLIKE = "agents.crew_backed-py312-128m", "agents.adaptive_adversary-py312-128m"
COLD, OOM = "agents.llm-py310-128m", "streams.leaky-py312-128m"
NEW, GONE = "streams.fixed-py312-128m", "streams.gone-py312-128m"
GOLDEN = Callable[[str, str], None]


def render_terminal(view: View, *, width: int = 80, verbose: bool = False, ascii_only: bool = False) -> str:
    terminal = Terminal(width=width, verbose=verbose, ascii=ascii_only)
    return to_terminal(check_document(view, verbose=verbose), terminal)


def _mixed() -> CampaignResult:
    cold = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="9.1 MiB of file pages were charged")
    result = make_result(
        make_cell(REGRESSED, make_runs((70, 70.1, 70.2, 70.1, 70))),
        make_cell(UNLIKE),
        make_cell(COLD, [make_measurement(30.1, caveats=(cold,))] * 5),
        make_cell(OOM, [make_oom(), *make_runs()]),
        make_cell(NEW),
    )
    return replace(result, plan_cells=(*result.plan_cells, GONE))


def _checked(result: CampaignResult) -> View:
    baselines = make_baselines(
        make_baseline(make_cell(REGRESSED)),
        make_baseline(make_cell(UNLIKE), fingerprint=make_fingerprint(architecture="aarch64")),
        make_baseline(make_cell(COLD, make_runs([30.1] * 5))),
        make_baseline(make_cell(GONE)),
    )
    verdicts = judge(result, baselines, Rules(tolerances=TOLERANCES))
    return build_view(result, verdicts, exit_code=worst_exit_code(verdicts))


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_mixed_result(golden: GOLDEN, width: int) -> None:
    text = render_terminal(_checked(_mixed()), width=width)
    assert max(map(len, text.splitlines())) <= width
    golden(f"report/check-{width}.txt", text)


def test_verbose_adds_every_metric_of_every_cell(golden: GOLDEN) -> None:
    golden("report/check-verbose.txt", render_terminal(_checked(_mixed()), width=100, verbose=True))


def test_figures_without_verdicts(golden: GOLDEN) -> None:
    result = make_result(make_cell("command.python-python:3.12_slim-128m"))
    golden("report/measure-80.txt", render_terminal(build_view(result, is_judged=False), width=80))


def test_memory_over_time_is_drawn_where_there_is_room() -> None:
    needs = [*range(60), *range(60, 0, -1)]
    series = tuple(
        Moment(seconds=float(place), usage=need, anon=need, file=0, shmem=0, kernel=0, low=need)
        for place, need in enumerate(needs)
    )
    view = build_view(make_result(make_cell(runs=[make_measurement(62.5, series=series)])))
    assert "▇███▇" in render_terminal(view, width=200)
    assert "over time" not in render_terminal(view, width=80)
    assert "unreclaimable memory of the first run: ▁" in render_terminal(view, width=100, verbose=True)
    assert "▁" not in render_terminal(view, width=200, verbose=True, ascii_only=True)


def test_the_exit_is_not_drawn_in_a_line_of_text_either() -> None:
    series = tuple(
        Moment(seconds=float(place), usage=need, anon=need, file=0, shmem=0, kernel=0, low=need)
        for place, need in enumerate([*[60 << 20] * 9, 1 << 20])
    )
    view = build_view(make_result(make_cell(runs=[make_measurement(series=series)])))
    text = render_terminal(view, width=200, verbose=True)
    assert "█████████ up to 60.0 MiB in 8.0 s" in text


def test_without_a_moment_of_the_running_program_there_is_no_curve() -> None:
    ended = Moment(seconds=0.1, usage=1, anon=1, file=0, shmem=0, kernel=0, low=1, running=False)
    view = build_view(make_result(make_cell(runs=[make_measurement(series=(ended,))])))
    assert "of the first run" not in render_terminal(view, width=200, verbose=True)


def test_check_json(golden: GOLDEN) -> None:
    golden("report/check.json", render_check_json(_checked(_mixed())))


def test_measure_json(golden: GOLDEN) -> None:
    lost = Measurement(ending=_mixed().cells[3].runs[0].ending)
    golden("report/measure.json", render_measure_json(make_result(make_cell(runs=[make_measurement(62.5), lost]))))


def test_measure_json_has_exactly_the_promised_keys() -> None:
    (cell,) = json.loads(render_measure_json(make_result(make_cell(runs=[make_measurement(62.5), make_oom()]))))[
        "cells"
    ]
    assert set(cell) == {"id", "image", "cap_bytes", "runs", "summary", "until_end"}
    assert set(cell["runs"][0]) == {
        "ending", "exit_code", "signal", "oom_kills", "peak_bytes", "unreclaimable_peak_bytes",
        "unreclaimable_peak_low_bytes", "unreclaimable_peak_high_bytes", "rss_peak_bytes",
        "floor_bytes", "wall_seconds", "cpu_seconds", "output", "caveats",
    }  # fmt: skip
    assert set(cell["summary"]) == {metric.value for metric in Metric}
    assert set(cell["summary"]["peak"]) == {"median", "min", "max", "mad", "n"}
    assert cell["runs"][1]["exit_code"] is None
    assert cell["summary"]["peak"]["n"] == 1, "the run that was OOM-killed has no say in the need of the workload"
    assert cell["until_end"]["peak"] == {"median": 128 * MIB, "min": 128 * MIB, "max": 128 * MIB, "mad": 0, "n": 1}


@pytest.mark.parametrize("width", [60, 80, 100, 120, 200])
def test_it_fits_whatever_the_length_of_ids(width: int) -> None:
    for length in (1, 20, 60):
        text = render_terminal(build_view(make_result(make_cell(f"suite.{'b' * length}-py312-128m"))), width=width)
        assert max(map(len, text.splitlines())) <= width


def test_ids_that_would_look_the_same_are_not_shortened() -> None:
    ids = [f"agents.{'a' * 30}{middle}{'b' * 60}-py312-128m" for middle in "xy"]
    text = render_terminal(build_view(make_result(*map(make_cell, ids))), width=80)
    whole = "".join(line.split()[0] for line in text.splitlines() if line.strip())
    assert all(each in whole for each in ids), "they are wrapped in their cells"


def test_hostile_text_reaches_no_terminal() -> None:
    hostile = "s.\x1b[2Jevil\u202e\n-py312-128m"
    verdict = Verdict(cell_id=hostile, state=VerdictState.WORKLOAD_FAILED, summary="said \x1b]0;x\x07", remedy="\x9b1m")
    caveat = Caveat(kind=CaveatKind.OUTPUT_TRUNCATED, detail="\x1b[31m")
    result = make_result(make_cell(hostile, [make_measurement(caveats=(caveat,))]), profile="\x1b[1m")
    view = build_view(result, [verdict], exit_code=96)
    for text in (render_terminal(view, verbose=True), render_check_json(view), render_measure_json(result)):
        assert text.replace("\n", "").isprintable()
    assert r"s.\x1b[2Jevil\u202e\n-py312-128m" in render_terminal(view, width=120)


def test_a_campaign_without_cells_is_told() -> None:
    result = replace(make_result(), cells=())
    text = render_terminal(build_view(result))
    assert "No cells." in text
    assert "1 planned, not measured" in text


@given(st.text(max_size=80), st.integers(12, 90))
def test_shortened_text_fits_and_keeps_its_end(text: str, width: int) -> None:
    short = shortened(text, width)
    assert len(short) <= width
    assert text[-5:] == short[-5:]


@given(st.text())
def test_printable_text_is_printable(text: str) -> None:
    assert printable(text).isprintable()


def test_percent() -> None:
    assert (percent(0.1234), percent(-0.5), percent(None)) == ("+12.3%", "-50.0%", "-")
