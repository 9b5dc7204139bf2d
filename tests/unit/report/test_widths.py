"""No text for people is wider than the terminal, from 60 columns on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from compared import compared, make_runs_of, two_images
from hypothesis import given
from hypothesis import strategies as st
from profiles import frame, make_profile, site
from reproduced import make_escalated, make_found
from simulated_workload import Workload, found
from soaks import make_calls, recorded, stretched
from views import view_of_every_verdict

from factories import make_baseline, make_cell, make_environment, make_image, make_result
from memcap.fitting import recommend
from memcap.model import Accepted, BaselineVersion, CellHistory, Metric
from memcap.profile_diff import diff_profiles
from memcap.report.baselines import render_baselines, render_history
from memcap.report.check import check_document
from memcap.report.compare import compare_document
from memcap.report.compare_view import build_comparison_view
from memcap.report.diff import diff_document
from memcap.report.document import Column, Document
from memcap.report.fit import FitReport, fit_document
from memcap.report.profile import profile_document
from memcap.report.repro import repro_document
from memcap.report.selftest import selftest_document
from memcap.report.soak import soak_document
from memcap.report.text import folded
from memcap.report.text_table import table
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import build_view
from memcap.selftest import MetricQuality, SelfTest

MIB = 1024**2
LONG = f"suite.{'long_name_' * 5}-registry_example_5000_team_prod_1_4-128m"
DEEP = frame(8, "a_function_with_a_long_name", f"/app/{'folder/' * 20}work.py")
PROFILE = replace(make_profile(site(2**20, DEEP)), subject=f"my/prod:1.4 -- python {'app.py ' * 20}")
LEAK = make_calls(stretched(recorded("leak_bytes"), 3000), name=LONG)
CHANGES = diff_profiles(make_profile(), PROFILE)


def _text(document: Document, width: int) -> str:
    return to_terminal(document, Terminal(width=width))


def _check(width: int) -> str:
    document = check_document(view_of_every_verdict(), verbose=True, show_output=True)
    return to_terminal(document, Terminal(width=width, verbose=True))


def _measure(width: int) -> str:
    return _text(check_document(build_view(make_result(make_cell(LONG)), is_judged=False)), width)


def _compare(width: int) -> str:
    result = two_images(long_name_of_a_benchmark=(make_runs_of(), make_runs_of(workload=25)))
    view = build_comparison_view(compared(result), (result, result), exit_code=0)
    return to_terminal(compare_document(view, verbose=True), Terminal(width=width, verbose=True))


def _fit(width: int) -> str:
    curve = found(Workload(need=20, peak=84, threshold=20, comfort=84, slowness=lambda cap: 1 if cap >= 60 else 3))
    report = FitReport(
        id="20261120T043000-fit-1a2b",
        started="2026-11-20T04:30:00+00:00",
        subject=LONG,
        image=make_image(),
        environment=make_environment(),
        fit=curve,
        recommendation=recommend(curve, headroom=0.15),
    )
    return _text(fit_document(report), width)


def _baselines(width: int) -> str:
    accepted = Accepted(reason="a reason of many words " * 5, by="Ada", source="r" * 30)
    baseline = replace(make_baseline(make_cell(LONG)), accepted=accepted)
    versions = tuple(
        BaselineVersion(commit="0123456", date="2026-11-20", author="Ada Lovelace", baseline=baseline) for _ in "ab"
    )
    history = render_history([CellHistory(cell_id=LONG, versions=versions)], Metric.PEAK, limit=9, width=width)
    return render_baselines([baseline], width=width) + history


def _selftest(width: int) -> str:
    need = MetricQuality(
        metric=Metric.UNRECLAIMABLE_PEAK,
        median=64 * MIB,
        margin=0.16 * MIB,
        false_alarm_rate=0.002,
        undecided_rate=0.01,
        power={0.005: 0.98, 0.01: 1.0, 0.03: 1.0},
        detectable=0.0042,
    )
    metrics = tuple(replace(need, metric=metric) for metric in (Metric.PEAK, need.metric, Metric.RSS_PEAK))
    tested = SelfTest(
        cell_ids=("selftest.held_64m-py312-512m", "b"), sample_size=10, suite_size=20, resamplings=1000,
        false_alarm_rate=0.002, metrics=metrics,
    )  # fmt: skip
    return _text(selftest_document(tested, false_alarms=0.01), width)


RENDERERS: dict[str, Callable[[int], str]] = {
    "check": _check,
    "measure": _measure,
    "compare": _compare,
    "fit": _fit,
    "baselines": _baselines,
    "selftest": _selftest,
    "profile": lambda width: _text(profile_document(PROFILE, top=5, where="results/profiles/x"), width),
    "soak": lambda width: _text(soak_document(LEAK, where="results/soaks/x"), width),
    "repro": lambda width: _text(repro_document(make_found(), top=5, where="results/repro/x"), width),
    "repro of a load": lambda width: _text(repro_document(make_escalated(10, 20, 110.5), top=5, where="x"), width),
    "diff": lambda width: _text(diff_document(CHANGES, top=5), width),
    "diff of stacks": lambda width: _text(diff_document(CHANGES, top=5, stacks=True), width),
}


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("name", RENDERERS)
def test_no_line_is_wider_than_the_terminal(name: str, width: int) -> None:
    lines = RENDERERS[name](width).splitlines()
    assert [line for line in lines if len(line) > width and " " in line.strip()] == []


texts = st.text(st.characters(min_codepoint=33, max_codepoint=126) | st.just(" "), max_size=60)


@given(st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=5), st.integers(30, 120))
def test_a_table_fits_and_leaves_nothing_out(rows: list[tuple[str, str, str]], width: int) -> None:
    text = table(rows, [Column(title=title) for title in ("one", "two", "three")], width=width)
    assert max(map(len, text.splitlines())) <= width
    whole = "".join(text.split())
    for row in rows:
        for cell in row:
            assert all(whole.count(letter) >= cell.count(letter) for letter in set(cell) - {" "})


def test_folding_keeps_short_lines_indents_long_ones_and_breaks_no_word() -> None:
    assert folded("a b\n  one two three\n" + "x" * 20, 12) == "a b\n  one two\n      three\n" + "x" * 20
