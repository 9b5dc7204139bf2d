"""Turn what an engine brought back from one run into a measurement with its caveats. Pure: no I/O, no clock."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator

from memcap.model import (
    Caveat,
    CaveatKind,
    Ending,
    GcFacts,
    Measurement,
    MemorySplit,
    OomFacts,
    ProcessPeak,
    PythonRun,
    RawRun,
    RunSpec,
)
from memcap.probe.report import Report, ReportError, Split, WorkloadJournal, parse_journal, parse_report
from memcap.units import format_bytes

# The kernel charges a cgroup 64 pages a CPU ahead (MEMCG_CHARGE_BATCH in mm/memcontrol.c), so its high-water mark may
# read that much above what was in use.
CHARGE_BATCH_BYTES = 64 * 4096
COLD_FILE_BYTES = 1024 * 1024  # less page cache than this moves no figure that anyone judges
PAGE_BYTES = 4096
SUPERVISOR_JITTER_BYTES = 4 * PAGE_BYTES  # its stack begins at a random address, so it touches a page more or less
OUTPUT_TAIL_CHARACTERS = 4000
SIGKILL = 9


def measure(raw: RawRun, spec: RunSpec, *, cpus: int | None, standing: tuple[Caveat, ...] = ()) -> Measurement:
    """Return what one run yielded.

    ``cpus`` is the number of CPUs of the daemon's machine; ``standing`` are caveats known before the run, of its image
    or environment.
    """
    oom = OomFacts(docker_flag=raw.oom_killed_flag, docker_events=raw.oom_events)
    journal = parse_journal(raw.workload_journal)
    tail = output_tail(raw)
    if raw.daemon_error is not None:
        return Measurement(ending=Ending.NOT_STARTED, detail=raw.daemon_error, oom=oom, caveats=standing)
    try:
        report = parse_report(raw.report or "")
    except ReportError as error:
        ending, detail = _ending_without_report(raw, error)
        return Measurement(
            ending=ending, detail=detail, exit_code=raw.exit_code, oom=oom, output_tail=tail, caveats=standing
        )
    ending, detail = _ending(report, journal, spec, tail)
    return Measurement(
        ending=ending,
        detail=detail,
        exit_code=report.exit_code,
        signal=report.signal,
        oom=OomFacts(kills=report.oom_kills, docker_flag=raw.oom_killed_flag, docker_events=raw.oom_events),
        cgroup_version=report.cgroup_version,
        cap_bytes=report.cap_bytes,
        peak_bytes=report.peak_bytes,
        unreclaimable_peak_bytes=unreclaimable_peak(report, cpus=cpus),
        rss_peak_bytes=_rss_peak(report),
        floor_bytes=_split(report.at_start).unreclaimable,
        supervisor_bytes=report.supervisor_bytes,
        wall_seconds=None if report.wall_ns is None else report.wall_ns / 1e9,
        cpu_seconds=(report.user_us + report.system_us) / 1e6,
        minor_faults=report.minor_faults,
        major_faults=report.major_faults,
        samples=report.samples,
        at_start=_split(report.at_start),
        at_peak=_split(report.at_peak),
        at_end=_split(report.at_end),
        processes=tuple(
            ProcessPeak(pid=process.pid, name=process.name, vm_hwm_bytes=process.vm_hwm_bytes)
            for process in report.processes
        ),
        process_count=report.process_count,
        python=_python(journal),
        extra=_extra(journal),
        output_tail="" if ending is Ending.COMPLETED else tail,
        caveats=(*standing, *_caveats(report, raw, spec)),
    )


def unreclaimable_peak(report: Report, *, cpus: int | None) -> int | None:
    """Return the peak of anon + shmem + kernel in bytes: the largest sample, or what the kernel's peak proves.

    At the kernel's high-water mark everything that was not page cache was unreclaimable, so `peak - largest page cache
    - charge batches` is a lower bound that a spike between two samples cannot escape. It counts only where the peak
    was reached after the workload's start. None where the kernel offers neither.
    """
    sampled, peak, at_start, file = (
        report.unreclaimable_peak_bytes,
        report.peak_bytes,
        report.peak_at_start_bytes,
        report.max_file_bytes,
    )
    if sampled is None or peak is None or at_start is None or file is None or peak <= at_start:
        return sampled
    return max(sampled, peak - file - CHARGE_BATCH_BYTES * (cpus or 1))


def output_tail(raw: RawRun) -> str:
    """Return the last words of the workload: the ends of its standard output and of its standard error."""
    ends = (raw.output[-OUTPUT_TAIL_CHARACTERS // 2 :], raw.error_output[-OUTPUT_TAIL_CHARACTERS // 2 :])
    return "\n".join(end.rstrip("\n") for end in ends if end)


def _ending_without_report(raw: RawRun, error: ReportError) -> tuple[Ending, str]:
    if raw.oom_killed_flag or raw.oom_events:
        return Ending.OOM_KILLED, "the supervisor was killed too, so there is no report; the daemon tells of the kill"
    if raw.exit_code == 128 + SIGKILL:
        return Ending.KILLED_FROM_OUTSIDE, "the container was killed, and no OOM kill is known"
    return Ending.LOST, f"exit code {raw.exit_code}; {error}"


def _ending(report: Report, journal: WorkloadJournal, spec: RunSpec, output: str) -> tuple[Ending, str]:
    kills = report.oom_kills or 0
    if report.exec_errno is not None:
        return Ending.LOAD_FAILED, f"{spec.argv[0]}: {_error_text(report.exec_errno)}"
    if journal.load_error is not None:
        return Ending.LOAD_FAILED, f"{journal.load_error.type}: {journal.load_error.message}"
    if report.timed_out:
        return (Ending.OOM_HUNG if kills else Ending.TIMED_OUT), f"after {spec.time_limit_seconds:g} s"
    if report.stopped_by_signal is not None:
        return Ending.KILLED_FROM_OUTSIDE, f"the container got signal {report.stopped_by_signal}"
    if report.signal == SIGKILL and kills:
        return Ending.OOM_KILLED, _kills(kills)
    if report.signal is not None:
        return (Ending.OOM_CHILD_NOTICED if kills else Ending.CRASHED), f"signal {report.signal}"
    if report.exit_code:
        detail = f"exit code {report.exit_code}"
        if journal.raised is not None:
            detail = f"{journal.raised.type}: {journal.raised.message}".removesuffix(": ")
        if kills:
            return Ending.OOM_CHILD_NOTICED, f"{_kills(kills)}; {detail}"
        return (Ending.MEMORY_ERROR if _is_memory_error(journal, output) else Ending.FAILED), detail
    return (Ending.OOM_CHILD_SWALLOWED, _kills(kills)) if kills else (Ending.COMPLETED, "")


def _error_text(number: int) -> str:
    """Return Linux's words for an errno; this machine may not know the number."""
    return os.strerror(number) if number in errno.errorcode else f"error {number}"


def _kills(count: int) -> str:
    return "1 process was killed" if count == 1 else f"{count} processes were killed"


def _is_memory_error(journal: WorkloadJournal, output: str) -> bool:
    """A Python command has no journal; there the last line of its traceback tells."""
    if journal.start is not None:
        return journal.raised is not None and journal.raised.type == "MemoryError"
    lines = output.rstrip().splitlines()
    return bool(lines) and lines[-1].split(":")[0] in ("MemoryError", "numpy._core._exceptions._ArrayMemoryError")


def _rss_peak(report: Report) -> int | None:
    """Return the largest VmHWM of one process: sampled, or as wait4 gives it for processes the supervisor reaped.

    A child's ru_maxrss inherits the high water of the process that forked it. Here that is the supervisor, far smaller
    than any workload, and below it an ancestor that is in the maximum anyway.
    """
    known = [process.vm_hwm_bytes for process in report.processes]
    if report.rss_peak_bytes is not None and report.exec_errno is None:
        known.append(report.rss_peak_bytes)
    return max(known, default=None)


def _split(split: Split) -> MemorySplit:
    return MemorySplit(
        usage=split.usage,
        anon=split.anon,
        file=split.file,
        shmem=split.shmem,
        kernel=split.kernel,
        slab=split.slab,
        page_tables=split.page_tables,
        swap=split.swap,
    )


def _python(journal: WorkloadJournal) -> PythonRun | None:
    if journal.start is None:
        return None
    collector = journal.end.gc if journal.end else None
    error = journal.load_error or journal.raised
    return PythonRun(
        implementation=journal.start.implementation,
        version=journal.start.version,
        flags=journal.start.flags,
        gc=None
        if collector is None
        else GcFacts(
            collections=collector.collections,
            collected=collector.collected,
            uncollectable=collector.uncollectable,
            seconds=collector.seconds,
        ),
        error=None if error is None else error.type,
    )


def _extra(journal: WorkloadJournal) -> dict[str, float]:
    last = journal.end or (journal.cycles[-1] if journal.cycles else None)
    extra = dict(last.metrics) if last else {}
    if journal.end and journal.end.cycles is not None:
        extra["cycles"] = journal.end.cycles
    return extra


def _caveats(report: Report, raw: RawRun, spec: RunSpec) -> Iterator[Caveat]:
    asked = spec.cap_bytes + spec.supervisor_bytes
    applied = report.cap_bytes
    if applied is None or applied // PAGE_BYTES != asked // PAGE_BYTES:
        got = "none" if applied is None else format_bytes(applied)
        yield Caveat(kind=CaveatKind.CAP_NOT_AS_ASKED, detail=f"asked for {format_bytes(asked)}, the kernel has {got}")
    if report.at_peak.swap or report.at_end.swap:
        swapped = max(report.at_peak.swap or 0, report.at_end.swap or 0)
        yield Caveat(kind=CaveatKind.SWAP_USED, detail=f"{format_bytes(swapped)} were in swap")
    elif report.swap_cap_bytes:
        yield Caveat(kind=CaveatKind.SWAP_USED, detail="the container may swap; the daemon did not turn it off")
    yield from _peak_caveats(report)
    own = report.supervisor_bytes
    if own is not None and abs(own - spec.supervisor_bytes) > SUPERVISOR_JITTER_BYTES:
        raised = (
            f"the cap was raised by {format_bytes(spec.supervisor_bytes)}, the supervisor needed {format_bytes(own)}"
        )
        yield Caveat(kind=CaveatKind.SUPERVISOR_BYTES_DIFFER, detail=raised)
    if raw.output_truncated:
        yield Caveat(
            kind=CaveatKind.OUTPUT_TRUNCATED,
            detail=f"only the last {format_bytes(len(raw.output))} of the workload's standard output were kept",
        )
    flag, kills = raw.oom_killed_flag, report.oom_kills
    if flag is not None and kills is not None and flag != (kills > 0):
        yield Caveat(
            kind=CaveatKind.DOCKER_DISAGREES,
            detail=f"the kernel counted {kills} OOM kills, the daemon says OOMKilled={str(flag).lower()}",
        )


def _peak_caveats(report: Report) -> Iterator[Caveat]:
    peak, cap = report.peak_bytes, report.cap_bytes
    if peak is None:
        yield Caveat(kind=CaveatKind.PEAK_MISSING, detail="the kernel keeps no high-water mark for this cgroup")
        return
    if report.peak_at_start_bytes is not None and peak <= report.peak_at_start_bytes:
        yield Caveat(
            kind=CaveatKind.PEAK_NEAR_FLOOR,
            detail=f"the peak of {format_bytes(peak)} was the container runtime's own start, before the workload's",
        )
    # At the cap the kernel drops and reads back pages: major faults then tell of the cap, not of a cold start.
    at_cap = cap is not None and peak >= cap - CHARGE_BATCH_BYTES
    if report.major_faults and (report.max_file_bytes or 0) > COLD_FILE_BYTES and not at_cap:
        yield Caveat(
            kind=CaveatKind.COLD_PAGE_CACHE,
            detail=f"{report.major_faults} major faults, up to {format_bytes(report.max_file_bytes or 0)} of page "
            "cache in the peak",
        )
