"""A soak is one run, whatever the plan says of the others."""

from __future__ import annotations

from factories import make_layer, make_plan, make_plan_cell, make_settings
from memcap.campaign import Campaign, RunEnded
from memcap.engine.fake import FakeEngine
from memcap.model import CampaignResult, CellResult

SOAK, OTHER = make_plan_cell(is_soak=True), make_plan_cell("llm")
PLAN = make_plan(SOAK, OTHER, runs=3, warmups=2)


def _run(engine: FakeEngine, earlier: tuple[CellResult, ...] = ()) -> tuple[CampaignResult, list[RunEnded]]:
    told: list[RunEnded] = []
    campaign = Campaign(PLAN, engine=engine, layers={("py312", "agents"): make_layer()}, settings=make_settings())
    return campaign.run(tell=told.append, save=lambda _: None, earlier=earlier), told


def test_a_soak_is_run_once_without_warmups() -> None:
    result, told = _run(FakeEngine({}))

    assert [(len(cell.runs), len(cell.warmups)) for cell in result.cells] == [(1, 0), (3, 2)]
    assert [cell.cell.is_soak for cell in result.cells] == [True, False]
    assert {event.total for event in told} == {6}


def test_a_soak_that_was_run_is_not_run_again() -> None:
    done, _ = _run(FakeEngine({}))
    engine = FakeEngine({})

    assert _run(engine, done.cells)[0].cells == done.cells
    assert engine.runs == []


def test_the_plan_counts_a_soak_once() -> None:
    assert PLAN.soaks == {SOAK.id}
    assert (PLAN.runs_of(SOAK.id), PLAN.warmups_of(SOAK.id)) == (1, 0)
    assert (PLAN.runs_of(OTHER.id), PLAN.warmups_of(OTHER.id)) == (3, 2)
    assert (PLAN.total_runs, PLAN.total_warmups) == (4, 2)
