"""The figures of a run: what is taken from the report, and what is absent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import (
    END,
    LOAD_ERROR,
    RAISED,
    SPEC,
    START,
    SUPERVISOR_BYTES,
    journal_of,
    measured,
)

from factories import MIB, make_raw, make_report
from memcap.measuring import measure
from memcap.model import (
    CHARGE_BATCH_BYTES,
    STALE_BYTES,
    CaveatKind,
    Ending,
    GcFacts,
    MemorySplit,
    Moment,
    OomFacts,
    Phases,
    ProcessPeak,
)


def test_figures_of_a_good_run() -> None:
    found = measured(
        processes=[
            {"pid": 7, "parent_pid": 1, "name": "python3", "vm_hwm_bytes": 71 * MIB, "pss_bytes": None},
            {"pid": 8, "parent_pid": 1, "name": "python3", "vm_hwm_bytes": 9 * MIB, "pss_bytes": 4 * MIB},
        ],
        at_start={"anon": 1, "shmem": 2, "kernel": 3, "unreclaimable": 6},
    )
    assert (found.cgroup_version, found.cap_bytes, found.peak_bytes) == (2, 128 * MIB, 62 * MIB)
    assert (found.unreclaimable_peak_bytes, found.floor_bytes) == (61 * MIB, 6)
    assert (found.wall_seconds, found.cpu_seconds) == (1.25, 1.0)
    assert (found.minor_faults, found.major_faults, found.samples, found.process_count) == (20_000, 0, 120, 1)
    assert found.supervisor_bytes == SUPERVISOR_BYTES
    assert found.page_size_bytes == 4096
    assert found.at_peak == MemorySplit(
        usage=62 * MIB,
        anon=60 * MIB,
        file=0,
        shmem=0,
        kernel=MIB,
        slab=0,
        page_tables=0,
        swap=0,
        slab_reclaimable=0,
        sock=0,
        huge=0,
        kernel_stack=0,
        unevictable=0,
        unreclaimable=61 * MIB,
    )
    assert found.processes == (
        ProcessPeak(pid=7, name="python3", vm_hwm_bytes=71 * MIB),
        ProcessPeak(pid=8, name="python3", vm_hwm_bytes=9 * MIB, pss_bytes=4 * MIB),
    )
    assert found.oom == OomFacts(kills=0, at_cap=0, group_kills=0, cap_hits=0, docker_flag=False, docker_events=0)
    assert found.caveats == ()


AHEAD = 2 * CHARGE_BATCH_BYTES


@pytest.mark.parametrize(
    ("report", "cpus", "ends"),
    [
        # Nothing says more than the samples.
        ({}, 2, (61, 61, 61)),
        ({"high_from_peak_bytes": 61 * MIB + AHEAD}, 2, (61, 61, 61)),
        ({"high_from_peak_bytes": 61 * MIB + AHEAD + 2 * STALE_BYTES}, 2, (61, 61, 61)),
        ({"high_from_peak_bytes": 61 * MIB + AHEAD}, 1, (61, 61, 61.5)),
        ({"high_from_peak_bytes": 70 * MIB}, 2, (61, 61, 70)),
        # A spike between two samples: the high-water mark proves it, less what is charged ahead.
        ({"low_from_peak_bytes": 100 * MIB, "high_from_peak_bytes": 100 * MIB}, 2, (99.5, 99.5, 99.5)),
        ({"low_from_peak_bytes": 100 * MIB, "high_from_peak_bytes": 110 * MIB}, 2, (99.5, 99.5, 110)),
        ({"low_from_peak_bytes": 100 * MIB, "high_from_peak_bytes": 110 * MIB}, None, (99.75, 99.75, 110)),
        ({"low_from_peak_bytes": 61 * MIB + AHEAD}, 2, (61, 61, 61)),
        # What cgroup v1 cannot tell apart is doubt.
        ({"doubted_peak_bytes": 90 * MIB}, 2, (61, 61, 90)),
        # Of a huge page one byte may have been touched.
        ({"at_peak": {"huge": 20 * MIB}}, 2, (61, 41 + 10 * 4 / 1024, 61)),
        ({"at_peak": {"huge": 6 * MIB}}, 2, (61, 61, 61)),
        # Without evidence nothing bounds it.
        ({"high_from_peak_bytes": None}, 2, (61, 61, None)),
        # The kernel could take nothing back of what was left at the cap.
        ({"peak_bytes": 128 * MIB, "oom_kills": 1, "high_from_peak_bytes": 70 * MIB}, 2, (128, 128, 128)),
        ({"peak_bytes": 100 * MIB, "oom_kills": 1, "oom_events": 0}, 2, (61, 61, 61)),
        ({"peak_bytes": None}, 2, (61, 61, 61)),
        ({"unreclaimable_peak_bytes": None}, 2, (None, None, None)),
    ],
)
def test_the_unreclaimable_peak_and_its_interval(
    report: dict[str, Any], cpus: int | None, ends: tuple[float | None, ...]
) -> None:
    found = measured(cpus=cpus, **report)
    assert (
        found.unreclaimable_peak_bytes,
        found.unreclaimable_peak_low_bytes,
        found.unreclaimable_peak_high_bytes,
    ) == tuple(None if end is None else end * MIB for end in ends)
    doubts = {CaveatKind.SAMPLED_ONLY, CaveatKind.KERNEL_UNEXPLAINED, CaveatKind.HUGE_PAGES}
    doubted = doubts & {each.kind for each in found.caveats}
    assert bool(doubted) is (ends[1] != ends[2])


@given(
    sampled=st.integers(0, 2**40),
    low=st.none() | st.integers(0, 2**40),
    high=st.none() | st.integers(0, 2**40),
    doubted=st.integers(0, 2**40),
    kills=st.integers(0, 1),
    cpus=st.none() | st.integers(1, 64),
)
def test_the_estimate_lies_in_its_interval(
    sampled: int, low: int | None, high: int | None, doubted: int, kills: int, cpus: int | None
) -> None:
    found = measured(
        cpus=cpus,
        unreclaimable_peak_bytes=sampled,
        low_from_peak_bytes=low,
        high_from_peak_bytes=high,
        doubted_peak_bytes=doubted,
        oom_kills=kills,
    )
    estimate, upper = found.unreclaimable_peak_bytes, found.unreclaimable_peak_high_bytes
    assert estimate is not None
    assert found.unreclaimable_peak_low_bytes is not None
    assert found.unreclaimable_peak_low_bytes <= estimate
    assert upper is None or upper >= estimate


def test_the_kernel_charges_ahead_only_for_cpus_that_the_run_may_use() -> None:
    raw = make_raw(make_report(low_from_peak_bytes=100 * MIB, high_from_peak_bytes=100 * MIB))
    found = measure(raw, replace(SPEC, cpuset="3"), cpus=8)
    assert found.unreclaimable_peak_bytes == 100 * MIB - CHARGE_BATCH_BYTES
    assert found.cpuset == "3"
    assert measure(raw, SPEC, cpus=8).cpuset == ""


@pytest.mark.parametrize(
    ("asked", "applied", "told"), [("3", "3", False), ("3", "", True), ("3", None, False), ("", "", False)]
)
def test_what_the_daemon_applied_counts_not_what_was_asked_for(asked: str, applied: str | None, told: bool) -> None:
    report = make_report(low_from_peak_bytes=100 * MIB, high_from_peak_bytes=100 * MIB)
    raw = make_raw(report, cpuset=applied)
    found = measure(raw, replace(SPEC, cpuset=asked), cpus=8)
    assert found.cpuset == (asked if applied is None else applied)
    cpus = 1 if found.cpuset else 8
    assert found.unreclaimable_peak_bytes == 100 * MIB - cpus * CHARGE_BATCH_BYTES
    assert (CaveatKind.SETTING_REFUSED in {caveat.kind for caveat in found.caveats}) is told


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        ({"rss_peak_bytes": 70}, 70),
        ({"rss_peak_bytes": 70, "processes": [90, 80]}, 90),
        ({"rss_peak_bytes": None, "processes": [60]}, 60),
        ({"rss_peak_bytes": None}, None),
        ({"rss_peak_bytes": 70, "exec_errno": 2, "exit_code": None}, None),
    ],
)
def test_rss_peak(report: dict[str, Any], expected: int | None) -> None:
    found = [
        {"pid": 7, "parent_pid": 1, "name": "p", "vm_hwm_bytes": size, "pss_bytes": None}
        for size in report.get("processes", [])
    ]
    assert measured(**{**report, "processes": found}).rss_peak_bytes == expected


def test_what_the_kernel_does_not_offer_is_absent() -> None:
    found = measured(wall_ns=None, oom_kills=None, at_start={"unreclaimable": None}, cap_bytes=None)
    assert (found.wall_seconds, found.oom.kills, found.floor_bytes, found.cap_bytes) == (None, None, None, None)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ((), {}),
        ((START, END), {}),
        ((START, {**END, "metrics": {"entries": 3, "unknown": None}}), {"entries": 3}),
        ((START, {**END, "cycles": 25, "metrics": {"entries": 3}}), {"entries": 3, "cycles": 25}),
        # Killed in the middle: the last cycle that was written tells.
        (
            (
                START,
                {"event": "cycle", "seconds": 0.1, "metrics": {"entries": 1}},
                {"event": "cycle", "seconds": 0.1, "metrics": {"entries": 2}},
            ),
            {"entries": 2},
        ),
    ],
)
def test_extra_metrics(events: tuple[dict[str, Any], ...], expected: dict[str, float]) -> None:
    assert measured(make_raw(workload_journal=journal_of(*events))).extra == expected


def projected(*values: float | None, end: dict[str, Any] | None = None) -> dict[str, float]:
    metrics = [{} if value is None else {"entries": value} for value in values]
    cycles = [{"event": "cycle", "seconds": 0.1, "metrics": each} for each in metrics]
    raw = make_raw(workload_journal=journal_of(START, *cycles, *([end] if end else [])))
    spec = replace(SPEC, projections={"entries": (10, 1000)})
    return dict(measure(raw, spec, cpus=2).extra)


@pytest.mark.parametrize("end", [None, {**END, "cycles": 4, "metrics": {"entries": 19}}])
def test_what_grows_in_a_line_is_projected_also_from_a_run_that_was_killed(end: dict[str, Any] | None) -> None:
    found = projected(7, 11, 15, 19, end=end)
    assert found.pop("cycles", 4) == 4
    assert found == pytest.approx(
        {
            "entries": 19,
            "entries_at_10": 43,
            "entries_at_10_low": 43,
            "entries_at_10_high": 43,
            "entries_at_1000": 4003,
            "entries_at_1000_low": 4003,
            "entries_at_1000_high": 4003,
        }
    )


def test_a_projection_has_an_interval() -> None:
    found = projected(7, 12, 14, 19, 24, 26, 31)
    assert found["entries_at_1000_low"] < found["entries_at_1000"] < found["entries_at_1000_high"]
    assert found["entries_at_10_high"] - found["entries_at_10_low"] < found["entries_at_1000"]


@pytest.mark.parametrize("values", [(), (7,), (7, 11), (None, 7, 11, 15)])
def test_too_few_cycles_and_cycles_that_say_nothing_have_no_projection(values: tuple[float | None, ...]) -> None:
    assert set(projected(*values)) <= {"entries"}


def test_python_facts() -> None:
    collector = {"collections": [3, 2, 1], "collected": [9, 8, 7], "uncollectable": [0, 0, 0], "seconds": 0.5}
    found = measured(make_raw(workload_journal=journal_of(START, {**END, "gc": collector}))).python
    assert found is not None
    assert (found.implementation, found.version, found.flags, found.error) == (
        "cpython",
        "3.12.7",
        {"isolated": 0},
        None,
    )
    assert found.gc == GcFacts(collections=(3, 2, 1), collected=(9, 8, 7), uncollectable=(0, 0, 0), seconds=0.5)


@pytest.mark.parametrize(("event", "error"), [(RAISED, "ValueError"), (LOAD_ERROR, "ModuleNotFoundError")])
def test_python_facts_of_a_failure(event: dict[str, Any], error: str) -> None:
    found = measured(make_raw(make_report(exit_code=1), workload_journal=journal_of(START, event))).python
    assert found is not None
    assert (found.error, found.gc) == (error, None)


def test_a_command_tells_nothing_of_its_python() -> None:
    assert measured().python is None


@pytest.mark.parametrize(
    ("output", "error_output", "tail"),
    [
        ("a\n", "b\n", "a\nb"),
        ("", "b\n", "b"),
        ("a\n", "", "a"),
        ("x" * 5000, "y" * 5000, "x" * 2000 + "\n" + "y" * 2000),
    ],
)
def test_output_tail_is_the_last_words_of_both(output: str, error_output: str, tail: str) -> None:
    assert measured(make_raw(make_report(exit_code=1), output=output, error_output=error_output)).output_tail == tail


def test_output_of_a_completed_run_is_not_kept() -> None:
    assert measured(make_raw(output="a\n")).output_tail == ""


def test_a_killed_supervisors_journal_gives_the_last_figures() -> None:
    lines = [
        '{"elapsed_ns": 500000000, "peak_bytes": 50, "unreclaimable_peak_bytes": 40, "oom_kills": 0}',
        '{"elapsed_ns": 1500000000, "peak_bytes": 90, "unreclaimable_peak_bytes": 80, "oom_kills": 0}',
        '{"elapsed_ns": 25000',
    ]
    raw = make_raw("", exit_code=137, oom_killed_flag=True, supervisor_journal="\n".join(lines))

    found = measured(raw)

    assert found.ending is Ending.OOM_GROUP_KILLED
    assert (found.peak_bytes, found.unreclaimable_peak_bytes) == (90, 80)
    assert [caveat.detail for caveat in found.caveats] == [
        "the figures are those of 1.5 s after the start; what came later is not known"
    ]


@pytest.mark.parametrize(("state", "running"), [(0, False), (1, True), (2, False)])
def test_memory_over_time_is_in_bytes_and_seconds(state: int, running: bool) -> None:
    (moment,) = measured(make_raw(make_report(series=[[1500, 6, 5, 4, 3, 2, 1, state]]))).series
    assert moment == Moment(
        seconds=1.5,
        usage=6 * 1024,
        anon=5 * 1024,
        file=4 * 1024,
        shmem=3 * 1024,
        kernel=2 * 1024,
        low=1024,
        running=running,
    )


PHASES = [{"event": "phase", "name": name, "bytes": size} for name, size in zip(
    ("interpreter", "imported", "returned", "left"), (5 * MIB, 7 * MIB, 30 * MIB, 8 * MIB), strict=True
)]  # fmt: skip


def test_what_the_runner_held_in_its_phases() -> None:
    found = measured(make_raw(workload_journal=journal_of(START, *PHASES, END))).phases
    assert found == Phases(
        interpreter_bytes=5 * MIB, imported_bytes=7 * MIB, returned_bytes=30 * MIB, left_bytes=8 * MIB
    )


def test_phases_that_were_not_reached_are_absent() -> None:
    found = measured(make_raw(workload_journal=journal_of(START, *PHASES[:2], RAISED))).phases
    assert found == Phases(interpreter_bytes=5 * MIB, imported_bytes=7 * MIB)


@pytest.mark.parametrize("events", [(), (START,), (START, {**PHASES[0], "bytes": None})])
def test_where_nothing_is_known_of_the_process_there_are_no_phases(events: tuple[dict[str, Any], ...]) -> None:
    assert measured(make_raw(workload_journal=journal_of(*events))).phases is None
