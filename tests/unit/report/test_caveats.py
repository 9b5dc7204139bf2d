"""Doubts gathered by kind: which are shown in full, and how many runs' words become one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_cell, make_measurement, make_result, make_runs
from memcap.model import Caveat, CaveatKind, Ending, Verdict, VerdictState
from memcap.report.caveats import gather_caveats, merged, summarized
from memcap.report.check import check_document, check_markdown
from memcap.report.html_cell import cell_page
from memcap.report.junit import render_junit
from memcap.report.to_html import blocks_html
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view


def render_terminal(view: View, *, width: int = 80, verbose: bool = False, show_output: bool = False) -> str:
    document = check_document(view, verbose=verbose, show_output=show_output)
    return to_terminal(document, Terminal(width=width, verbose=verbose))


def _load(percent: int) -> Caveat:
    return Caveat(kind=CaveatKind.NOISY_NEIGHBOUR, detail=f"the machine's load was {percent / 100:.1f} on 2 CPUs")


SWAPPED = Caveat(kind=CaveatKind.SWAP_USED, detail="3.0 MiB were in swap")
MUTABLE = Caveat(kind=CaveatKind.MUTABLE_TAG, detail="app:1 may name another image tomorrow")
SAMPLED = Caveat(kind=CaveatKind.SAMPLED_ONLY, detail="the largest of 4 samples")


def _view(*caveats: tuple[Caveat, ...], ending: Ending = Ending.COMPLETED) -> View:
    runs = [make_measurement(caveats=each, ending=ending) for each in caveats]
    return build_view(make_result(make_cell(runs=runs)), is_judged=False)


def test_an_unlike_environment_is_no_reason_to_accept_anything() -> None:
    assert "baseline accept" not in CaveatKind.UNLIKE_ENVIRONMENT.remedy


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        (("load 3.1 on 2 CPUs", "load 4.8 on 2 CPUs", "load 4 on 2 CPUs"), "load 3.1–4.8 on 2 CPUs"),  # noqa: RUF001
        (("12.0 KiB were left", "9.5 KiB were left"), "9.5–12.0 KiB were left"),  # noqa: RUF001
        (("900 KiB were left", "1.2 MiB were left"), "900 KiB–1.2 MiB were left"),  # noqa: RUF001
        (("3 faults, 2.0 MiB", "18 faults, 1.0 MiB"), "3–18 faults, 1.0–2.0 MiB"),  # noqa: RUF001
        (("took 9% of it", "took 11% of it"), "took 9–11% of it"),  # noqa: RUF001
    ],
)
def test_what_differs_in_numbers_alone_is_one_with_a_range(details: tuple[str, ...], expected: str) -> None:
    assert merged(details) == (expected,)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("campaign 20261129T184109-measure-958b", "campaign 20261129T184110-measure-1234"),
        ("Python 3.12.1", "Python 3.12.7"),
        ("CPUs 0,1", "CPUs 2,3"),
        ("CPUs 0-1", "CPUs 2-3"),
        ("python:3.12", "python:3.13"),
        ("x86_64 image", "x86_32 image"),
    ],
)
def test_names_and_versions_and_lists_are_no_numbers(one: str, other: str) -> None:
    assert merged((one, other)) == (one, other)


@given(st.lists(st.text(alphabet="ab 0.9-:MiB", max_size=12), max_size=5))
def test_nothing_is_lost_but_what_is_merged(details: list[str]) -> None:
    found = merged(dict.fromkeys(details))
    assert len(found) <= len(set(details))
    assert merged(details[:1]) == tuple(details[:1])


def test_what_changes_no_decision_takes_one_line() -> None:
    view = _view((_load(310), MUTABLE), (_load(480), MUTABLE), (MUTABLE,))
    text = render_terminal(view)
    assert "\n2 caveats: mutable tag, noisy neighbour; see --verbose\n" in text
    assert "3.1" not in text


def test_verbose_tells_each_kind_once_with_its_range_and_runs() -> None:
    text = render_terminal(_view((_load(310),), (_load(480),), ()), verbose=True)
    assert (
        "caveat noisy neighbour (in 2 of 3 runs)\n"
        "    the machine's load was 3.1–4.8 on 2 CPUs\n"  # noqa: RUF001
        "    -> For times,"
    ) in text


def test_what_changes_a_decision_is_shown_in_full_with_its_remedy() -> None:
    text = " ".join(render_terminal(_view((SWAPPED, MUTABLE))).split())
    assert f"caveat swap used (in 1 of 1 run) 3.0 MiB were in swap -> {CaveatKind.SWAP_USED.remedy}" in text
    assert "1 more caveat: mutable tag; see --verbose" in text


def test_of_a_workload_that_never_ran_no_figure_is_in_doubt() -> None:
    text = render_terminal(_view((SAMPLED,), ending=Ending.LOAD_FAILED))
    assert "1 caveat: sampled only; see --verbose" in text
    failed = render_terminal(_view((SAMPLED,), ending=Ending.FAILED))
    assert "caveat sampled only (in 1 of 1 run)\n    the largest of 4 samples" in failed


def test_doubts_about_peak_decide_where_it_is_judged() -> None:
    floor = Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail="")
    result = make_result(make_cell(runs=[make_measurement(caveats=(floor,))]))
    assert [gather_caveats(result, (), judged=judged)[0].decides for judged in (True, False)] == [True, False]


def test_a_doubt_about_a_comparison_names_no_runs_and_merges_nothing() -> None:
    doubts = tuple(Caveat(kind=CaveatKind.UNLIKE_ENVIRONMENT, detail=f"Python is 3.{minor}") for minor in (10, 9))
    verdict = Verdict(cell_id="c", state=VerdictState.NEW, summary="", caveats=doubts)
    (found,) = gather_caveats(make_result(make_cell(runs=make_runs())), [verdict], judged=True)
    assert (found.where, found.seen, found.decides) == ("", ("Python is 3.10", "Python is 3.9"), True)
    assert summarized([found]) == ""


def test_the_other_reports_tell_the_same() -> None:
    view = _view((SWAPPED, _load(310)), (SWAPPED, _load(480)))
    markdown = check_markdown(view)
    assert "- ⚠️ caveat swap used (in 2 of 2 runs): 3.0 MiB were in swap." in markdown
    assert "<details><summary>1 more caveat: noisy neighbour</summary>" in markdown
    assert "load was 3.1–4.8 on 2 CPUs" in markdown  # noqa: RUF001
    assert "load was 3.1–4.8 on 2 CPUs" in blocks_html(cell_page(view.cells[0], view).notes)  # noqa: RUF001
    verdict = Verdict(
        cell_id=view.cells[0].id, state=VerdictState.NEW, summary="", caveats=(_load(310), _load(480), MUTABLE)
    )
    junit = render_junit(build_view(make_result(), [verdict]))
    assert junit.count("caveat noisy_neighbour") == 1


def test_a_detail_that_looks_like_one_without_its_numbers_is_another() -> None:
    assert merged(["saw \0 here", "saw 1 here", "saw \0B here", "saw 2 KiB here"]) == (
        "saw \0 here", "saw 1 here", "saw \0B here", "saw 2 KiB here",
    )  # fmt: skip
