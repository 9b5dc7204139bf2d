"""The figures of a server's phases, and which of its workers ended."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.measuring.phases import phase_figures
from memcap.measuring.workers import find_workers, worker_figures
from memcap.model import (
    LoadConnections,
    LoadErrors,
    LoadOutcome,
    Moment,
    PhaseMark,
    PhaseName,
    ProcessMoment,
    ProcessRss,
    WorkerFigures,
)

MARKS = (
    PhaseMark(name=PhaseName.START, start_seconds=0, end_seconds=2),
    PhaseMark(name=PhaseName.LOAD, start_seconds=2, end_seconds=10, level=2.0),
    PhaseMark(name=PhaseName.IDLE, start_seconds=10, end_seconds=14),
    PhaseMark(name=PhaseName.STOP, start_seconds=14, end_seconds=15),
)
OUTCOME = LoadOutcome(
    tool="memcap",
    requests=12,
    completed=9,
    errors={"timeout": LoadErrors(count=2, example="")},
    connections=LoadConnections(opened=7, closed_by_server=0, most_open=4, retried=0),
)


def _moment(seconds: float, size: int, low: int | None = None) -> Moment:
    return Moment(
        seconds=seconds, usage=size + 5, anon=size, file=5, shmem=0, kernel=0, low=size if low is None else low
    )


def _process(seconds: float, pid: int, parent: int = 1, rss: int = 100, name: str = "python") -> ProcessMoment:
    return ProcessMoment(seconds=seconds, pid=pid, parent=parent, name=name, rss_bytes=rss)


def test_each_phase_has_the_figures_of_its_moments() -> None:
    series = [_moment(0, 10), _moment(2, 30), _moment(5, 90), _moment(9, 50, 40), _moment(13, 20, 15)]
    start, load, idle, stop = phase_figures(series, MARKS, loads=[OUTCOME])
    assert (start.peak_bytes, start.unreclaimable_peak_bytes) == (15, 10)
    assert (load.peak_bytes, load.unreclaimable_peak_bytes, load.level) == (95, 90, 2.0)
    assert (load.settled_low_bytes, load.settled_high_bytes) == (40, 50), "the last quarter"
    assert (load.requests, load.connections, load.connections_opened) == (11, 4, 7)
    assert (idle.settled_bytes, idle.requests) == (17.5, None)
    assert (stop.peak_bytes, stop.settled_bytes) == (None, None)


@given(sizes=st.lists(st.integers(0, 2**40), min_size=1, max_size=60))
def test_the_largest_phase_has_the_peak_of_the_run(sizes: list[int]) -> None:
    series = [_moment(15 * place / len(sizes), size) for place, size in enumerate(sizes)]
    phases = phase_figures(series, MARKS)
    assert max(phase.unreclaimable_peak_bytes or 0 for phase in phases) == max(sizes)
    for phase in phases:
        if phase.settled_low_bytes is not None:
            assert phase.settled_high_bytes is not None
            assert phase.settled_low_bytes <= phase.settled_high_bytes <= (phase.unreclaimable_peak_bytes or 0)


def test_processes_are_listed_with_the_most_of_each_phase() -> None:
    processes = [_process(3, 7, rss=50), _process(4, 7, rss=80), _process(4, 8, parent=7, rss=90), _process(11, 7)]
    _, load, idle, _ = phase_figures([], MARKS, processes=processes)
    assert load.processes == (
        ProcessRss(pid=8, name="python", rss_bytes=90, is_worker=True),
        ProcessRss(pid=7, name="python", rss_bytes=80, is_worker=False),
    )
    assert [each.rss_bytes for each in idle.processes] == [100]


@pytest.mark.parametrize(
    ("parents", "expected"),
    [
        ({}, set()),
        ({7: 1}, {7}),
        ({7: 1, 8: 7, 9: 7}, {8, 9}),
        ({7: 1, 8: 7}, {8}),
        ({7: 1, 8: 7, 9: 8, 10: 8}, {9, 10}),
        ({7: 1, 8: 7, 9: 8, 10: 8, 11: 9}, {9, 10}),
    ],
    ids=["none", "one process", "pre-fork", "one worker", "below a shell", "a worker's own child"],
)
def test_workers_are_the_children_of_the_main_process(parents: dict[int, int], expected: set[int]) -> None:
    assert find_workers([_process(3, pid, parent) for pid, parent in parents.items()]) == expected


def test_a_small_child_is_a_helper() -> None:
    processes = [_process(3, 7), _process(3, 8, 7, rss=400), _process(3, 9, 7, rss=300), _process(3, 10, 7, rss=90)]
    assert find_workers(processes) == {8, 9}


def test_killed_and_replaced_workers_are_counted() -> None:
    lives = {7: (1, 15), 8: (1, 15), 9: (1, 5), 10: (6, 9), 11: (10, 15)}
    processes = [
        _process(second, pid, 1 if pid == 7 else 7)
        for second in range(1, 15)
        for pid, (begin, end) in lives.items()
        if begin <= second < end
    ]
    assert worker_figures(processes, MARKS, oom_kills=2) == WorkerFigures(most=2, ended=2, replaced=2, oom_kills=2)


def test_a_worker_that_is_not_replaced_and_a_stop_that_ends_all() -> None:
    processes = [_process(second, 7) for second in range(15)]
    processes += [_process(second, pid, 7) for second in range(14) for pid in (8, 9) if pid == 8 or second < 6]
    found = worker_figures(sorted(processes, key=lambda each: each.seconds), MARKS, oom_kills=None)
    assert found == WorkerFigures(most=2, ended=1, replaced=0, oom_kills=None)


def test_without_samples_of_processes_only_the_kills_are_known() -> None:
    assert worker_figures([], MARKS, oom_kills=3) == WorkerFigures(oom_kills=3)


@given(
    rows=st.lists(st.tuples(st.integers(0, 14), st.integers(1, 5), st.integers(1, 5), st.integers(0, 99)), max_size=30)
)
def test_any_processes_have_figures(rows: list[tuple[int, int, int, int]]) -> None:
    processes = [_process(second, pid, parent, rss) for second, pid, parent, rss in sorted(rows)]
    found = worker_figures(processes, MARKS, oom_kills=0)
    assert (found.replaced or 0) <= (found.ended or 0) <= len({each.pid for each in processes})
