"""The answer comes first: what the first lines of a report say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from factories import MIB, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.judge import judge, worst_exit_code
from memcap.model import (
    Baselines,
    Budget,
    Caveat,
    CaveatKind,
    CellResult,
    Ending,
    Measurement,
    MemorySplit,
    Metric,
    Origin,
    Rules,
    VerdictState,
    remedy_of,
)
from memcap.report.check import check_document, check_markdown
from memcap.report.figures import split_text
from memcap.report.html import render_html
from memcap.report.html_cell import cell_page
from memcap.report.json import render_check_json
from memcap.report.to_html import blocks_html
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view

ONE = "The only run ended as expected"
UNTIL_THEN, CAP = "Peak unreclaimable memory until then", "MiB (cap 128.0 MiB)"
A, B = "measure.app-app_1-24m", "measure.app-app_1-64m"
TIMED_OUT = make_measurement(62.5, ending=Ending.TIMED_OUT, exit_code=None, detail="after 2 s", output_tail="serving\n")
MISSING = make_measurement(
    3.5, ending=Ending.LOAD_FAILED, exit_code=None, detail="pythn: No such file or directory", samples=1
)


def render_terminal(view: View, *, width: int = 80, verbose: bool = False, show_output: bool = False) -> str:
    document = check_document(view, verbose=verbose, show_output=show_output)
    return to_terminal(document, Terminal(width=width, verbose=verbose))


def _view(*cells: CellResult, **changes: object) -> View:
    result = make_result(*cells, **changes)
    verdicts = judge(result, Baselines(cells={}), Rules(minimum_runs=1))
    bad = [verdict for verdict in verdicts if verdict.state is not VerdictState.NEW]
    return build_view(result, bad, exit_code=worst_exit_code(bad), is_judged=False)


def _remedy(run: Measurement) -> str:
    return remedy_of(run.ending, run.detail, Origin.COMMAND)


def _first_lines(runs: Sequence[Measurement]) -> list[str]:
    first, second, *_ = render_terminal(_view(make_cell(A, runs)), width=200).split("\n\n")
    return [first, second if second.startswith("Next") else ""]


@pytest.mark.parametrize(
    ("runs", "first", "second"),
    [
        (
            make_runs(),
            "All 5 runs ended as expected. Peak unreclaimable memory: 61.6 MiB (cap 128.0 MiB).",
            "",
        ),
        (
            make_runs([62.5]),
            "The only run ended as expected. Peak unreclaimable memory: 61.5 MiB (cap 128.0 MiB).",
            "",
        ),
        (
            [make_oom()] * 5,
            f"In all 5 runs the kernel killed the main process at the cap. {UNTIL_THEN}: 127.0 {CAP}. (exit code 97)",
            f"Next: {Ending.OOM_KILLED.remedy}",
        ),
        (
            [TIMED_OUT] * 2,
            f"In both runs {Ending.TIMED_OUT.explanation} (after 2 s). {UNTIL_THEN}: 61.5 {CAP}. (exit code 96)",
            f"Next: {_remedy(TIMED_OUT)}",
        ),
        (
            [MISSING],
            f"In the only run {Ending.LOAD_FAILED.explanation} (pythn: No such file or directory). (exit code 96)",
            f"Next: {_remedy(MISSING)}",
        ),
        (
            [make_oom(), *make_runs()],
            "In 1 of 6 runs the kernel killed the main process at the cap. (exit code 97)",
            f"Next: {Ending.OOM_KILLED.remedy}",
        ),
    ],
)
def test_the_answer_and_the_remedy_come_first(runs: Sequence[Measurement], first: str, second: str) -> None:
    assert _first_lines(runs) == [first, second]


def test_of_several_cells_the_failed_ones_are_named_and_each_has_its_reason() -> None:
    text = render_terminal(_view(make_cell(A, [make_oom()] * 2), make_cell(B)))
    assert text.startswith(
        "1 of 2 cells did not end as expected: measure.app-app_1-24m. (exit code 97)\n\n"
        "measure.app-app_1-24m\n    in both runs the kernel killed the main process at the cap\n    -> "
    )


def test_of_several_cells_that_ended_well_the_largest_need_is_told() -> None:
    view = _view(make_cell(A), make_cell(B, make_runs([70])))
    assert view.reason == (
        "All 6 runs ended as expected. Peak unreclaimable memory: 69.0 MiB (measure.app-app_1-64m, cap 128.0 MiB)"
    )


def test_a_broken_budget_is_no_ending() -> None:
    budget = Budget(metric=Metric.PEAK, limit_bytes=10 * MIB)
    reason = _view(make_cell(A, budget=budget), make_cell(B)).reason
    assert reason == "1 of 2 cells failed: measure.app-app_1-24m"


def test_what_was_planned_and_not_measured_is_told() -> None:
    assert _view(make_cell(A), plan_cells=(A, B)).reason.endswith("(cap 128.0 MiB). 1 planned cell not measured")


def test_without_a_cgroup_the_largest_process_is_told_or_nothing() -> None:
    resident = make_measurement(None, rss_peak_bytes=20 * MIB)
    assert _view(make_cell(A, [resident])).reason == f"{ONE}. Largest process: 20.0 MiB resident"
    assert _view(make_cell(A, [make_measurement(None)])).reason.endswith("Its memory was not measured")


def test_figures_of_runs_that_were_ended_are_shown_as_what_they_are() -> None:
    view = _view(make_cell(A, [TIMED_OUT] * 2))
    text = render_terminal(view)
    assert "≥ 62.5 MiB" in text
    assert "≥: no run ended as expected; this is what was needed until the runs ended." in text
    assert "The end of the output:\n    | serving" in text
    assert "peak: ≥ 62.5 MiB until the runs ended" in render_terminal(view, verbose=True)
    assert "| ≥ 62.5 MiB | ≥ 61.5 MiB | timed_out |" in check_markdown(view)
    (cell,) = json.loads(render_check_json(view))["cells"]
    assert cell["metrics"] == {}
    assert cell["until_end"]["peak"]["max"] == 62.5 * MIB


def test_the_page_has_them_too() -> None:
    page = render_html(_view(make_cell(A, [TIMED_OUT] * 2)))
    assert page.count("≥ 62.5 MiB") == 2, "in the line of the cell, and among its metrics"
    assert f"<p>Next: {_remedy(TIMED_OUT)}</p>" in page


@pytest.mark.parametrize("run", [MISSING, make_measurement(3.5, ending=Ending.LOST)])
def test_a_run_that_says_nothing_of_the_workload_has_no_figures(run: Measurement) -> None:
    (cell,) = _view(make_cell(A, [run] * 3)).cells
    assert all(metric.until_end is None for metric in cell.metrics)


def test_one_run_that_ended_well_is_what_counts() -> None:
    (cell,) = _view(make_cell(A, [TIMED_OUT, *make_runs([60])])).cells
    peak = cell.metric(Metric.PEAK)
    assert (peak.until_end, peak.values) == (None, (60 * MIB,))


def test_one_killed_run(golden: Callable[[str, str], None]) -> None:
    view = _view(make_cell(A, [make_oom(output_tail="loading\nloaded")]))
    golden("report/measure-killed-60.txt", render_terminal(view, width=60))


def test_one_value_is_no_plural() -> None:
    text = render_terminal(_view(make_cell(A, make_runs([60]))), verbose=True)
    assert ", 1 value\n" in text
    assert "1 values" not in text


def _between(low: float, high: float | None, kind: CaveatKind = CaveatKind.SAMPLED_ONLY) -> Measurement:
    return make_measurement(
        high or low,
        unreclaimable_peak_bytes=int(low * MIB),
        unreclaimable_peak_low_bytes=int(low * MIB),
        unreclaimable_peak_high_bytes=None if high is None else int(high * MIB),
        caveats=(Caveat(kind=kind, detail="it is so"),),
    )


def test_a_need_in_doubt_is_an_interval_with_its_reason() -> None:
    view = _view(make_cell(A, [_between(6.1, 14), _between(6.4, 14), _between(6.2, 14)]))
    assert view.reason == (
        "All 3 runs ended as expected. Peak unreclaimable memory: 6.4–14.0 MiB, as page cache came or went between two "  # noqa: RUF001
        "samples (cap 128.0 MiB)"
    )
    assert "6.2–14.0 MiB" in render_terminal(view)  # noqa: RUF001
    assert "it lies between 6.2 MiB and 14.0 MiB" in render_terminal(view, verbose=True)
    assert "| 14.0 MiB | 6.2–14.0 MiB | completed |" in check_markdown(view)  # noqa: RUF001
    assert cell_page(view.cells[0], view).need == "6.2–14.0 MiB"  # noqa: RUF001
    (cell,) = json.loads(render_check_json(view))["cells"]
    assert cell["metrics"]["unreclaimable_peak"]["interval"] == {"low": int(6.2 * MIB), "high": 14 * MIB}


@pytest.mark.parametrize(
    "runs",
    [
        [_between(6.1, 6.1)] * 3,
        [_between(6.1, None)] * 3,
        [make_measurement(7.1, unreclaimable_peak_bytes=int(6.1 * MIB))] * 3,  # an older file
        [_between(6.1, 6.1), _between(6.1, 6.1), _between(5, 6)],
    ],
)
def test_a_need_without_doubt_or_without_a_bound_is_one_number(runs: Sequence[Measurement]) -> None:
    view = _view(make_cell(A, runs))
    assert "memory: 6.1 MiB (cap" in view.reason
    assert view.cells[0].metric(Metric.UNRECLAIMABLE_PEAK).interval is None


def test_locked_files_of_cgroup_v1_are_named_as_the_reason() -> None:
    reason = _view(make_cell(A, [_between(6, 14, CaveatKind.KERNEL_UNEXPLAINED)])).reason
    assert "6.0–14.0 MiB, as cgroup v1 does not tell which kernel memory could be taken back (cap" in reason  # noqa: RUF001


@pytest.mark.parametrize(
    ("split", "text"),
    [
        (MemorySplit(), ""),
        (MemorySplit(anon=MIB, shmem=0, kernel=0, file=2 * MIB), "anon 1.0 MiB, shmem 0 B, kernel 0 B, file 2.0 MiB"),
        (MemorySplit(anon=8 * MIB, huge=4 * MIB), "anon 8.0 MiB (4.0 MiB of it huge pages)"),
        (MemorySplit(anon=MIB, sock=3 * MIB, huge=0), "anon 1.0 MiB, sockets 3.0 MiB"),
    ],
)
def test_huge_pages_and_sockets_are_named_where_there_are_any(split: MemorySplit, text: str) -> None:
    assert split_text(split) == text
    if text:
        view = _view(make_cell(A, [make_measurement(at_peak=split, series=()) for _ in range(2)]))
        assert f"at the peak of the first run: {text}" in render_terminal(view, width=200, verbose=True)
        assert f"<dt>at the peak of one run</dt><dd>{text}</dd>" in blocks_html(cell_page(view.cells[0], view).notes)
