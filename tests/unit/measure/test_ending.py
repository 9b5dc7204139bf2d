"""How a run ended: from counters, events and the report; never from exit code 137."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from measured import (
    END,
    KILLED,
    LOAD_ERROR,
    OOM,
    OUT_OF_MEMORY,
    RAISED,
    SPEC,
    START,
    journal_of,
    measured,
)

from factories import MIB, make_raw, make_report
from memcap.measure import measure
from memcap.model import (
    Ending,
    OomFacts,
)


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
        ({**KILLED, "watchdog_kill": True, "oom_kills": None}, (START,), Ending.CAP_EXCEEDED, "61.0 MiB were in use"),
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
        ({"exit_code": 139, "report": '{"format": 1}'}, Ending.LOST, "is not of format 2"),
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
