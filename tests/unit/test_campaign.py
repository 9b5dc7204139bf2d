"""The only queue: order, warm-ups, calibration, retry, saving, resuming, interrupting. With the fake engine."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest

from factories import (
    MIB,
    make_environment,
    make_layer,
    make_plan,
    make_plan_cell,
    make_raw,
    make_report,
    make_result,
    make_settings,
)
from memcap.campaign import ATTEMPTS, Campaign, RunEnded
from memcap.engine.base import DaemonLost
from memcap.engine.fake import SUPERVISOR_BYTES, FakeEngine
from memcap.errors import EngineError, Interrupted, PlanError
from memcap.measuring.standing import standing_caveats
from memcap.model import (
    COLD,
    Budget,
    CallWorkload,
    CampaignResult,
    CaveatKind,
    Cell,
    CellResult,
    CellSummary,
    Ending,
    Metric,
    Plan,
    Quiet,
    RawRun,
    RunSpec,
    Tolerance,
)
from memcap.run_spec import IDLE

FOUR = tuple(make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313"))
CREW_12, CREW_13, LLM_12, LLM_13 = (cell.id for cell in FOUR)
PATIENCE_SECONDS = 30


class Watched:
    """A campaign on ``engine``, with what it told and saved."""

    def __init__(self, engine: FakeEngine, plan: Plan, *, jobs: int = 1) -> None:
        layers = {(cell.image.name, "agents"): make_layer(cell.image.name) for cell in plan.cells}
        self.campaign = Campaign(plan, engine=engine, layers=layers, settings=make_settings(jobs=jobs))
        self.told: list[RunEnded] = []
        self.saved: list[CampaignResult] = []

    def run(
        self, *, tell: Callable[[RunEnded], None] = lambda _: None, earlier: Iterable[CellResult] = ()
    ) -> CampaignResult:
        def note(event: RunEnded) -> None:
            self.told.append(event)
            tell(event)

        return self.campaign.run(tell=note, save=self.saved.append, earlier=earlier)


class Uncapped(FakeEngine):
    """Starts containers, but without the limit they were asked for."""

    def __init__(self, cap_bytes: int | None) -> None:
        super().__init__({})
        self._cap_bytes = cap_bytes

    def execute(self, spec: RunSpec) -> RawRun:
        super().execute(spec)
        return make_raw(make_report(cap_bytes=self._cap_bytes))


def ids(cells: Iterable[CellResult]) -> list[str]:
    return [cell.cell.id for cell in cells]


def executed(engine: FakeEngine) -> list[str]:
    return [spec.cell_id for spec in engine.runs]


def stop_at(done: int) -> Callable[[RunEnded], None]:
    def tell(event: RunEnded) -> None:
        if event.done == done:
            raise KeyboardInterrupt

    return tell


def run_number(spec: RunSpec) -> int:
    return int(spec.name.rpartition("-")[2].partition(".")[0])


def test_images_take_turns_and_groups_follow_the_plan() -> None:
    engine = FakeEngine({})
    Watched(engine, make_plan(*FOUR, runs=2, warmups=1)).run()
    crew, llm = [CREW_12, CREW_13], [LLM_12, LLM_13]
    assert executed(engine) == ["calibration", *crew, *crew, *crew[::-1], *llm, *llm, *llm[::-1]]


def test_other_caps_of_a_benchmark_are_another_group() -> None:
    engine = FakeEngine({})
    small, large = make_plan_cell(cap="64m"), make_plan_cell(cap="128m")
    watched = Watched(engine, make_plan(small, large, runs=2, warmups=0))
    watched.run()
    assert executed(engine)[1:] == [small.id, small.id, large.id, large.id]
    assert [ids(result.cells) for result in watched.saved] == [[small.id], [small.id, large.id]]


def test_warmups_are_apart_from_runs() -> None:
    watched = Watched(FakeEngine({}), make_plan(runs=3, warmups=2))
    (cell,) = watched.run().cells
    assert (len(cell.runs), len(cell.warmups)) == (3, 2)
    assert [event.warmup for event in watched.told] == [True, True, False, False, False]


def test_progress_counts_every_run_to_the_total() -> None:
    watched = Watched(FakeEngine({}), make_plan(*FOUR, runs=2, warmups=1))
    watched.run()
    assert [event.done for event in watched.told] == list(range(1, 13))
    assert {event.total for event in watched.told} == {12}
    assert Counter(event.cell_id for event in watched.told) == dict.fromkeys((CREW_12, CREW_13, LLM_12, LLM_13), 3)


def test_caps_are_raised_by_what_the_supervisor_needed_in_a_trial_run() -> None:
    engine = FakeEngine({})
    Watched(engine, make_plan(*FOUR)).run()
    trial, *runs = engine.runs
    assert (trial.argv, trial.supervisor_bytes) == (IDLE, 0)
    assert {spec.supervisor_bytes for spec in runs} == {SUPERVISOR_BYTES}
    assert {spec.cap_bytes for spec in runs} == {128 * MIB}


def test_a_trial_run_without_a_report_is_the_engines_error() -> None:
    class Mute(FakeEngine):
        def execute(self, spec: RunSpec) -> RawRun:
            return replace(make_raw(daemon_error="no such runtime"), report=None)

    with pytest.raises(EngineError, match="no such runtime"):
        Watched(Mute({}), make_plan()).run()


@pytest.mark.parametrize("expected", [Ending.OOM_KILLED, Ending.COMPLETED])
def test_an_oom_is_a_result_whether_it_was_expected_or_not(expected: Ending) -> None:
    cell = make_plan_cell(cap="64m", expect={"64m": expected})
    (result,) = Watched(FakeEngine({"agents.crew-*": 100 * MIB}), make_plan(cell)).run().cells
    assert [run.ending for run in result.runs] == [Ending.OOM_KILLED] * 3
    assert result.cell.expected_ending is expected
    assert len(result.values(Metric.PEAK)) == (3 if expected is Ending.OOM_KILLED else 0)


class Unsteady(FakeEngine):
    """The daemon cannot start the first ``failures`` attempts at each run."""

    def __init__(self, failures: int) -> None:
        super().__init__({})
        self._failures = failures
        self.names: list[str] = []

    def execute(self, spec: RunSpec) -> RawRun:
        raw = super().execute(spec)
        if spec.argv == IDLE:
            return raw
        self.names.append(spec.name)
        attempt = int(spec.name.rpartition(".")[2])
        return replace(raw, report=None, daemon_error="busy") if attempt <= self._failures else raw


@pytest.mark.parametrize("failures", range(ATTEMPTS))
def test_a_run_that_says_nothing_of_the_workload_is_tried_again(failures: int) -> None:
    engine = Unsteady(failures)
    watched = Watched(engine, make_plan(runs=2, warmups=0))
    (cell,) = watched.run().cells
    assert [run.ending for run in cell.runs] == [Ending.COMPLETED] * 2
    assert len(engine.names) == len(set(engine.names)) == 2 * (failures + 1), "each container has a name of its own"
    assert len(watched.told) == 2


def test_after_the_last_attempt_the_failure_is_the_result() -> None:
    engine = Unsteady(ATTEMPTS)
    (cell,) = Watched(engine, make_plan(runs=1, warmups=0)).run().cells
    assert [(run.ending, run.detail) for run in cell.runs] == [(Ending.NOT_STARTED, "busy")]
    assert len(engine.names) == ATTEMPTS


def test_a_failure_of_the_workload_is_not_tried_again() -> None:
    engine = FakeEngine({"*": 1024 * MIB})
    Watched(engine, make_plan(runs=2, warmups=0)).run()
    assert len(engine.runs) == 1 + 2


def test_what_there_is_is_saved_after_each_group() -> None:
    watched = Watched(FakeEngine({}), make_plan(*FOUR))
    result = watched.run()
    assert [ids(saved.cells) for saved in watched.saved] == [[CREW_12, CREW_13], [CREW_12, CREW_13, LLM_12, LLM_13]]
    assert [saved.complete for saved in watched.saved] == [False, True]
    assert watched.saved[-1] == result


def test_a_result_says_what_was_asked_for_and_where_it_ran() -> None:
    engine, settings = FakeEngine({}), make_settings()
    result = Watched(engine, make_plan(*FOUR, runs=2, warmups=1)).run()
    assert (result.id, result.started, result.command) == (settings.id, settings.started, settings.command)
    assert (result.profile, result.runs, result.warmups) == ("quick", 2, 1)
    assert result.plan_cells == (CREW_12, CREW_13, LLM_12, LLM_13)
    assert sorted(result.images) == ["py312", "py313"]
    assert result.environment == engine.environment()
    assert result.policy == settings.policy


def test_resuming_makes_the_missing_runs_only() -> None:
    plan = make_plan(*FOUR)
    first = Watched(FakeEngine({}), plan)
    with pytest.raises(Interrupted):
        first.run(tell=stop_at(9))
    kept = first.saved[-1].cells
    assert ids(kept) == [CREW_12, CREW_13]
    partial = replace(kept[1], runs=kept[1].runs[:2])

    engine = FakeEngine({})
    second = Watched(engine, plan)
    result = second.run(earlier=(kept[0], partial))
    assert set(executed(engine)) == {"calibration", CREW_13, LLM_12, LLM_13}
    assert executed(engine).count(CREW_13) == 1, "its warm-up and two of its runs are there"
    assert {event.total for event in second.told} == {1 + 8}
    assert ids(result.cells) == [CREW_12, CREW_13, LLM_12, LLM_13]
    assert result.cells[0] is kept[0]
    assert result.cells[1].runs[:2] == partial.runs
    assert [len(cell.runs) for cell in result.cells] == [3, 3, 3, 3]
    assert all(CREW_12 in ids(saved.cells) for saved in second.saved)


def test_resuming_what_is_complete_runs_nothing() -> None:
    done = Watched(FakeEngine({}), make_plan(*FOUR)).run()
    engine = FakeEngine({})
    watched = Watched(engine, make_plan(*FOUR))
    assert watched.run(earlier=done.cells).cells == done.cells
    assert (engine.runs, watched.saved) == ([], [])


@pytest.mark.parametrize("jobs", [1, 3])
def test_an_interrupt_stops_the_engine_and_keeps_what_was_saved(jobs: int) -> None:
    engine = FakeEngine({})
    watched = Watched(engine, make_plan(*FOUR), jobs=jobs)
    with pytest.raises(Interrupted, match="stopped by the user"):
        watched.run(tell=stop_at(10))
    saved = [ids(each.cells) for each in watched.saved]  # of several at once, runs of both groups are among the ten
    assert saved == [[CREW_12, CREW_13]] or (jobs > 1 and saved in ([], [[LLM_12, LLM_13]]))
    assert len(watched.told) == 10
    with pytest.raises(Interrupted):
        engine.execute(engine.runs[0])


def test_an_interrupt_during_the_trial_run_is_one_as_well() -> None:
    class Stopped(FakeEngine):
        def execute(self, spec: RunSpec) -> RawRun:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        Watched(Stopped({}), make_plan()).run()


def test_an_error_of_one_run_does_not_wait_for_the_others() -> None:
    """The first run of the queue goes on until it is stopped, so waiting for it would be waiting for ever."""

    class Failing(FakeEngine):
        stopped = threading.Event()

        def cancel(self) -> None:
            self.stopped.set()

        def execute(self, spec: RunSpec) -> RawRun:
            if spec.cell_id == CREW_12:
                assert self.stopped.wait(PATIENCE_SECONDS), "nobody stopped this run"
                raise Interrupted("the run was stopped")
            if spec.cell_id == CREW_13:
                raise DaemonLost("the daemon went away")
            return super().execute(spec)

        def is_reachable(self) -> bool:
            return False

    watched = Watched(Failing({}), make_plan(*FOUR), jobs=2)
    with pytest.raises(DaemonLost, match="the daemon went away; it was not back within 0"):
        watched.run()
    assert (watched.told, watched.saved) == ([], [])


def test_measurements_are_in_the_order_of_the_plan_whichever_ends_first() -> None:
    class Backwards(FakeEngine):
        """Let each run of three end only after the next one has."""

        def __init__(self) -> None:
            super().__init__({})
            self._ended = {number: threading.Event() for number in range(1, 7)}
            self.order: list[int] = []

        def execute(self, spec: RunSpec) -> RawRun:
            if spec.argv == IDLE:
                return super().execute(spec)
            number = run_number(spec)
            if number % 3:
                assert self._ended[number + 1].wait(PATIENCE_SECONDS)
            self.order.append(number)
            self._ended[number].set()
            return make_raw(make_report(peak_bytes=number * MIB))

    engine = Backwards()
    watched = Watched(engine, make_plan(FOUR[0], FOUR[1], runs=3, warmups=0), jobs=3)
    result = watched.run()
    assert engine.order == [3, 2, 1, 6, 5, 4]
    assert [[run.peak_bytes for run in cell.runs] for cell in result.cells] == [
        [1 * MIB, 4 * MIB, 5 * MIB],
        [2 * MIB, 3 * MIB, 6 * MIB],
    ]
    assert [event.measurement.peak_bytes for event in watched.told] == [number * MIB for number in range(1, 7)]


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        ({}, []),
        ({"mutable": True}, [CaveatKind.MUTABLE_TAG]),
        ({"architecture": "aarch64"}, [CaveatKind.EMULATED]),
        ({"mutable": True, "architecture": "aarch64"}, [CaveatKind.MUTABLE_TAG, CaveatKind.EMULATED]),
    ],
)
def test_standing_caveats(facts: dict[str, Any], kinds: list[CaveatKind]) -> None:
    layer = make_layer(**facts)
    caveats = standing_caveats(layer, FakeEngine({}).environment())
    assert [caveat.kind for caveat in caveats] == kinds

    plan = make_plan(runs=1, warmups=0)
    campaign = Campaign(plan, engine=FakeEngine({}), layers={("py312", "agents"): layer}, settings=make_settings())
    (cell,) = campaign.run(tell=lambda _: None, save=lambda _: None).cells
    assert set(caveats) <= set(cell.runs[0].caveats)


@pytest.mark.parametrize(("version", "by"), [(1, "a cgroup of its own"), (None, "memcap's watchdog")])
def test_a_process_is_never_taken_for_a_container(version: int | None, by: str) -> None:
    environment = make_environment(engine="process", cgroup_version=version)
    (caveat,) = standing_caveats(make_layer(), environment)
    assert caveat.kind is CaveatKind.NO_CONTAINER
    assert by in caveat.detail
    assert make_result(environment=environment).fingerprint("py312").isolation == "process"
    assert make_result().fingerprint("py312").isolation == "container"


def test_summary_keeps_what_judging_needs() -> None:
    cell: Cell = make_plan_cell(
        expect={"*": Ending.OOM_KILLED},
        budget=Budget(metric=Metric.PEAK, limit_bytes=MIB),
        tolerances={Metric.PEAK: Tolerance(relative=0.1, absolute=0)},
        extra_metrics={"entries": "count"},
        quiet=Quiet(pin_cpus=1, aslr=False),
    )
    summary = CellSummary.of(cell)
    assert (summary.id, summary.suite, summary.benchmark, summary.image) == (cell.id, "agents", "crew", "py312")
    assert (summary.cap, summary.expected_ending) == (cell.cap, Ending.OOM_KILLED)
    assert (summary.budget, summary.tolerances) == (cell.benchmark.budget, cell.benchmark.tolerances)
    assert summary.extra_metrics == {"entries": "count"}
    assert (summary.quiet, summary.variant) == (Quiet(pin_cpus=1, aslr=False), "")
    assert CellSummary.of(replace(cell, variant=COLD)).variant == COLD


def test_what_cannot_be_launched_is_refused_before_the_first_container() -> None:
    bad = make_plan_cell(image="nopython", workload=CallWorkload(call="workloads:crew"))
    engine = FakeEngine({})
    layers = {
        ("py312", "agents"): make_layer(),
        ("nopython", "agents"): make_layer("nopython", python=None),
    }
    campaign = Campaign(make_plan(make_plan_cell(), bad), engine=engine, layers=layers, settings=make_settings())

    with pytest.raises(PlanError, match="has no Python"):
        campaign.run(tell=lambda _: None, save=lambda _: None)

    assert engine.runs == []


@pytest.mark.parametrize("cap_bytes", [None, 0x7FFFFFFFFFFFF000])
def test_a_daemon_that_does_not_limit_memory_is_refused_before_the_first_run(cap_bytes: int | None) -> None:
    engine = Uncapped(cap_bytes)
    watched = Watched(engine, make_plan(*FOUR))
    with pytest.raises(PlanError, match="does not limit memory") as refused:
        watched.run()
    assert "cgroup v2" in refused.value.remedy
    assert executed(engine) == ["calibration"]
    assert watched.saved == []
