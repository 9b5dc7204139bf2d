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
from memcap.judge.endings import state_of
from memcap.measuring import measure
from memcap.model import (
    Ending,
    MemoryKind,
    OomFacts,
    VerdictState,
)

SEEN = "; when last seen: 60.0 MiB anonymous"
OF_THE_MAIN_PROCESS: dict[str, Any] = {**KILLED, **OOM}
SHM_FULL = {"shm_used_bytes": 0, "shm_peak_bytes": 64 * MIB - 4095}


@pytest.mark.parametrize(
    ("metrics", "detail"),
    [
        ({"a": 1.5, "b": 2}, None),
        ({"a": 0, "b": False}, None),
        ({"b": 2}, "the metric 'a' was not returned"),
        ({}, "the metric 'a' was not returned"),
        ({"a": None, "b": 2}, "the metric 'a' is not a finite number up to 1e+30"),
        ({"a": 10**400, "b": 2}, "the metric 'a' is not a finite number up to 1e+30"),
        ({"a": -1e200, "b": 2}, "the metric 'a' is not a finite number up to 1e+30"),
        ({"a": 1, "b": None}, "the metric 'b' is not a finite number up to 1e+30"),
    ],
)
def test_a_declared_metric_has_to_be_returned(metrics: dict[str, Any], detail: str | None) -> None:
    spec = replace(SPEC, metrics=("a", "b"))
    raw = make_raw(workload_journal=journal_of(START, {**END, "metrics": metrics}))
    found = measure(raw, spec, cpus=2)
    expected = (Ending.COMPLETED, "") if detail is None else (Ending.INCOMPLETE, detail)
    assert (found.ending, found.detail) == expected
    assert found.extra == {name: value for name, value in metrics.items() if value is not None and abs(value) < 1e30}
    assert state_of(found.ending, Ending.COMPLETED) is (
        VerdictState.ENDING_CHANGED if detail is None else VerdictState.WORKLOAD_FAILED
    )


def test_an_error_says_more_than_a_metric_that_is_missing() -> None:
    raw = make_raw(make_report(exit_code=1), workload_journal=journal_of(START, RAISED))
    assert measure(raw, replace(SPEC, metrics=("a",)), cpus=2).ending is Ending.FAILED


@pytest.mark.parametrize("journal", [(), (START,), (START, {"event": "cycle", "seconds": 1, "metrics": {"a": 1}})])
def test_a_process_that_ends_before_its_function_returns_has_not_completed(journal: tuple[dict[str, Any], ...]) -> None:
    found = measure(make_raw(workload_journal=journal_of(*journal)), replace(SPEC, metrics=()), cpus=2)
    assert (found.ending, found.detail) == (Ending.INCOMPLETE, "its process ended before the function returned")
    assert measure(make_raw(workload_journal=journal_of(*journal)), SPEC, cpus=2).ending is Ending.COMPLETED, (
        "a command"
    )


def test_the_last_cycle_counts_where_the_workload_left_with_exit_code_0() -> None:
    cycle = {"event": "cycle", "seconds": 1, "metrics": {"a": 7}}
    raw = make_raw(workload_journal=journal_of(START, cycle, END))
    found = measure(raw, replace(SPEC, metrics=("a",)), cpus=2)
    assert (found.ending, found.extra) == (Ending.COMPLETED, {"a": 7})


