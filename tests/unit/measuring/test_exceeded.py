"""Which limit besides memory was broken."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from measured import KILLED, OOM, RAISED, SPEC, START, journal_of, soak_line

from factories import MIB, make_raw, make_report
from memcap.measuring import measure
from memcap.model import ContainerPolicy, Ending, Measurement, RawRun, RunLimits

LIMITS = RunLimits(disk_bytes=64 * MIB, file_size_bytes=MIB, cpu_time_seconds=2)
TOO_LARGE = {"event": "raised", "type": "OSError", "message": "[Errno 27] File too large"}
CPU_TIME: dict[str, Any] = {"limit_exceeded": "cpu_time", "cpu_us": 2_100_000}


def limited(raw: RawRun, limits: RunLimits = LIMITS) -> Measurement:
    return measure(raw, replace(SPEC, policy=ContainerPolicy(limits=limits)), cpus=2)


@pytest.mark.parametrize(
    ("report", "ending", "detail"),
    [
        ({**KILLED, **CPU_TIME}, Ending.LIMIT_EXCEEDED, "the limit of CPU time is 2.0 s; 2.1 s were used"),
        (
            {**KILLED, "limit_exceeded": "disk"},
            Ending.LIMIT_EXCEEDED,
            "the limit of disk is 64.0 MiB; more was written",
        ),
        # It ended before the supervisor looked.
        ({"limit_exceeded": "disk"}, Ending.LIMIT_EXCEEDED, "the limit of disk is 64.0 MiB; more was written"),
        ({"exit_code": None, "signal": 25}, Ending.LIMIT_EXCEEDED, "the limit of file size is 1.0 MiB; a larger file"),
        ({"exit_code": 153}, Ending.LIMIT_EXCEEDED, "the limit of file size is 1.0 MiB; a larger file was written"),
        ({"exit_code": None, "signal": 24}, Ending.LIMIT_EXCEEDED, "signal 24 (SIGXCPU): a limit of CPU time that mem"),
        ({"exit_code": 1}, Ending.FAILED, "exit code 1"),
        ({}, Ending.COMPLETED, ""),
        ({**KILLED, **CPU_TIME, "timed_out": True}, Ending.TIMED_OUT, "after 90 s"),
        # The kernel killed the main process; then it is an OOM kill, whatever else was too much.
        ({**KILLED, **OOM, **CPU_TIME}, Ending.OOM_KILLED, "1 process was killed"),
        (
            {**KILLED, **OOM, **CPU_TIME, "kills_while_main_lived": 1},
            Ending.LIMIT_EXCEEDED,
            "the limit of CPU time is 2.0 s; 2.1 s were used; 1 process was killed",
        ),
    ],
)
def test_endings(report: dict[str, Any], ending: Ending, detail: str) -> None:
    found = limited(make_raw(make_report(**report)))
    assert found.ending is ending
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(
    ("journal", "detail"),
    [
        ([{"rss_bytes": 100 * MIB}, {"rss_bytes": 600 * MIB}], "600.0 MiB were resident"),
        ([{"rss_bytes": 600 * MIB}, {}], "more was resident"),
        ([], "more was resident"),
    ],
)
def test_too_large_a_resident_set(journal: list[dict[str, int]], detail: str) -> None:
    looks = "".join(soak_line(number + 1, **figures) for number, figures in enumerate(journal))
    raw = make_raw(make_report(**{**KILLED, "limit_exceeded": "rss"}), supervisor_journal=looks)
    found = measure(raw, replace(SPEC, max_rss_bytes=512 * MIB), cpus=2)
    assert (found.ending, found.detail) == (Ending.LIMIT_EXCEEDED, f"the limit of RSS is 512.0 MiB; {detail}")


def test_a_signal_without_a_limit_of_ours_says_so() -> None:
    found = limited(make_raw(make_report(exit_code=None, signal=25)), RunLimits())
    assert (found.ending, found.detail.partition(":")[0]) == (Ending.LIMIT_EXCEEDED, "signal 25 (SIGXFSZ)")
    assert limited(make_raw(make_report(exit_code=153)), RunLimits()).ending is Ending.FAILED


@pytest.mark.parametrize(
    "words",
    [
        "Traceback (most recent call last):\n  …\nOSError: [Errno 27] File too large: '/tmp/x'\n",
        "head: error writing 'standard output': File too large\n",
        "bash: line 1:     7 File size limit exceeded head -c 5000000 /dev/zero\n",
        "subprocess.CalledProcessError: Command 'dd' died with <Signals.SIGXFSZ: 25>.\n",
    ],
)
def test_last_words_of_a_command(words: str) -> None:
    raw = make_raw(make_report(exit_code=1), error_output=words)
    found = limited(raw)
    assert found.ending is Ending.LIMIT_EXCEEDED
    assert found.detail == f"the limit of file size is 1.0 MiB; {words.strip().splitlines()[-1]}"
    assert limited(raw, RunLimits(disk_bytes=5)).ending is Ending.FAILED


def test_what_a_function_raised() -> None:
    raw = make_raw(make_report(exit_code=1), workload_journal=journal_of(START, TOO_LARGE))
    assert limited(raw).detail == "the limit of file size is 1.0 MiB; OSError: [Errno 27] File too large"
    other = make_raw(make_report(exit_code=1), workload_journal=journal_of(START, RAISED))
    assert limited(other).ending is Ending.FAILED
