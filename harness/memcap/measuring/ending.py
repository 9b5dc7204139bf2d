"""Say how a workload ended, from counters and events; exit code 137 proves nothing."""

from __future__ import annotations

from memcap.measuring.exceeded import broken_by_error, broken_limit
from memcap.measuring.filling import what_filled
from memcap.measuring.kernel import killed_at_this_cap
from memcap.measuring.last_words import LastWords, last_words
from memcap.measuring.refused import why_refused
from memcap.measuring.returned import returned_metrics
from memcap.measuring.wrappers import SIGKILL, killed_program
from memcap.model import (
    ENTRYPOINT_GIVEN,
    ENTRYPOINT_OF_IMAGE,
    PAGE_BYTES,
    SHM,
    STOPPED_BEFORE_ITS_TIME,
    Ending,
    RawRun,
    RunSpec,
)
from memcap.model.remedy import ITS_STOP_SIGNAL
from memcap.probe.report import Report, ReportError, WorkloadJournal
from memcap.strict import MOST_FIGURE
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import LONGEST_LINE, bounded

SIGBUS = 7
CRASHES = frozenset({4, 6, 7, 8, 11})  # SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGSEGV: no answer to a stop signal
UNUSABLE, CANNOT_USE = 71, "supervisor: cannot use "  # what it says of itself in csrc/supervisor.c


def ending_without_report(raw: RawRun, error: ReportError) -> tuple[Ending, str]:
    """Return how a run ended whose supervisor was killed too, or could not begin."""
    if raw.exit_code == UNUSABLE and raw.error_output.startswith(CANNOT_USE):
        return Ending.NOT_STARTED, in_bounds(raw.error_output.removeprefix("supervisor: ").strip())
    if raw.oom_killed_flag or raw.oom_events:
        return Ending.OOM_GROUP_KILLED, "the daemon tells of the kill"
    if raw.exit_code == 128 + SIGKILL:
        return Ending.KILLED_FROM_OUTSIDE, "the container was killed, and no OOM kill is known"
    return Ending.LOST, in_bounds(f"exit code {raw.exit_code}; {error}")


def ending_of(
    report: Report, journal: WorkloadJournal, spec: RunSpec, raw: RawRun, *, cpus: int | None
) -> tuple[Ending, str]:
    """Return how the workload ended and what else is known about that."""
    kills = report.oom_kills or 0
    if report.exec_errno is not None:
        return Ending.LOAD_FAILED, in_bounds(_whose(spec) + why_refused(report, spec.argv[0]))
    if journal.load_error is not None:
        return Ending.LOAD_FAILED, in_bounds(f"{journal.load_error.type}: {journal.load_error.message}")
    if kills and not killed_at_this_cap(report, cpus=cpus):
        return Ending.MACHINE_OOM, f"{_count(report)}; the peak was {_bytes(report.peak_bytes)}, below the cap"
    if report.watchdog_kill:
        return Ending.CAP_EXCEEDED, f"{_bytes(report.unreclaimable_peak_bytes)} were in use"
    is_stopped = bool(kills or report.stopped_by_signal or report.limit_exceeded)
    if spec.metrics is not None and spec.entrypoint and journal.start is None and not is_stopped:
        return Ending.LOAD_FAILED, _wrong_program(report, spec)
    if report.timed_out:
        after = f"after {spec.time_limit_seconds:g} s"
        return (Ending.OOM_HUNG, f"{after}; {_kills(report)}") if kills else (Ending.TIMED_OUT, after)
    if report.stopped_by_signal is not None:
        return Ending.KILLED_FROM_OUTSIDE, f"the container got signal {report.stopped_by_signal}"
    was_killed = report.signal == SIGKILL and _rise(report) > 0
    if report.limit_exceeded is not None and not was_killed:
        limit = broken_limit(report, spec, raw)
        return Ending.LIMIT_EXCEEDED, f"{limit}; {_kills(report)}" if kills else limit
    if spec.serving is None and is_stopped_in_order(report) and not was_killed:
        return _ending_after_stop(report, spec)
    if kills:
        return _ending_after_kills(report, journal)
    if report.signal is None and not report.exit_code:
        owed = _owed(journal, spec)
        return (Ending.INCOMPLETE, owed) if owed else (Ending.COMPLETED, "")
    words = last_words(journal, raw.output, raw.error_output)
    refused = broken_by_error(report, spec, words)
    if refused is not None:
        return Ending.LIMIT_EXCEEDED, refused
    return _ending_by_error(report, journal, words)


def is_stopped_in_order(report: Report) -> bool:
    """Tell whether the workload got its stop signal and did not crash, whatever its exit code is."""
    return report.stopped_at_ns is not None and report.signal not in CRASHES


def after_grace(spec: RunSpec) -> str:
    """Return the detail of a run that was ended as it did not heed its stop signal."""
    return f"it did not end within {format_seconds(spec.grace_seconds)} of {ITS_STOP_SIGNAL}"


def _whose(spec: RunSpec) -> str:
    """Return the words before a detail that say whose the program is; empty for that of the command."""
    if not spec.entrypoint:
        return ""
    return f"{ENTRYPOINT_OF_IMAGE if spec.policy.entrypoint is None else ENTRYPOINT_GIVEN}: "


def _wrong_program(report: Report, spec: RunSpec) -> str:
    """Return that the entrypoint, which should have started the runner, did something else."""
    end = f"it ended with {_status(report)}"
    if report.timed_out:
        end = f"after {spec.time_limit_seconds:g} s it still ran"
    return in_bounds(
        f"the entrypoint {list(spec.entrypoint)} did not start the Python that it was given as arguments; {end}. "
        'Turn it off with --entrypoint "" or `entrypoint = ""`'
    )