@pytest.mark.parametrize(
    ("report", "journal", "ending", "detail"),
    [
        ({}, (), Ending.COMPLETED, ""),
        ({}, (START, END), Ending.COMPLETED, ""),
        ({"exit_code": 3}, (), Ending.FAILED, "exit code 3"),
        ({"exit_code": 137}, (), Ending.FAILED, "exit code 137"),
        ({"exit_code": 1}, (START, RAISED), Ending.FAILED, "ValueError: no such luck"),
        ({"exit_code": 1}, (START, OUT_OF_MEMORY), Ending.MEMORY_ERROR, "MemoryError"),
        (
            {"exit_code": None, "exec_errno": 2, "exec_problem": "missing", "exec_needs": "/bin:/usr/bin"},
            (),
            Ending.LOAD_FAILED,
            "program not found in the image: 'true' is not in PATH (/bin, /usr/bin)",
        ),
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
        ({**KILLED, **OOM}, (START,), Ending.OOM_KILLED, f"1 process was killed{SEEN}"),
        ({**KILLED, "oom_kills": 3}, (), Ending.OOM_KILLED, f"3 processes were killed{SEEN}"),
        (
            {"exit_code": None, "signal": 6, **OOM},
            (),
            Ending.OOM_CHILD_NOTICED,
            f"1 process was killed{SEEN}; signal 6",
        ),
        ({"exit_code": 1, **OOM}, (), Ending.OOM_CHILD_NOTICED, f"1 process was killed{SEEN}; exit code 1"),
        (
            {"exit_code": 1, **OOM},
            (START, RAISED),
            Ending.OOM_CHILD_NOTICED,
            f"1 process was killed{SEEN}; ValueError: no such luck",
        ),
        (OOM, (START, END), Ending.OOM_CHILD_SWALLOWED, f"1 process was killed{SEEN}"),
        ({**KILLED, "timed_out": True}, (START,), Ending.TIMED_OUT, "after 90 s"),
        ({**KILLED, "timed_out": True, **OOM}, (START,), Ending.OOM_HUNG, f"after 90 s; 1 process was killed{SEEN}"),
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
        (
            {**KILLED, **OOM, "oom_events": 0, "peak_bytes": 128 * MIB},
            (),
            Ending.OOM_KILLED,
            f"1 process was killed{SEEN}",
        ),
        (
            {**KILLED, **OOM, "oom_events": None, "peak_bytes": 126 * MIB},
            (),
            Ending.OOM_KILLED,
            f"1 process was killed{SEEN}",
        ),
        (
            {**KILLED, **OOM, "kills_while_main_lived": 1},
            (),
            Ending.OOM_CHILD_NOTICED,
            f"1 process was killed{SEEN}; then SIGKILL that was not the kernel's ended the main process",
        ),
        (
            {**KILLED, "oom_kills": 2, "kills_while_main_lived": 1},
            (),
            Ending.OOM_KILLED,
            f"2 processes were killed{SEEN}",
        ),
        (
            {**KILLED, **OOM, "killed_others": 1},
            (),
            Ending.OOM_KILLED,
            f"1 process was killed{SEEN}; 2 processes ended by SIGKILL, so it may have been another than the main one",
        ),
        ({**KILLED, "oom_kills": 2, "killed_others": 1}, (), Ending.OOM_KILLED, f"2 processes were killed{SEEN}"),
        ({**KILLED, **OOM, "kills_while_main_lived": None}, (), Ending.OOM_KILLED, f"1 process was killed{SEEN}"),
        (
            {"exit_code": None, "signal": 7, **SHM_FULL},
            (START,),
            Ending.STORAGE_FULL,
            "SIGBUS; /dev/shm was full (64.0 MiB)",
        ),
        (
            {"exit_code": 1, **SHM_FULL},
            (START, {"event": "raised", "type": "RuntimeError", "message": "worker died: -7"}),
            Ending.STORAGE_FULL,
            "RuntimeError: worker died: -7; /dev/shm was full (64.0 MiB)",
        ),
        ({"exit_code": 135, **SHM_FULL}, (), Ending.STORAGE_FULL, "exit code 135; /dev/shm was full (64.0 MiB)"),
        (
            {"exit_code": 1, **SHM_FULL},
            (START, RAISED),
            Ending.FAILED,
            "ValueError: no such luck; /dev/shm was full (64.0 MiB)",
        ),
        (
            {"exit_code": None, "signal": 11, **SHM_FULL},
            (),
            Ending.CRASHED,
            "signal 11; /dev/shm was full (64.0 MiB)",
        ),
        ({"exit_code": None, "signal": 7, "shm_peak_bytes": 63 * MIB}, (START,), Ending.CRASHED, "signal 7"),
        ({"exit_code": 1, "shm_peak_bytes": None}, (START, RAISED), Ending.FAILED, "ValueError: no such luck"),
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
        ({"exit_code": 0}, Ending.LOST, "exit code 0; the supervisor's report:1:1: this is not JSON"),
        ({"exit_code": None, "oom_killed_flag": None, "oom_events": None}, Ending.LOST, "exit code None"),
        ({"exit_code": 139, "report": '{"format": 1}'}, Ending.LOST, "is not of format 3"),
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
        ("MemoryError budget exceeded: quota of 3\n", Ending.FAILED),
        ("OSError: [Errno 28] inotify watch limit reached\n", Ending.FAILED),
        ("OSError: [Errno 28] No space left on device\n", Ending.STORAGE_FULL),
        ("", Ending.FAILED),
    ],
)
def test_memory_error_of_a_command_is_its_tracebacks_last_line(output: str, ending: Ending) -> None:
    found = measured(make_raw(make_report(exit_code=1), error_output=output))
    assert found.ending is ending
    last = output.rstrip().rpartition("\n")[2]
    assert found.detail == ("exit code 1" if ending is Ending.FAILED else f"exit code 1; {last}")


@pytest.mark.parametrize("report", [{"exit_code": None, "signal": 6}, {"exit_code": 134}])
def test_a_runtime_that_aborts_says_why(report: dict[str, Any]) -> None:
    line = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory"
    found = measured(make_raw(make_report(**report), error_output=f"{line}\n 1: 0xb78db3 [node]\n"))
    assert found.ending is Ending.MEMORY_ERROR
    assert found.detail.endswith(f"; {line}")


