"""Runs that are pinned to CPUs of their own, and cold ones. With the fake engine."""

from __future__ import annotations

import json
import threading
from dataclasses import replace

import pytest

from factories import MIB, make_layer, make_measurement, make_oom, make_plan, make_plan_cell, make_settings
from memcap.campaign import Campaign, keep_telling_series
from memcap.engine.fake import SECONDS, FakeEngine
from memcap.errors import PlanError
from memcap.model import COLD, CampaignResult, CaveatKind, Ending, Moment, Plan, Quiet, RawRun, RunSpec
from memcap.model.places import SUPERVISOR
from memcap.run_spec import IDLE

PATIENCE_SECONDS = 30


def run_all(engine: FakeEngine, plan: Plan, *, jobs: int = 1) -> CampaignResult:
    layers = {(cell.image.name, "agents"): make_layer(cell.image.name) for cell in plan.cells}
    campaign = Campaign(plan, engine=engine, layers=layers, settings=make_settings(jobs=jobs))
    return campaign.run(tell=lambda _: None, save=lambda _: None)


def test_pinned_runs_side_by_side_have_cpus_of_their_own() -> None:
    class TwoCpus(FakeEngine):
        """Let no run end before two are there."""

        def __init__(self) -> None:
            super().__init__({}, cpus=2)
            self._both = threading.Barrier(2, timeout=PATIENCE_SECONDS)

        def execute(self, spec: RunSpec) -> RawRun:
            if spec.argv != IDLE:
                self._both.wait()
            return super().execute(spec)

    engine = TwoCpus()
    plan = make_plan(make_plan_cell(quiet=Quiet(pin_cpus=1)), runs=4, warmups=0)
    (cell,) = run_all(engine, plan, jobs=2).cells
    first, second = engine.runs[1:3], engine.runs[3:5]
    assert {spec.cpuset for spec in first} == {spec.cpuset for spec in second} == {"0", "1"}
    assert {run.cpuset for run in cell.runs} == {"0", "1"}


def test_a_run_for_all_cpus_waits_instead_of_hanging_the_others() -> None:
    engine = FakeEngine({})  # one CPU
    plan = make_plan(make_plan_cell(quiet=Quiet(pin_cpus=1)), runs=6, warmups=0)
    (cell,) = run_all(engine, plan, jobs=4).cells
    assert [run.cpuset for run in cell.runs] == ["0"] * 6


def test_runs_that_are_not_pinned_have_no_cpuset() -> None:
    engine = FakeEngine({})
    run_all(engine, make_plan())
    assert {spec.cpuset for spec in engine.runs} == {""}


def test_before_each_cold_run_the_page_cache_is_emptied_and_nothing_runs_beside_it() -> None:
    class Alone(FakeEngine):
        def __init__(self) -> None:
            super().__init__({})
            self._busy = threading.Lock()

        def execute(self, spec: RunSpec) -> RawRun:
            assert self._busy.acquire(blocking=False), "another container is there"
            try:
                return super().execute(spec)
            finally:
                self._busy.release()

    engine = Alone()
    cells = [replace(cell, variant=COLD) for cell in (make_plan_cell(image="py312"), make_plan_cell(image="py313"))]
    result = run_all(engine, make_plan(*cells, runs=2, warmups=0), jobs=4)
    _, *runs = engine.runs
    assert [spec.argv == (str(SUPERVISOR), "evict", "/") for spec in runs] == [True, False] * 4
    assert [spec.cold for spec in runs] == [False, True] * 4
    assert len({spec.name for spec in runs}) == 8
    for eviction, run in zip(runs[::2], runs[1::2], strict=True):
        assert eviction.image_id == run.image_id, "only there the files have the same names"
    assert [cell.cell.id for cell in result.cells] == ["agents.crew.cold-py312-128m", "agents.crew.cold-py313-128m"]
    for cell in result.cells:
        assert cell.cell.variant == COLD
        for measured in cell.runs:  # the fake engine reads nothing from disk, so what was asked for did not happen
            assert CaveatKind.NOT_COLD in {caveat.kind for caveat in measured.caveats}


class Forgetful(FakeEngine):
    """Read from disk in the first ``cold`` runs of a workload."""

    def __init__(self, cold: int) -> None:
        super().__init__({})
        self._cold = cold

    def execute(self, spec: RunSpec) -> RawRun:
        raw = super().execute(spec)
        if spec.argv == IDLE or self._cold == 0:
            return raw
        self._cold -= 1
        report = json.loads(raw.report or "") | {"disk_read_bytes": 15 * MIB, "max_file_bytes": 20 * MIB}
        return replace(raw, report=json.dumps(report))


@pytest.mark.parametrize(("cold", "executed", "doubted"), [(0, 1, False), (1, 2, False), (2, 3, False), (3, 3, True)])
def test_a_run_that_was_not_warm_is_repeated_and_marked_if_that_does_not_help(
    cold: int, executed: int, doubted: bool
) -> None:
    engine = Forgetful(cold)
    (cell,) = run_all(engine, make_plan(runs=1, warmups=0)).cells
    assert len(engine.runs) - 1 == executed
    assert (CaveatKind.COLD_PAGE_CACHE in {caveat.kind for caveat in cell.runs[0].caveats}) == doubted


def test_a_long_run_is_not_repeated_for_a_doubt() -> None:
    for limit, executed in ((2.5 * SECONDS, 2), (2 * SECONDS, 2), (1.5 * SECONDS, 1)):
        engine = Forgetful(9)
        (cell,) = run_all(engine, make_plan(make_plan_cell(time_limit_seconds=limit), runs=1, warmups=0)).cells
        assert len(engine.runs) - 1 == executed
        assert CaveatKind.COLD_PAGE_CACHE in {caveat.kind for caveat in cell.runs[0].caveats}


def test_memory_over_time_is_kept_of_the_first_run_and_of_unexpected_ones() -> None:
    moment = Moment(seconds=0.1, usage=5, anon=4, file=3, shmem=2, kernel=1, low=0)
    good, bad = make_measurement(series=(moment,)), make_oom(series=(moment,))
    kept = keep_telling_series([good, good, bad, good], Ending.COMPLETED)
    assert [len(run.series) for run in kept] == [1, 0, 1, 0]
    assert [run.peak_bytes for run in kept] == [run.peak_bytes for run in (good, good, bad, good)]


def test_more_cpus_than_containers_may_use_are_refused_before_the_first_run() -> None:
    engine = FakeEngine({}, cpus=2)
    with pytest.raises(PlanError, match="pinned to 3 CPUs; containers may use 2"):
        run_all(engine, make_plan(make_plan_cell(quiet=Quiet(pin_cpus=3))))
    assert [spec.argv for spec in engine.runs] == [IDLE], "but for the trial run"