def _owed(journal: WorkloadJournal, spec: RunSpec) -> str:
    """Return what a function whose process ended with exit code 0 did not do; empty for one that did all."""
    if spec.metrics is None:
        return ""
    if journal.end is None:
        return "its process ended before the function returned"
    returned = returned_metrics(journal)
    for name in spec.metrics:
        if name not in returned:
            return f"the metric {name!r} was not returned"
        if returned[name] is None:
            return f"the metric {name!r} is not a finite number up to {MOST_FIGURE:g}"
    return ""


def _ending_after_stop(report: Report, spec: RunSpec) -> tuple[Ending, str]:
    """Return the ending of a workload that would not have ended by itself, after its stop signal."""
    kills = _kills(report) if report.oom_kills else ""
    if report.grace_over:
        detail = after_grace(spec)
        return (Ending.OOM_HUNG, f"{detail}; {kills}") if kills else (Ending.TIMED_OUT, detail)
    if kills:
        return Ending.OOM_CHILD_SWALLOWED, kills
    is_early = report.stopped_at_ns is not None and report.stopped_at_ns < spec.stop_after_seconds * 1e9
    return Ending.COMPLETED, STOPPED_BEFORE_ITS_TIME if is_early else ""


def _ending_after_kills(report: Report, journal: WorkloadJournal) -> tuple[Ending, str]:
    """Return the ending of a run in which the kernel killed a process at the cap: the main one, or another."""
    kills = _kills(report)
    if report.signal == SIGKILL and _rise(report) > 0:
        return Ending.OOM_KILLED, "; ".join(filter(None, (kills, _doubt(report))))
    wrapper = killed_program(report)
    if wrapper is not None:
        return Ending.OOM_KILLED, f"the program under `{wrapper}` was killed; {kills}"
    if report.signal == SIGKILL:
        return Ending.OOM_CHILD_NOTICED, f"{kills}; then SIGKILL that was not the kernel's ended the main process"
    if report.signal is not None or report.exit_code:
        return Ending.OOM_CHILD_NOTICED, f"{kills}; {_own_end(report, journal)}"
    return Ending.OOM_CHILD_SWALLOWED, kills


def _ending_by_error(report: Report, journal: WorkloadJournal, words: LastWords) -> tuple[Ending, str]:
    """Return the ending of a run that ended badly without an OOM kill."""
    detail = _own_end(report, journal)
    if words.out_of_memory is not None:
        return Ending.MEMORY_ERROR, _with_line(detail, words.out_of_memory)
    if words.storage_full is not None:
        return Ending.STORAGE_FULL, _with_line(detail, words.storage_full)
    full = _full_shm(report)
    if full and report.signal == SIGBUS:
        # Touching a page of a full tmpfs through a mapping is SIGBUS, not an error code.
        return Ending.STORAGE_FULL, f"SIGBUS; {full}"
    if full and words.bus_error is not None:
        return Ending.STORAGE_FULL, f"{_with_line(detail, words.bus_error)}; {full}"
    if full and report.exit_code == 128 + SIGBUS:
        return Ending.STORAGE_FULL, f"{detail}; {full}"
    ending = Ending.FAILED if report.signal is None else Ending.CRASHED
    return ending, f"{detail}; {full}" if full else detail


def in_bounds(said: str) -> str:
    """Return what a workload or a daemon said, of which a result keeps a line's length."""
    return bounded(said, LONGEST_LINE)


def _own_end(report: Report, journal: WorkloadJournal) -> str:
    """Return the signal, exception or exit code that the main process ended with."""
    if report.signal is None and journal.raised is not None:
        return in_bounds(f"{journal.raised.type}: {journal.raised.message}".removesuffix(": "))
    return _status(report)


def _status(report: Report) -> str:
    """Return the signal or exit code that the main process ended with."""
    return f"exit code {report.exit_code}" if report.signal is None else f"signal {report.signal}"


def _with_line(detail: str, line: str) -> str:
    """Return ``detail`` with the line of the output that names the cause; a line that is both is not repeated."""
    if detail in line:
        return line
    return detail if line in detail else f"{detail}; {line}"


def _doubt(report: Report) -> str:
    """Return why another process may have been the victim than the main one; empty where nothing speaks for that."""
    others = report.killed_others or 0
    if _rise(report) <= others:
        return f"{others + 1} processes ended by SIGKILL, so it may have been another than the main one"
    sizes = {process.peak.pid: process.peak.vm_hwm_bytes for process in report.processes}
    own = sizes.pop(report.main_pid, None) if report.main_pid is not None else None
    if own is not None and _rise(report) == 1 and max(sizes.values(), default=0) > 2 * own:
        return "another process was larger, so it may have been that rather than the main one"
    return ""


def _rise(report: Report) -> int:
    """Return how many processes the kernel killed after the main process was last seen alive."""
    return (report.oom_kills or 0) - (report.kills_while_main_lived or 0)


def _full_shm(report: Report) -> str:
    """Return that /dev/shm was full, if it was; empty otherwise."""
    size, used = report.shm_size_bytes, report.shm_peak_bytes
    page = report.page_size_bytes or PAGE_BYTES
    return f"{SHM} was full ({format_bytes(size)})" if size and used and used > size - page else ""


def _kills(report: Report) -> str:
    filled = what_filled(report)
    return f"{_count(report)}; {filled}" if filled else _count(report)


def _count(report: Report) -> str:
    kills = report.oom_kills or 0
    return f"{counted(kills, 'process')} {'was' if kills == 1 else 'were'} killed"


def _bytes(value: int | None) -> str:
    return "unknown" if value is None else format_bytes(value)
