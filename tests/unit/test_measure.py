"""From what an engine brings back to a measurement: how it ended, what is doubtful, and what the peak proves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import MIB, make_layer, make_plan_cell, make_raw, make_report, make_settings
from memcap.launch import run_spec
from memcap.measure import measure
from memcap.measure.caveats import COLD_FILE_BYTES, SUPERVISOR_JITTER_BYTES
from memcap.measure.kernel import CHARGE_BATCH_BYTES
from memcap.model import (
    Caveat,
    CaveatKind,
    Ending,
    GcFacts,
    Measurement,
    MemorySplit,
    Moment,
    OomFacts,
    ProcessPeak,
    RawRun,
)

SUPERVISOR_BYTES = 72 * 1024
SPEC = replace(
    run_spec(
        make_plan_cell(),
        make_layer(),
        make_settings(time_limit_seconds=90),
        supervisor_bytes=SUPERVISOR_BYTES,
        attempt="1",
    ),
    cap_bytes=128 * MIB - SUPERVISOR_BYTES,
)
START = {"event": "start", "implementation": "cpython", "version": "3.12.7", "flags": {"isolated": 0}}
LOAD_ERROR = {"event": "load_error", "type": "ModuleNotFoundError", "message": "No module named 'crewai'"}
RAISED = {"event": "raised", "type": "ValueError", "message": "no such luck"}
OUT_OF_MEMORY = {"event": "raised", "type": "MemoryError", "message": ""}
END: dict[str, Any] = {"event": "end", "cycles": None, "metrics": {}, "gc": None}
OOM = {"oom_kills": 1}
KILLED = {"exit_code": None, "signal": 9}


def journal_of(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def measured(raw: RawRun | None = None, *, cpus: int | None = 2, **report: Any) -> Measurement:
    """Measure a run with these fields of its report, or ``raw``."""
    return measure(raw or make_raw(make_report(**report)), SPEC, cpus=cpus)


def kinds(measurement: Measurement) -> list[CaveatKind]:
    return [caveat.kind for caveat in measurement.caveats]


@pytest.mark.parametrize(
    ("report", "journal", "ending", "detail"),
    [
        ({}, (), Ending.COMPLETED, ""),
        ({}, (START, END), Ending.COMPLETED, ""),
        ({"exit_code": 3}, (), Ending.FAILED, "exit code 3"),
        ({"exit_code": 137}, (), Ending.FAILED, "exit code 137"),
        ({"exit_code": 1}, (START, RAISED), Ending.FAILED, "ValueError: no such luck"),
        ({"exit_code": 1}, (START, OUT_OF_MEMORY), Ending.MEMORY_ERROR, "MemoryError"),
        ({"exit_code": None, "exec_errno": 2}, (), Ending.LOAD_FAILED, "true: No such file or directory"),
        ({"exit_code": None, "exec_errno": 13}, (), Ending.LOAD_FAILED, "true: Permission denied"),
        ({"exit_code": None, "exec_errno": 2**40}, (), Ending.LOAD_FAILED, f"true: error {2**40}"),
        (
            {"exit_code": 70},
            (START, LOAD_ERROR),
            Ending.LOAD_FAILED,
            "ModuleNotFoundError: No module named 'crewai'",
        ),
        ({"exit_code": 70}, (START,), Ending.FAILED, "exit code 70"),
        ({"exit_code": None, "signal": 6}, (), Ending.CRASHED, "signal 6"),
        (KILLED, (), Ending.CRASHED, "signal 9"),
        ({**KILLED, **OOM}, (START,), Ending.OOM_KILLED, "1 process was killed"),
        ({**KILLED, "oom_kills": 3}, (), Ending.OOM_KILLED, "3 processes were killed"),
        ({"exit_code": None, "signal": 6, **OOM}, (), Ending.OOM_CHILD_NOTICED, "1 process was killed; signal 6"),
        ({"exit_code": 1, **OOM}, (), Ending.OOM_CHILD_NOTICED, "1 process was killed; exit code 1"),
        (
            {"exit_code": 1, **OOM},
            (START, RAISED),
            Ending.OOM_CHILD_NOTICED,
            "1 process was killed; ValueError: no such luck",
        ),
        (OOM, (START, END), Ending.OOM_CHILD_SWALLOWED, "1 process was killed"),
        ({**KILLED, "timed_out": True}, (START,), Ending.TIMED_OUT, "after 90 s"),
        ({**KILLED, "timed_out": True, **OOM}, (START,), Ending.OOM_HUNG, "after 90 s"),
        ({"stopped_by_signal": 15}, (), Ending.KILLED_FROM_OUTSIDE, "the container got signal 15"),
        (
            {"exit_code": None, "signal": 15, "stopped_by_signal": 15},
            (),
            Ending.KILLED_FROM_OUTSIDE,
            "the container got signal 15",
        ),
        ({**KILLED, "oom_kills": None}, (), Ending.CRASHED, "signal 9"),
        (
            {**KILLED, **OOM, "oom_events": 0},
            (),
            Ending.MACHINE_OOM,
            "1 process was killed; the peak was 62.0 MiB, below the cap",
        ),
        (
            {**KILLED, **OOM, "oom_events": None},
            (),
            Ending.MACHINE_OOM,
            "1 process was killed; the peak was 62.0 MiB, below the cap",
        ),
        ({**KILLED, **OOM, "oom_events": 0, "peak_bytes": 128 * MIB}, (), Ending.OOM_KILLED, "1 process was killed"),
        ({**KILLED, **OOM, "oom_events": None, "peak_bytes": 126 * MIB}, (), Ending.OOM_KILLED, "1 process was killed"),
        (
            {**KILLED, **OOM, "at_peak": {"shmem": 100 * MIB}},
            (),
            Ending.OOM_KILLED,
            "1 process was killed; 100.0 MiB were in tmpfs or shared memory",
        ),
        (
            {"exit_code": None, "signal": 7, "shm_used_bytes": 64 * MIB},
            (START,),
            Ending.STORAGE_FULL,
            "SIGBUS; /dev/shm is full (64.0 MiB)",
        ),
        ({"exit_code": None, "signal": 7}, (START,), Ending.CRASHED, "signal 7"),
        (
            {"exit_code": 1},
            (START, {"event": "raised", "type": "OSError", "message": "[Errno 28] No space left on device"}),
            Ending.STORAGE_FULL,
            "OSError: [Errno 28] No space left on device",
        ),
    ],
)
def test_ending(report: dict[str, Any], journal: tuple[dict[str, Any], ...], ending: Ending, detail: str) -> None:
    raw = make_raw(make_report(**report), workload_journal=journal_of(*journal))
    found = measure(raw, SPEC, cpus=2)
    assert (found.ending, found.detail) == (ending, detail)
    assert (found.exit_code, found.signal) == (report.get("exit_code", 0), report.get("signal"))


@pytest.mark.parametrize(
    ("facts", "ending", "words"),
    [
        ({"exit_code": 137, "oom_killed_flag": True}, Ending.OOM_GROUP_KILLED, "the daemon tells of the kill"),
        ({"exit_code": 137, "oom_events": 2}, Ending.OOM_GROUP_KILLED, "the daemon tells of the kill"),
        ({"exit_code": 137}, Ending.KILLED_FROM_OUTSIDE, "no OOM kill is known"),
        ({"exit_code": 0}, Ending.LOST, "exit code 0; the supervisor's report is not JSON"),
        ({"exit_code": None, "oom_killed_flag": None, "oom_events": None}, Ending.LOST, "exit code None"),
        ({"exit_code": 139, "report": '{"format": 2}'}, Ending.LOST, "is not of format 1"),
    ],
)
def test_ending_without_a_report(facts: dict[str, Any], ending: Ending, words: str) -> None:
    raw = make_raw(**{"report": "", "error_output": "the last words\n", **facts})
    found = measured(raw)
    assert found.ending is ending
    assert words in found.detail
    assert found.exit_code == facts["exit_code"]
    assert found.output_tail == "the last words"
    assert found.oom == OomFacts(kills=None, docker_flag=raw.oom_killed_flag, docker_events=raw.oom_events)
    assert (found.peak_bytes, found.wall_seconds, found.python) == (None, None, None), "absent is absent"


def test_a_container_that_never_started() -> None:
    found = measured(replace(make_raw(daemon_error="no such image", exit_code=None), report=None))
    assert (found.ending, found.detail, found.exit_code) == (Ending.NOT_STARTED, "no such image", None)


@pytest.mark.parametrize(
    ("output", "ending"),
    [
        ("Traceback (most recent call last):\n  …\nMemoryError\n", Ending.MEMORY_ERROR),
        ("MemoryError: too much\n", Ending.MEMORY_ERROR),
        ("numpy._core._exceptions._ArrayMemoryError: Unable to allocate 8 TiB\n", Ending.MEMORY_ERROR),
        ("MemoryError\nwas handled\n", Ending.FAILED),
        ("", Ending.FAILED),
    ],
)
def test_memory_error_of_a_command_is_its_tracebacks_last_line(output: str, ending: Ending) -> None:
    assert measured(make_raw(make_report(exit_code=1), error_output=output)).ending is ending


def test_memory_error_that_a_function_prints_is_not_its_ending() -> None:
    raw = make_raw(
        make_report(exit_code=1), workload_journal=journal_of(START, RAISED), error_output="ValueError\nMemoryError\n"
    )
    assert measured(raw).ending is Ending.FAILED


def test_figures_of_a_good_run() -> None:
    found = measured(
        processes=[{"pid": 7, "name": "python3", "vm_hwm_bytes": 71 * MIB}],
        at_start={"anon": 1, "shmem": 2, "kernel": 3},
    )
    assert (found.cgroup_version, found.cap_bytes, found.peak_bytes) == (2, 128 * MIB, 62 * MIB)
    assert (found.unreclaimable_peak_bytes, found.floor_bytes) == (62 * MIB - 2 * CHARGE_BATCH_BYTES, 6)
    assert (found.wall_seconds, found.cpu_seconds) == (1.25, 1.0)
    assert (found.minor_faults, found.major_faults, found.samples, found.process_count) == (20_000, 0, 120, 1)
    assert found.supervisor_bytes == SUPERVISOR_BYTES
    assert found.at_peak == MemorySplit(
        usage=62 * MIB, anon=60 * MIB, file=0, shmem=0, kernel=MIB, slab=0, page_tables=0, swap=0
    )
    assert found.processes == (ProcessPeak(pid=7, name="python3", vm_hwm_bytes=71 * MIB),)
    assert found.oom == OomFacts(kills=0, at_cap=0, group_kills=0, cap_hits=0, docker_flag=False, docker_events=0)
    assert found.caveats == ()


@pytest.mark.parametrize(
    ("report", "cpus", "expected"),
    [
        # A spike between two samples: the kernel's peak proves it, less page cache and charge batches.
        ({"peak_bytes": 100 * MIB}, 2, 100 * MIB - 2 * CHARGE_BATCH_BYTES),
        ({"peak_bytes": 100 * MIB, "max_file_bytes": 30 * MIB}, 2, 70 * MIB - 2 * CHARGE_BATCH_BYTES),
        ({"peak_bytes": 100 * MIB}, None, 100 * MIB - CHARGE_BATCH_BYTES),
        # The sample says more than the bound.
        ({"peak_bytes": 62 * MIB, "max_file_bytes": 30 * MIB}, 2, 61 * MIB),
        # The peak was the runtime's, before the workload: it proves nothing.
        ({"peak_bytes": 100 * MIB, "peak_at_start_bytes": 100 * MIB}, 2, 61 * MIB),
        # What the kernel does not offer.
        ({"peak_bytes": None}, 2, 61 * MIB),
        ({"peak_bytes": 100 * MIB, "peak_at_start_bytes": None}, 2, 61 * MIB),
        ({"peak_bytes": 100 * MIB, "max_file_bytes": None}, 2, 61 * MIB),
        ({"unreclaimable_peak_bytes": None}, 2, None),
    ],
)
def test_unreclaimable_peak(report: dict[str, Any], cpus: int | None, expected: int | None) -> None:
    assert measured(cpus=cpus, **report).unreclaimable_peak_bytes == expected


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
    found = [{"pid": 7, "name": "p", "vm_hwm_bytes": size} for size in report.get("processes", [])]
    assert measured(**{**report, "processes": found}).rss_peak_bytes == expected


def test_what_the_kernel_does_not_offer_is_absent() -> None:
    found = measured(wall_ns=None, oom_kills=None, at_start={"kernel": None}, cap_bytes=None)
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


@pytest.mark.parametrize(
    ("report", "kind", "words"),
    [
        ({"cap_bytes": None}, CaveatKind.CAP_NOT_AS_ASKED, "asked for 128.0 MiB, the kernel has none"),
        ({"cap_bytes": 256 * MIB}, CaveatKind.CAP_NOT_AS_ASKED, "the kernel has 256.0 MiB"),
        ({"at_peak": {"swap": 3 * MIB}}, CaveatKind.SWAP_USED, "3.0 MiB were in swap"),
        ({"at_end": {"swap": 2 * MIB}}, CaveatKind.SWAP_USED, "2.0 MiB were in swap"),
        ({"swap_cap_bytes": MIB}, CaveatKind.SWAP_USED, "the container may swap"),
        ({"at_end": {"swap": MIB}, "swap_cap_bytes": MIB}, CaveatKind.SWAP_USED, "1.0 MiB were in swap"),
        ({"peak_bytes": None}, CaveatKind.PEAK_MISSING, "no high-water mark"),
        ({"peak_bytes": 4 * MIB}, CaveatKind.PEAK_NEAR_FLOOR, "the peak of 4.0 MiB was the container runtime's"),
        (
            {"major_faults": 12, "max_file_bytes": 20 * MIB},
            CaveatKind.COLD_PAGE_CACHE,
            "12 major faults, up to 20.0 MiB of page cache",
        ),
        (
            {"supervisor_bytes": SUPERVISOR_BYTES + SUPERVISOR_JITTER_BYTES + 1},
            CaveatKind.SUPERVISOR_BYTES_DIFFER,
            "raised by 72.0 KiB, the supervisor needed 88.0 KiB",
        ),
        (
            {"supervisor_bytes": SUPERVISOR_BYTES - SUPERVISOR_JITTER_BYTES - 1},
            CaveatKind.SUPERVISOR_BYTES_DIFFER,
            "the supervisor needed 56.0 KiB",
        ),
        # At the cap the kernel itself drops pages and reads them back: that is no cold start.
        (
            {"major_faults": 12, "max_file_bytes": 20 * MIB, "peak_bytes": 128 * MIB, "refaults": 7},
            CaveatKind.CAP_FILLED_BY_CACHE,
            "up to 20.0 MiB of page cache, 7 pages were read again",
        ),
        ({"swap_peak_bytes": MIB}, CaveatKind.SWAP_USED, "1.0 MiB were in swap"),
        ({"throttled_periods": 3}, CaveatKind.THROTTLED, "in 3 periods"),
        ({"load_percent": 401}, CaveatKind.NOISY_NEIGHBOUR, "load was 4.0 on 2 CPUs"),
        ({"clock_step_ns": 1_500_000_000}, CaveatKind.CLOCK_STEPPED, "by 1.5 s"),
        ({"thp_off": False}, CaveatKind.SETTING_REFUSED, "thp could not be turned off"),
        ({"aslr_off": False}, CaveatKind.SETTING_REFUSED, "aslr could not be turned off"),
    ],
)
def test_a_doubt_is_a_caveat(report: dict[str, Any], kind: CaveatKind, words: str) -> None:
    found = measured(**report)
    assert kinds(found)[0] == kind
    assert set(kinds(found)[1:]) <= {CaveatKind.SAMPLED_ONLY}, "which follows where the peak proves nothing"
    assert (CaveatKind.SAMPLED_ONLY in kinds(found)) == (kind in (CaveatKind.PEAK_MISSING, CaveatKind.PEAK_NEAR_FLOOR))
    assert words in found.caveats[0].detail


@pytest.mark.parametrize(
    "report",
    [
        {},
        {"cap_bytes": 128 * MIB + 4095},  # the kernel counts in pages
        {"swap_cap_bytes": None},
        {"major_faults": 12, "max_file_bytes": COLD_FILE_BYTES},
        {"major_faults": 0, "max_file_bytes": 20 * MIB},
        {"load_percent": 400, "clock_step_ns": 500_000_000, "throttled_periods": 0, "thp_off": True, "aslr_off": True},
        {"load_percent": None, "clock_step_ns": None, "throttled_periods": None},
        {"supervisor_bytes": SUPERVISOR_BYTES + SUPERVISOR_JITTER_BYTES},
        {"supervisor_bytes": SUPERVISOR_BYTES - SUPERVISOR_JITTER_BYTES},
        {"supervisor_bytes": None},
        {"peak_at_start_bytes": None},
    ],
)
def test_no_doubt_no_caveat(report: dict[str, Any]) -> None:
    assert measured(**report).caveats == ()


@pytest.mark.parametrize(
    ("flag", "kills", "doubted"),
    [(True, 0, True), (False, 1, True), (True, 1, False), (False, 0, False), (None, 1, False), (True, None, False)],
)
def test_the_daemons_word_against_the_kernels_counter(flag: bool | None, kills: int | None, doubted: bool) -> None:
    found = measured(make_raw(make_report(oom_kills=kills), oom_killed_flag=flag))
    assert (CaveatKind.DOCKER_DISAGREES in kinds(found)) is doubted


def test_truncated_output_is_a_caveat() -> None:
    found = measured(make_raw(output="x" * 2048, output_truncated=True))
    assert kinds(found) == [CaveatKind.OUTPUT_TRUNCATED]
    assert "the last 2.0 KiB" in found.caveats[0].detail


@pytest.mark.parametrize("raw", [make_raw(), make_raw(""), make_raw(daemon_error="no")])
def test_standing_caveats_are_with_every_run(raw: RawRun) -> None:
    standing = Caveat(kind=CaveatKind.EMULATED, detail="aarch64 image on x86_64")
    assert measure(raw, SPEC, cpus=2, standing=(standing,)).caveats == (standing,)


# --- whatever a workload leaves in the folder of the reports ---

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
FIELDS = sorted(json.loads(make_report()))
KEYS = ("event", "implementation", "version", "flags", "type", "message", "metrics", "cycles", "gc", "seconds")
reports = st.dictionaries(st.sampled_from(FIELDS), st.integers() | values).map(
    lambda changes: json.dumps({**json.loads(make_report()), **changes})
)
events = st.builds(
    lambda event, changes: json.dumps({**event, **changes}),
    st.sampled_from([START, LOAD_ERROR, RAISED, END]),
    st.dictionaries(st.sampled_from(KEYS), values),
)


@given(
    report=st.none() | st.text() | reports,
    journal=st.text() | st.lists(events | st.text(max_size=20), max_size=4).map("\n".join),
    output=st.text(),
    exit_code=st.none() | st.integers(min_value=0, max_value=255),
    flag=st.none() | st.booleans(),
    oom_events=st.none() | st.integers(min_value=0, max_value=9),
)
def test_whatever_is_left_is_a_measurement(
    report: str | None,
    journal: str,
    output: str,
    exit_code: int | None,
    flag: bool | None,
    oom_events: int | None,
) -> None:
    raw = make_raw(
        workload_journal=journal,
        error_output=output,
        exit_code=exit_code,
        oom_killed_flag=flag,
        oom_events=oom_events,
    )
    found = measure(replace(raw, report=report), SPEC, cpus=2)
    assert isinstance(found, Measurement)
    if found.ending.is_oom:
        assert found.oom.kills or flag or oom_events, "an OOM is proven, never guessed"


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


def test_memory_over_time_is_in_bytes_and_seconds() -> None:
    (moment,) = measured(make_raw(make_report(series=[[1500, 6, 5, 4, 3, 2, 1]]))).series
    assert moment == Moment(
        seconds=1.5, usage=6 * 1024, anon=5 * 1024, file=4 * 1024, shmem=3 * 1024, kernel=2 * 1024, low=1024
    )


@pytest.mark.parametrize(
    ("report", "kind"), [({}, CaveatKind.NOT_COLD), ({"major_faults": 9, "max_file_bytes": 9 * MIB}, None)]
)
def test_a_cold_run_must_have_been_cold(report: dict[str, Any], kind: CaveatKind | None) -> None:
    found = measure(make_raw(make_report(**report)), replace(SPEC, cold=True), cpus=2)
    assert kinds(found) == ([kind] if kind else [])
