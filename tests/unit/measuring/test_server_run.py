"""What an engine brings back from a run of a server becomes figures and caveats."""

from __future__ import annotations

from dataclasses import replace

import pytest

from memcap.measuring.server_run import exact_marks, load_caveats, server_run
from memcap.model import (
    CaveatKind,
    LoadErrors,
    LoadFigures,
    LoadMoment,
    LoadOutcome,
    LoadTimes,
    Moment,
    PhaseMark,
    PhaseName,
    ProcessMoment,
    ServerRecord,
    ServiceFigures,
    WorkerFigures,
)

TIMES = LoadTimes(p50=0.01, p95=0.02, p99=0.03, max=0.04)
LOAD = LoadOutcome(
    tool="memcap",
    requests=100,
    completed=97,
    errors={"timeout": LoadErrors(count=3, example="")},
    rate=20,
    achieved_rate=20,
    latency=TIMES,
    lateness=LoadTimes(p50=0, p95=0, p99=0.001, max=0.01),
    cpu_seconds=0.5,
    started=LoadMoment(monotonic_seconds=1002.5, wall_seconds=0),
    ended=LoadMoment(monotonic_seconds=1007.5, wall_seconds=0),
)
RECORD = ServerRecord(
    clock_seconds=1000,
    marks=(
        PhaseMark(name=PhaseName.START, start_seconds=0, end_seconds=1),
        PhaseMark(name=PhaseName.WARM_UP, start_seconds=1, end_seconds=2),
        PhaseMark(name=PhaseName.LOAD, start_seconds=2, end_seconds=8, level=1.0),
        PhaseMark(name=PhaseName.IDLE, start_seconds=8, end_seconds=9),
    ),
    loads=(LOAD,),
    services=(ServiceFigures(name="db", image="postgres:15"),),
    processes=(ProcessMoment(seconds=3, pid=7, parent=1, name="python", rss_bytes=5),),
)


def _moment(seconds: float, size: int) -> Moment:
    return Moment(seconds=seconds, usage=size, anon=size, file=0, shmem=0, kernel=0, low=size)


def test_a_record_becomes_figures() -> None:
    run = server_run(RECORD, [_moment(2.2, 10), _moment(5, 30), _moment(7.8, 20)], oom_kills=1)
    assert [(phase.name.value, phase.unreclaimable_peak_bytes) for phase in run.phases] == [
        ("start", None),
        ("warm_up", 10),
        ("load", 30),
        ("idle", 20),
    ]
    assert run.loads == (LoadFigures(requests=100, errors=3, level=1.0, achieved_rate=20, latency_seconds=TIMES),)
    assert run.workers == WorkerFigures(most=1, ended=0, replaced=0, oom_kills=1)
    assert (run.services, run.process_series) == (RECORD.services, RECORD.processes)


def test_a_load_lasts_from_its_first_request_to_its_last_answer() -> None:
    borders = [(mark.start_seconds, mark.end_seconds) for mark in exact_marks(RECORD)]
    assert borders == [(0, 1), (1, 2.5), (2.5, 7.5), (7.5, 9)]


@pytest.mark.parametrize(
    "load",
    [
        replace(LOAD, started=None),
        replace(LOAD, started=LoadMoment(monotonic_seconds=5, wall_seconds=0)),
        replace(LOAD, ended=LoadMoment(monotonic_seconds=2000, wall_seconds=0)),
    ],
    ids=["not told", "another clock", "too late"],
)
def test_a_clock_that_cannot_be_the_same_is_not_used(load: LoadOutcome) -> None:
    assert exact_marks(replace(RECORD, loads=(load,))) == RECORD.marks


def test_a_run_that_ended_early_has_the_phases_that_it_reached() -> None:
    run = server_run(replace(RECORD, loads=(), processes=(), marks=RECORD.marks[:1]), [_moment(0.5, 7)], oom_kills=0)
    assert [phase.unreclaimable_peak_bytes for phase in run.phases] == [7]
    assert (run.loads, run.workers.most) == ((), None)


def test_a_load_that_missed_its_rate_and_a_slow_client_are_caveats() -> None:
    assert list(load_caveats([LOAD, LoadOutcome(tool="k6", requests=5, completed=5)])) == []
    slow = replace(LOAD, achieved_rate=15, lateness=replace(TIMES, p99=0.2))
    missed, busy = load_caveats([slow])
    assert (missed.kind, missed.detail) == (
        CaveatKind.LOAD_MISSED_RATE,
        "15 requests a second were sent in place of 20",
    )
    assert busy.kind is CaveatKind.LOAD_CLIENT_SLOW
    assert (
        busy.detail == "it sent 1 % of the requests 0.200 s or more after they were due, and needed 0.5 s of CPU time"
    )
