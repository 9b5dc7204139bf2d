"""Say how a workload ended, from counters and events; exit code 137 proves nothing."""

from __future__ import annotations

import errno
import os
import re

from memcap.measure.kernel import killed_at_this_cap
from memcap.model import Ending, RawRun, RunSpec
from memcap.probe.report import Report, ReportError, WorkloadJournal
from memcap.units import format_bytes

SIGBUS = 7
SIGKILL = 9
# The last line of a traceback, or of a tool's own message.
MEMORY_ERROR = re.compile(r"^(numpy\.[\w.]*\._?ArrayMemoryError|MemoryError)\b")
NO_SPACE = re.compile(r"\[Errno 28\]|No space left on device")


def ending_without_report(raw: RawRun, error: ReportError) -> tuple[Ending, str]:
    """Return how a run ended whose supervisor was killed too."""
    if raw.oom_killed_flag or raw.oom_events:
        return Ending.OOM_GROUP_KILLED, "the daemon tells of the kill"
    if raw.exit_code == 128 + SIGKILL:
        return Ending.KILLED_FROM_OUTSIDE, "the container was killed, and no OOM kill is known"
    return Ending.LOST, f"exit code {raw.exit_code}; {error}"


def ending_of(
    report: Report, journal: WorkloadJournal, spec: RunSpec, output: str, *, cpus: int | None
) -> tuple[Ending, str]:
    """Return how the workload ended and what is known beside it; ``output`` is the end of what it printed."""
    kills = report.oom_kills or 0
    if report.exec_errno is not None:
        return Ending.LOAD_FAILED, f"{spec.argv[0]}: {_error_text(report.exec_errno)}"
    if journal.load_error is not None:
        return Ending.LOAD_FAILED, f"{journal.load_error.type}: {journal.load_error.message}"
    if kills and not killed_at_this_cap(report, cpus=cpus):
        return Ending.MACHINE_OOM, f"{_kills(report)}; the peak was {_bytes(report.peak_bytes)}, below the cap"
    if report.watchdog_kill:
        return Ending.CAP_EXCEEDED, f"{_bytes(report.unreclaimable_peak_bytes)} were in use"
    if report.timed_out:
        return (Ending.OOM_HUNG if kills else Ending.TIMED_OUT), f"after {spec.time_limit_seconds:g} s"
    if report.stopped_by_signal is not None:
        return Ending.KILLED_FROM_OUTSIDE, f"the container got signal {report.stopped_by_signal}"
    if report.signal is not None:
        return _ending_by_signal(report, report.signal)
    if report.exit_code:
        return _ending_by_error(report, journal, output)
    return (Ending.OOM_CHILD_SWALLOWED, _kills(report)) if kills else (Ending.COMPLETED, "")


def _ending_by_signal(report: Report, signal: int) -> tuple[Ending, str]:
    if signal == SIGKILL and report.oom_kills:
        return Ending.OOM_KILLED, _kills(report)
    if report.oom_kills:
        return Ending.OOM_CHILD_NOTICED, f"{_kills(report)}; signal {signal}"
    size, used = report.shm_size_bytes, report.shm_used_bytes
    if signal == SIGBUS and size and used == size:
        # Touching a page of a full tmpfs through a mapping is SIGBUS, not an error code.
        return Ending.STORAGE_FULL, f"SIGBUS; /dev/shm is full ({format_bytes(size)})"
    return Ending.CRASHED, f"signal {signal}"


def _ending_by_error(report: Report, journal: WorkloadJournal, output: str) -> tuple[Ending, str]:
    detail = f"exit code {report.exit_code}"
    if journal.raised is not None:
        detail = f"{journal.raised.type}: {journal.raised.message}".removesuffix(": ")
    if report.oom_kills:
        return Ending.OOM_CHILD_NOTICED, f"{_kills(report)}; {detail}"
    # A command has no journal; there the last line of its output tells.
    last = detail if journal.start is not None else output.rstrip().rpartition("\n")[2]
    if MEMORY_ERROR.search(last):
        return Ending.MEMORY_ERROR, detail
    return (Ending.STORAGE_FULL if NO_SPACE.search(last) else Ending.FAILED), detail


def _kills(report: Report) -> str:
    kills = report.oom_kills or 0
    text = "1 process was killed" if kills == 1 else f"{kills} processes were killed"
    shared = report.at_peak.shmem or 0
    if shared > (report.cap_bytes or 0) // 4:
        text += f"; {format_bytes(shared)} were in tmpfs or shared memory"
    return text


def _bytes(value: int | None) -> str:
    return "unknown" if value is None else format_bytes(value)


def _error_text(number: int) -> str:
    """Return Linux's words for an errno; this machine may not know the number."""
    return os.strerror(number) if number in errno.errorcode else f"error {number}"
