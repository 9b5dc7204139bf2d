"""What the view chooses, sorts and counts."""

from __future__ import annotations

from dataclasses import replace

from factories import (
    CELL_ID,
    make_baselines,
    make_cell,
    make_image,
    make_measurement,
    make_oom,
    make_result,
    make_runs,
)
from memcap.judge import judge
from memcap.model import Caveat, CaveatKind, Ending, Metric, MetricVerdict, Rules, Verdict, VerdictState
from memcap.model.names import tagged_image_name
from memcap.report.view import View, build_view

A, B, C = "s.a-py312-128m", "s.b-py312-128m", "s.c-py312-128m"


def _view(*states: VerdictState) -> View:
    cells = [make_cell(f"s.b{index}-py312-128m") for index, _ in enumerate(states)]
    verdicts = [
        Verdict(cell_id=cell.cell.id, state=state, summary="same words")
        for cell, state in zip(cells, states, strict=True)
    ]
    return build_view(make_result(*cells), verdicts, exit_code=0)


def test_every_state_has_its_place_and_the_worst_come_first() -> None:
    view = _view(*reversed(VerdictState))
    assert tuple(cell.verdict.state for cell in view.cells if cell.verdict) == tuple(VerdictState)
    assert tuple(state for state, _ in view.counts) == tuple(VerdictState)


def test_the_same_words_about_many_cells_are_said_once() -> None:
    view = _view(VerdictState.NOT_ENOUGH_DATA, VerdictState.NOT_ENOUGH_DATA, VerdictState.GONE)
    assert [(each.state, len(each.cell_ids)) for each in view.problems] == [
        (VerdictState.GONE, 1),
        (VerdictState.NOT_ENOUGH_DATA, 2),
    ]


def test_good_news_is_no_problem() -> None:
    assert _view(VerdictState.UNCHANGED, VerdictState.IMPROVED, VerdictState.NEW).problems == ()


def test_figures_are_summaries_of_runs_that_ended_as_expected() -> None:
    (cell,) = build_view(make_result(make_cell(runs=[make_oom(), *make_runs((60, 62))]))).cells
    peak = cell.metric(Metric.PEAK).summary
    assert peak is not None
    assert (peak.n, peak.median) == (2, 61 * 1024 * 1024)
    assert cell.endings == ((Ending.COMPLETED, 2), (Ending.OOM_KILLED, 1))


def test_the_change_is_that_of_the_medians_of_a_comparable_baseline() -> None:
    judged = MetricVerdict(metric=Metric.PEAK, state=VerdictState.REGRESSED, base=50.0, new=60.0)
    verdict = Verdict(cell_id=CELL_ID, state=VerdictState.REGRESSED, summary="", metrics=(judged,))
    (cell,) = build_view(make_result(), [verdict]).cells
    assert cell.metric(Metric.PEAK).change == 0.2
    assert cell.metric(Metric.CPU).change is None


def test_caveats_are_gathered_by_kind_each_detail_and_cell_once() -> None:
    cold = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="9 MiB")
    colder = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="19 MiB")
    unlike = Caveat(kind=CaveatKind.UNLIKE_ENVIRONMENT, detail="architecture")
    runs = [make_measurement(caveats=(cold,))] * 3
    result = make_result(make_cell(A, runs), make_cell(B, [make_measurement(caveats=(colder, cold))]))
    verdict = Verdict(cell_id=A, state=VerdictState.NEW, summary="", caveats=(cold, unlike))
    first, second = build_view(result, [verdict]).caveats
    assert (first.kind, first.details, first.cell_ids) == (CaveatKind.COLD_PAGE_CACHE, ("9 MiB", "19 MiB"), (A, B))
    assert (second.kind, second.cell_ids) == (CaveatKind.UNLIKE_ENVIRONMENT, (A,))
    assert first.remedy == CaveatKind.COLD_PAGE_CACHE.remedy


def test_planned_cells_that_were_not_measured_are_not_silently_missing() -> None:
    result = replace(make_result(make_cell(A)), plan_cells=(A, B, C))
    fine = Verdict(cell_id=A, state=VerdictState.UNCHANGED, summary="")
    gone = Verdict(cell_id=B, state=VerdictState.GONE, summary="was not measured")
    view = build_view(result, [fine, gone], exit_code=95)
    assert view.not_measured == (B, C)
    assert [cell.id for cell in view.cells] == [B, A]
    assert view.reason == "failed: 1 gone, 1 unchanged, 1 not measured"
    assert view.next_step == "memcap run --resume RESULT"


def test_the_reason_says_when_nothing_could_be_judged() -> None:
    assert _view(VerdictState.INCOMPARABLE).reason == "nothing could be judged: 1 incomparable"
    assert _view(VerdictState.UNCHANGED, VerdictState.INCOMPARABLE).reason == "1 incomparable, 1 unchanged"
    assert _view(VerdictState.NEW).reason == "1 new. Nothing was judged: a new cell has no baseline"
    assert _view(VerdictState.UNCHANGED, VerdictState.UNDECIDED).reason == (
        "1 undecided, 1 unchanged. What is undecided does not fail a check"
    )
    unjudged = build_view(make_result(), is_judged=False)
    assert unjudged.reason == "All 5 runs ended as expected. Peak unreclaimable memory: 61.6 MiB (cap 128.0 MiB)"


def test_what_baselines_do_not_apply_to_is_not_to_be_accepted() -> None:
    references = ("shop/prod:1.0", "shop/prod:1.1")
    images = {tagged_image_name(each): make_image(tagged_image_name(each), reference=each) for each in references}
    result = make_result(make_cell("agents.crew_backed-shop_prod_1_0-128m"), images=images)
    verdicts = judge(result, make_baselines(), Rules(tolerances={}))
    view = build_view(result, verdicts)
    assert view.next_step == "name the images, as baselines do: memcap run --image NAME=REFERENCE"


def test_the_next_step_fits() -> None:
    assert _view(VerdictState.NEW, VerdictState.UNCHANGED).next_step == 'memcap baseline accept --reason "…"'
    assert _view(VerdictState.NEW, VerdictState.NEW).next_step == "memcap baseline accept"
    assert _view(VerdictState.UNCHANGED).next_step == ""
    assert "--allow-unlike" in _view(VerdictState.INCOMPARABLE, VerdictState.NEW).next_step
    assert _view(VerdictState.WORKLOAD_FAILED, VerdictState.NEW).next_step == ""
    assert _view(VerdictState.INFRASTRUCTURE).next_step == "memcap doctor"
    assert _view(VerdictState.REGRESSED).next_step == (
        'if this is meant: memcap baseline accept s.b0-py312-128m --reason "…"'
    )
