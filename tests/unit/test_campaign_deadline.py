"""A campaign whose time is up: no further run, what runs is stopped, what is finished is kept. With the fake engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from factories import make_layer, make_plan, make_plan_cell, make_settings
from memcap.campaign import Campaign, Deadline
from memcap.engine.fake import FakeEngine
from memcap.errors import Interrupted, TimeIsUp
from memcap.model import CampaignResult, Plan, RawRun, RunSpec

FOUR = tuple(make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313"))
CREW_12, CREW_13, LLM_12, LLM_13 = (cell.id for cell in FOUR)
PATIENCE_SECONDS = 30


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def allowing(self, seconds: float) -> Deadline:
        return Deadline(seconds=seconds, end=self.now + seconds, clock=self)


class Timed(FakeEngine):
    """Let each execution, the trial run too, take a second of ``clock``."""

    def __init__(self, clock: Clock) -> None:
        super().__init__({})
        self._clock = clock

    def execute(self, spec: RunSpec) -> RawRun:
        self._clock.now += 1
        return super().execute(spec)


@dataclass
class Watched:
    plan: Plan
    engine: FakeEngine
    deadline: Deadline | None
    saved: list[CampaignResult] = field(default_factory=list)

    def __post_init__(self) -> None:
        layers = {(cell.image.name, "agents"): make_layer(cell.image.name) for cell in self.plan.cells}
        self.campaign = Campaign(
            self.plan, engine=self.engine, layers=layers, settings=make_settings(), deadline=self.deadline
        )

    def run(self, earlier: CampaignResult | None = None) -> CampaignResult:
        cells = earlier.cells if earlier else ()
        return self.campaign.run(tell=lambda _: None, save=self.saved.append, earlier=cells)


def ids(result: CampaignResult) -> list[str]:
    return [cell.cell.id for cell in result.cells]


def campaign(seconds: float, *, runs: int = 2, warmups: int = 0) -> Watched:
    clock = Clock()
    return Watched(make_plan(*FOUR, runs=runs, warmups=warmups), Timed(clock), clock.allowing(seconds))


@pytest.mark.parametrize(
    ("seconds", "executed", "finished"),
    [
        (0, 0, []),  # not even the trial run
        (1, 1, []),
        (3, 3, []),
        (5, 5, [CREW_12, CREW_13]),  # the trial run, and two of each
        (6, 6, [CREW_12, CREW_13]),
        (8, 8, [CREW_12, CREW_13]),  # what is not all measured of a group is measured anew
    ],
)
def test_no_run_is_begun_when_the_time_is_up_and_finished_cells_are_kept(
    seconds: float, executed: int, finished: list[str]
) -> None:
    watched = campaign(seconds)
    with pytest.raises(TimeIsUp, match=r"time is up: the campaign may take "):
        watched.run()
    assert len(watched.engine.runs) == executed
    assert ids(watched.campaign.result()) == finished
    assert [ids(each) for each in watched.saved] == ([finished] if finished else [])
    assert watched.campaign.result().plan_cells == (CREW_12, CREW_13, LLM_12, LLM_13)


def test_what_ends_with_the_time_is_finished() -> None:
    watched = campaign(9)
    assert ids(watched.run()) == [CREW_12, CREW_13, LLM_12, LLM_13]


def test_warmups_take_of_the_time_too() -> None:
    with pytest.raises(TimeIsUp):
        campaign(9, warmups=1).run()


def test_a_campaign_without_a_deadline_takes_as_long_as_it_takes() -> None:
    clock = Clock(now=1e12)
    assert len(Watched(make_plan(*FOUR), Timed(clock), None).run().cells) == 4


def test_resuming_measures_what_lacks_with_time_of_its_own() -> None:
    first = campaign(6)
    with pytest.raises(TimeIsUp):
        first.run()
    clock = Clock()
    second = Watched(first.plan, Timed(clock), clock.allowing(5))
    result = second.run(earlier=first.saved[-1])
    assert ids(result) == [CREW_12, CREW_13, LLM_12, LLM_13]
    assert {spec.cell_id for spec in second.engine.runs} == {"calibration", LLM_12, LLM_13}


def test_a_cell_that_gets_more_runs_keeps_those_that_it_has() -> None:
    watched = campaign(12)
    watched.run()  # 9 executions
    with pytest.raises(TimeIsUp):
        watched.campaign.extend({CREW_12, CREW_13}, 2, tell=lambda _: None, save=watched.saved.append)
    assert [len(cell.runs) for cell in watched.campaign.result().cells] == [2, 2, 2, 2]
    assert len(watched.engine.runs) == 12


def test_a_run_under_way_is_stopped() -> None:
    """The run goes on until it is stopped; the time is up while it does."""

    class Endless(FakeEngine):
        def __init__(self, begun: Callable[[], None]) -> None:
            super().__init__({})
            self._begun = begun
            self._stopped = threading.Event()

        def cancel(self) -> None:
            self._stopped.set()

        def execute(self, spec: RunSpec) -> RawRun:
            if spec.cell_id == CREW_12:
                self._begun()
                assert self._stopped.wait(PATIENCE_SECONDS), "nobody stopped this run"
                raise Interrupted("the run was stopped")
            return super().execute(spec)

    clock = Clock()

    def begun() -> None:
        clock.now += 60

    watched = Watched(make_plan(*FOUR), Endless(begun), clock.allowing(60))
    with pytest.raises(TimeIsUp, match="may take 1 min 0 s"):
        watched.run()
    assert ids(watched.campaign.result()) == []