def process(pid: int, parent: int, name: str, mib: int = 10) -> dict[str, Any]:
    return {"pid": pid, "parent_pid": parent, "name": name, "vm_hwm_bytes": mib * MIB, "pss_bytes": None}


APP = (process(7, 1, "tini"), process(8, 7, "app", 60))


@pytest.mark.parametrize(
    "processes",
    [
        APP,
        (process(7, 1, "bash"), process(8, 7, "python", 60)),
        (process(7, 1, "tini"), process(8, 7, "sh"), process(9, 8, "app", 60)),
        (*APP, process(9, 8, "helper", 5)),
    ],
)
@pytest.mark.parametrize("end", [{"exit_code": 137}, {**KILLED, "kills_while_main_lived": 1}])
def test_the_program_under_a_wrapper_was_killed(processes: tuple[dict[str, Any], ...], end: dict[str, Any]) -> None:
    found = measured(**{**end, **OOM, "processes": list(processes)})
    assert found.ending is Ending.OOM_KILLED
    assert found.detail == f"the program under `{processes[0]['name']}` was killed; 1 process was killed{SEEN}"


@pytest.mark.parametrize(
    ("processes", "changes"),
    [
        (APP, {"exit_code": 1}),
        (APP, {"exit_code": 143}),
        ((process(7, 1, "python"), process(8, 7, "app", 60)), {}),
        ((*APP, process(9, 7, "other")), {}),
        ((*APP, process(9, 8, "worker", 61)), {}),
        ((*APP, process(9, 8, "python"), process(10, 9, "worker", 61)), {}),
        ((process(7, 1, "tini"),), {}),
        ((), {}),
        (APP, {"main_pid": None}),
    ],
)
def test_what_does_not_show_that_the_program_was_killed(
    processes: tuple[dict[str, Any], ...], changes: dict[str, Any]
) -> None:
    found = measured(**{"exit_code": 137, **OOM, "processes": list(processes), **changes})
    assert found.ending is Ending.OOM_CHILD_NOTICED


def test_a_wrapper_without_an_oom_kill_just_failed() -> None:
    assert measured(exit_code=137, processes=list(APP)).ending is Ending.FAILED


def test_a_process_that_was_larger_than_the_main_one_leaves_a_doubt() -> None:
    found = measured(**{**OF_THE_MAIN_PROCESS, "processes": [process(7, 1, "python"), process(8, 7, "worker", 60)]})
    assert found.ending is Ending.OOM_KILLED
    assert "it may have been that rather than the main one" in found.detail
    found = measured(**{**OF_THE_MAIN_PROCESS, "processes": [process(7, 1, "python", 60), process(8, 7, "worker", 60)]})
    assert found.detail == f"1 process was killed{SEEN}"


@pytest.mark.parametrize(
    ("split", "filled"),
    [
        (
            {"anon": 20 * MIB, "kernel": 100 * MIB, "shmem": 7 * MIB, "file": 4096},
            f"at the cap: 100.0 MiB {MemoryKind.KERNEL.value}, 20.0 MiB anonymous, 7.0 MiB shared (tmpfs)",
        ),
        ({"anon": 127 * MIB, "huge": 100 * MIB}, "at the cap: 100.0 MiB in huge pages, 27.0 MiB anonymous"),
        ({"sock": 120 * MIB}, "at the cap: 120.0 MiB in socket buffers"),
        ({"file": 120 * MIB, "anon": None}, "at the cap: 120.0 MiB of page cache"),
        ({"anon": 90 * MIB}, "when last seen: 90.0 MiB anonymous"),
    ],
)
def test_what_filled_the_cap_is_named_at_a_kill(split: dict[str, int | None], filled: str) -> None:
    assert measured(**{**OF_THE_MAIN_PROCESS, "at_kill": split}).detail == f"1 process was killed; {filled}"


def test_nothing_known_of_the_memory_at_a_kill_is_nothing_said() -> None:
    nothing = {"anon": None, "kernel": None}
    assert measured(**{**OF_THE_MAIN_PROCESS, "at_peak": nothing}).detail == "1 process was killed"


def test_memory_error_that_a_function_prints_is_not_its_ending() -> None:
    raw = make_raw(
        make_report(exit_code=1), workload_journal=journal_of(START, RAISED), error_output="ValueError\nMemoryError\n"
    )
    assert measured(raw).ending is Ending.FAILED


@pytest.mark.parametrize("event", ["raised", "load_error"])
def test_a_message_of_millions_of_characters_is_kept_in_part(event: str) -> None:
    said = {"event": event, "type": "ValueError", "message": f"bad: {'x' * 3_000_000}"}
    raw = make_raw(make_report(exit_code=1), workload_journal=journal_of(START, said), error_output="x" * 3_000_000)
    found = measured(raw)
    assert found.detail.startswith("ValueError: bad: xxx")
    assert len(found.detail) <= 4000
    assert len(found.output_tail) <= 4000
