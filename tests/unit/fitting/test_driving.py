"""A whole search on the fake engine: what is run, with which caps, and what becomes of the runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import MIB, make_environment, make_layer, make_measurement, make_oom, make_plan_cell, make_settings
from memcap.campaign import Campaign
from memcap.engine.fake import SUPERVISOR_BYTES, FakeEngine
from memcap.errors import EngineError
from memcap.fitting import Fit, Goal, Trial
from memcap.fitting.driving import (
    Uncapped,
    capped,
    jobs_beside,
    measure_uncapped,
    reference_of,
    search_caps,
    short_size,
    trial_of,
    uncapped,
)
from memcap.model import Cell, Ending, Plan, RawRun, RunSpec

CEILING = 1024 * MIB


class BrokenBelow(FakeEngine):
    """A fake engine whose containers do not even start with less than ``least`` bytes."""

    def __init__(self, need: int, *, least: int, ending: str = "not started") -> None:
        super().__init__({"*": need})
        self._least = least
        self._ending = ending

    def execute(self, spec: RunSpec) -> RawRun:
        raw = super().execute(spec)
        if spec.cap_bytes >= self._least or spec.cell_id == "calibration":
            return raw
        if self._ending == "not started":
            return replace(raw, report=None, daemon_error="OCI runtime create failed: container init was OOM-killed")
        return replace(raw, report=None, exit_code=137, oom_killed_flag=False, oom_events=0)


def first_of(engine: FakeEngine, cell: Cell | None = None) -> tuple[Campaign, Uncapped]:
    cell = uncapped(cell or make_plan_cell(), CEILING)
    plan = Plan(profile="fit", cells=(cell,), runs=1, warmups=1)
    layers = {(cell.image.name, cell.benchmark.suite): make_layer(cell.image.name)}
    campaign = Campaign(plan, engine=engine, layers=layers, settings=make_settings(jobs=2))
    return campaign, measure_uncapped(campaign, cell)


def fitted(engine: FakeEngine, *, jobs: int = 1) -> tuple[Fit, list[Trial]]:
    campaign, first = first_of(engine)
    told: list[Trial] = []
    reference = reference_of(first, engine.environment())
    return search_caps(campaign, first, reference, Goal(jobs=jobs), tell=told.append), told


@pytest.mark.parametrize("jobs", [1, 2])
def test_the_minimum_of_a_known_need_is_found(jobs: int) -> None:
    engine = FakeEngine({"*": 48 * MIB + MIB // 2}, cpus=2)
    fit, told = fitted(engine, jobs=jobs)
    assert fit.minimum.cap_bytes == 49 * MIB
    assert fit.below is not None
    assert (fit.below.cap_bytes, fit.below.trials[0].ending) == (48 * MIB, Ending.OOM_KILLED)
    assert fit.comfortable is fit.minimum

    calibration, *first = engine.runs[:5]
    assert calibration.cell_id == "calibration"
    assert {spec.cap_bytes for spec in first} == {CEILING}
    later = engine.runs[5:]
    assert sorted(spec.cap_bytes for spec in later) == [48 * MIB, *[49 * MIB] * 5]
    assert {spec.supervisor_bytes for spec in later} == {SUPERVISOR_BYTES}, "the cap is the workload's own"
    assert {spec.time_limit_seconds for spec in later} == {5 + 3 * 1.25 * 0.25}
    assert len({spec.name for spec in engine.runs}) == len(engine.runs)
    assert [trial.alone for trial in told] == [jobs == 1] * 6


def test_what_fails_without_a_cap_is_not_run_again() -> None:
    engine = FakeEngine({"*": 2 * CEILING})
    _, first = first_of(engine)
    assert not first.is_as_expected
    assert len(first.measured.runs) == 1


def test_a_kill_that_a_suite_expects_is_not_what_is_looked_for() -> None:
    cell = make_plan_cell(expect={"*": Ending.OOM_KILLED})
    assert uncapped(cell, CEILING).expected_ending is Ending.COMPLETED
    failing = make_plan_cell(expect={"*": Ending.FAILED})
    assert capped(uncapped(failing, CEILING), 8 * MIB, 1.0).expected_ending is Ending.FAILED


def test_caps_are_variants_that_run_side_by_side() -> None:
    cell = uncapped(make_plan_cell(), CEILING)
    ids = [capped(cell, size, 9.0).id for size in (48 * MIB, 48 * MIB + 512 * 1024)]
    assert ids == ["agents.crew.48m-py312-fit", "agents.crew.49664k-py312-fit"]
    assert short_size(12345) == "12345b"


def test_a_container_that_cannot_live_with_so_little_is_a_cap_that_fails() -> None:
    fit, _ = fitted(BrokenBelow(10 * MIB, least=13 * MIB))
    assert fit.minimum.cap_bytes == 13 * MIB
    assert fit.below is not None
    assert fit.below.trials[0].ending is Ending.NOT_STARTED


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (BrokenBelow(100 * MIB, least=200 * MIB), "the container never started"),
        (BrokenBelow(10 * MIB, least=200 * MIB, ending="killed"), "somebody else stopped the container"),
    ],
)
def test_what_says_nothing_about_the_workload_ends_the_search(engine: FakeEngine, message: str) -> None:
    with pytest.raises(EngineError, match=message) as raised:
        fitted(engine)
    assert raised.value.remedy


def test_time_is_counted_by_cycles_where_a_workload_has_them() -> None:
    cell = uncapped(make_plan_cell(), CEILING)
    long = make_measurement(wall_seconds=10.0, extra={"cycles": 40})
    assert trial_of(long, cell, alone=True).seconds == 0.25
    assert trial_of(make_measurement(wall_seconds=10.0), cell, alone=True).seconds == 10
    assert not trial_of(make_oom(), cell, alone=True).survived


@pytest.mark.parametrize(
    ("cpus", "memory", "used", "expected"),
    [(8, 64, 1.0, 8), (8, 64, 3.8, 2), (2, 64, 2.0, 1), (8, 1, 1.0, 5), (None, None, 1.0, 1)],
)
def test_runs_are_side_by_side_where_cores_and_memory_allow(
    cpus: int | None, memory: int | None, used: float, expected: int
) -> None:
    _, first = first_of(FakeEngine({"*": 100 * MIB}))
    runs = tuple(replace(run, cpu_seconds=used, wall_seconds=1.0) for run in first.measured.runs)
    measured = replace(first.measured, runs=runs)
    first = replace(first, result=replace(first.result, cells=(measured,)))
    machine = make_environment(cpus=cpus, memory_bytes=memory and memory * 1024 * MIB)
    assert jobs_beside(first, reference_of(first, machine), machine) == expected


def test_without_figures_there_is_no_search() -> None:
    _, first = first_of(FakeEngine({"*": 100 * MIB}))
    runs = tuple(replace(run, peak_bytes=None, unreclaimable_peak_bytes=None) for run in first.measured.runs)
    first = replace(first, result=replace(first.result, cells=(replace(first.measured, runs=runs),)))
    with pytest.raises(EngineError, match="no figures"):
        reference_of(first, make_environment())
