"""More runs for some cells of a campaign, with the fake engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from factories import MIB, make_layer, make_plan, make_plan_cell, make_settings
from memcap.campaign import Campaign, RunEnded
from memcap.engine.fake import SUPERVISOR_BYTES, FakeEngine
from memcap.errors import Interrupted
from memcap.model import CallWorkload, CampaignResult, Environment, Plan

FOUR = tuple(make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313"))
CREW_12, CREW_13, LLM_12, LLM_13 = (cell.id for cell in FOUR)
SECONDS = {LLM_12: 7.0, CREW_12: 2.0}


def campaign_on(engine: FakeEngine, plan: Plan, **changes: Any) -> Campaign:
    layers = {(cell.image.name, "agents"): make_layer(cell.image.name) for cell in plan.cells}
    return Campaign(plan, engine=engine, layers=layers, settings=make_settings(looks=(3, 6), **changes))


def executed(engine: FakeEngine) -> list[str]:
    return [spec.cell_id for spec in engine.runs]


def stop_at(done: int) -> Callable[[RunEnded], None]:
    def tell(event: RunEnded) -> None:
        if event.done == done:
            raise KeyboardInterrupt

    return tell


def test_cells_that_are_extended_take_turns_without_warmups_and_keep_their_runs() -> None:
    engine, told, saved = FakeEngine({}), list[RunEnded](), list[CampaignResult]()
    campaign = campaign_on(engine, make_plan(*FOUR, runs=3, warmups=1))
    first = campaign.run(tell=lambda _: None, save=lambda _: None)
    before = len(engine.runs)

    result = campaign.extend({CREW_12, CREW_13, LLM_13}, 2, tell=told.append, save=saved.append)

    assert executed(engine)[before:] == [CREW_12, CREW_13, CREW_13, CREW_12, LLM_13, LLM_13]
    assert len({spec.name for spec in engine.runs}) == len(engine.runs), "each container has a name of its own"
    assert [(len(cell.runs), len(cell.warmups)) for cell in result.cells] == [(5, 1), (5, 1), (3, 1), (5, 1)]
    assert [cell.runs[:3] for cell in result.cells] == [cell.runs for cell in first.cells]
    assert result.cells[2] is first.cells[2], "what is not extended stays"
    assert [[len(cell.runs) for cell in each.cells] for each in saved] == [[5, 5, 3, 3], [5, 5, 3, 5]]
    assert saved[-1] == result
    assert [(event.last, event.done, event.total) for event in told] == [
        (False, 17, 22), (False, 18, 22), (True, 19, 22), (True, 20, 22), (False, 21, 22), (True, 22, 22),
    ]  # fmt: skip
    assert not any(event.warmup for event in told)


def test_the_result_says_when_it_was_to_be_looked_at() -> None:
    campaign = campaign_on(FakeEngine({}), make_plan())
    assert campaign.run(tell=lambda _: None, save=lambda _: None).looks == (3, 6)


def test_nothing_to_extend_runs_nothing() -> None:
    engine = FakeEngine({})
    campaign = campaign_on(engine, make_plan())
    first = campaign.run(tell=lambda _: None, save=lambda _: None)
    before = len(engine.runs)
    assert campaign.extend((), 2, tell=lambda _: None, save=lambda _: None) == first
    assert len(engine.runs) == before


def test_a_complete_campaign_that_is_resumed_can_be_extended() -> None:
    plan = make_plan(*FOUR)
    done = campaign_on(FakeEngine({}), plan).run(tell=lambda _: None, save=lambda _: None)
    engine = FakeEngine({})
    campaign = campaign_on(engine, plan)
    assert campaign.run(tell=lambda _: None, save=lambda _: None, earlier=done.cells).cells == done.cells

    result = campaign.extend({LLM_12}, 2, tell=lambda _: None, save=lambda _: None)

    assert executed(engine) == ["calibration", LLM_12, LLM_12]
    assert {spec.supervisor_bytes for spec in engine.runs[1:]} == {SUPERVISOR_BYTES}
    assert [len(cell.runs) for cell in result.cells] == [3, 3, 5, 3]


def test_an_interrupt_while_extending_keeps_the_first_runs() -> None:
    saved = list[CampaignResult]()
    campaign = campaign_on(FakeEngine({}), make_plan(*FOUR, warmups=0))
    first = campaign.run(tell=lambda _: None, save=saved.append)
    with pytest.raises(Interrupted, match="stopped by the user"):
        campaign.extend({LLM_12}, 4, tell=stop_at(14), save=saved.append)
    assert saved[-1] == first


def test_cells_that_are_added_later_are_run_when_they_are_asked_for() -> None:
    engine = FakeEngine({})
    campaign = campaign_on(engine, make_plan(*FOUR[:2], runs=1, warmups=0))
    campaign.run(tell=lambda _: None, save=lambda _: None)
    before = len(engine.runs)

    campaign.add(FOUR[2:3])
    result = campaign.extend({LLM_12}, 2, tell=lambda _: None, save=lambda _: None)

    assert executed(engine)[before:] == [LLM_12, LLM_12], "there is no other trial run of the supervisor"
    assert result.plan_cells == (CREW_12, CREW_13, LLM_12)
    assert [(cell.cell.id, len(cell.runs)) for cell in result.cells] == [(CREW_12, 1), (CREW_13, 1), (LLM_12, 2)]


def test_progress_knows_from_earlier_results_how_long_runs_take() -> None:
    told = list[RunEnded]()
    campaign = campaign_on(FakeEngine({}), make_plan(*FOUR, runs=1, warmups=0), expected_seconds=SECONDS)
    campaign.run(tell=told.append, save=lambda _: None)
    assert [event.known_seconds_left for event in told] == [7, 7, 0, 0]


def test_what_takes_longest_comes_first_where_several_run_at_once() -> None:
    engine = FakeEngine({})
    campaign = campaign_on(engine, make_plan(*FOUR, runs=1, warmups=0), jobs=2, expected_seconds=SECONDS)
    result = campaign.run(tell=lambda _: None, save=lambda _: None)
    assert set(executed(engine)[1:3]) == {LLM_12, LLM_13}
    assert [cell.cell.id for cell in result.cells] == [CREW_12, CREW_13, LLM_12, LLM_13], "the result keeps the order"


def test_what_has_no_room_beside_others_comes_first() -> None:
    class Small(FakeEngine):
        def environment(self) -> Environment:
            return replace(super().environment(), memory_bytes=1024 * MIB)

    engine = Small({})
    cells = [make_plan_cell("crew", cap="64m"), make_plan_cell("llm", cap="512m")]
    campaign_on(engine, make_plan(*cells, runs=1, warmups=0), jobs=4).run(tell=lambda _: None, save=lambda _: None)
    assert executed(engine)[1] == cells[1].id


def test_progress_knows_how_long_runs_take_that_last_as_configured() -> None:
    """Cells of 60 s in their images, two at once: half a minute of the campaign's time for each run."""
    workload = CallWorkload(call="work:run", duration_seconds=60)
    long = [replace(cell, benchmark=replace(cell.benchmark, workload=workload)) for cell in FOUR[:2]]
    plan, told = make_plan(*long, *FOUR[2:], runs=2, warmups=1), list[RunEnded]()
    campaign = campaign_on(FakeEngine({}), plan, jobs=2)

    campaign.run(tell=told.append, save=lambda _: None)
    known = [(event.known_seconds, event.known_seconds_left) for event in told]
    long_runs = [sum(event.cell_id in (CREW_12, CREW_13) for event in told[: place + 1]) for place in range(len(told))]
    assert known == [(30 * n, 180 - 30 * n) for n in long_runs]
    assert known[-1] == (180, 0)

    campaign.extend({CREW_12, CREW_13}, 1, tell=told.append, save=lambda _: None)
    assert [(event.known_seconds, event.known_seconds_left) for event in told[-2:]] == [(210, 30), (240, 0)]
