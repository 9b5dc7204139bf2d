"""Turn what an engine brought back from one run into a measurement with its caveats. Pure: no I/O, no clock."""

from __future__ import annotations

from dataclasses import fields, replace

from memcap.measuring.caveats import caveats_of
from memcap.measuring.cycles import cycle_tenths
from memcap.measuring.ending import ending_of, ending_without_report, in_bounds
from memcap.measuring.interval import unreclaimable_interval
from memcap.measuring.kernel import supervisor_bytes
from memcap.measuring.output_tail import output_tail
from memcap.measuring.returned import extra_metrics
from memcap.measuring.served import with_server
from memcap.model import (
    Caveat,
    CaveatKind,
    Ending,
    Measurement,
    OomFacts,
    Phases,
    Pressure,
    Processors,
    PythonRun,
    RawRun,
    RunSpec,
)
from memcap.probe.report import (
    Failure,
    Report,
    ReportError,
    WorkloadJournal,
    parse_journal,
    parse_last_sample,
    parse_report,
)
from memcap.redaction import Redaction
from memcap.strict import MOST_WHOLE


def measure(raw: RawRun, spec: RunSpec, *, cpus: int | None, standing: tuple[Caveat, ...] = ()) -> Measurement:
    """Return what one run yielded.

    ``cpus`` is the number of CPUs of the daemon's machine; ``standing`` are caveats known before the run, of its image
    or environment.
    """
    cpuset = spec.cpuset if raw.cpuset is None else raw.cpuset
    processors = Processors.of(cpuset, machine=cpus)
    oom = OomFacts(docker_flag=raw.oom_killed_flag, docker_events=raw.oom_events)
    hidden = Redaction(spec.secrets)
    raw = without_secrets(raw, spec)
    journal = _without_secrets(parse_journal(raw.workload_journal), hidden)
    tail = output_tail(raw)
    if raw.daemon_error is not None:
        lost = Measurement(ending=Ending.NOT_STARTED, detail=in_bounds(raw.daemon_error), oom=oom, caveats=standing)
        return hidden.tree(with_server(lost, None, raw, spec, processors))
    if raw.failure is not None:
        ending = Ending.KILLED_FROM_OUTSIDE if raw.removed else Ending.LOST
        lost = Measurement(ending=ending, detail=in_bounds(raw.failure), oom=oom, caveats=standing)
        return hidden.tree(with_server(lost, None, raw, spec, processors))
    try:
        report = parse_report(raw.report or "")
        found = _of_report(report, journal, raw, spec, processors)
        found = hidden.tree(with_server(found, report, raw, spec, processors))
        _refuse_impossible(found)
    except ReportError as error:
        ending, detail = ending_without_report(raw, error)
        lost = Measurement(
            ending=ending, detail=detail, exit_code=raw.exit_code, oom=oom, output_tail=tail, caveats=standing
        )
        return hidden.tree(with_server(_with_journal(lost, raw.supervisor_journal), None, raw, spec, processors))
    return replace(
        found,
        cpuset=cpuset,
        output_tail="" if found.ending is Ending.COMPLETED else tail,
        caveats=(*standing, *found.caveats),
    )


def _of_report(
    report: Report, journal: WorkloadJournal, raw: RawRun, spec: RunSpec, processors: Processors
) -> Measurement:
    """Return what a report and a journal tell."""
    ending, detail = ending_of(report, journal, spec, raw, cpus=processors.run)
    need = unreclaimable_interval(report, processors)
    return Measurement(
        ending=ending,
        detail=detail,
        exit_code=report.exit_code,
        signal=report.signal,
        oom=OomFacts(
            kills=report.oom_kills,
            at_cap=report.oom_events,
            group_kills=report.oom_group_kills,
            cap_hits=report.cap_hits,
            docker_flag=raw.oom_killed_flag,
            docker_events=raw.oom_events,
        ),
        cgroup_version=report.cgroup_version,
        cap_bytes=report.cap_bytes,
        peak_bytes=report.peak_bytes,
        unreclaimable_peak_bytes=need.estimate if need else None,
        unreclaimable_peak_low_bytes=need.low if need else None,
        unreclaimable_peak_high_bytes=need.high if need else None,
        unreclaimable_from_peak=need is not None and need.from_peak,
        rss_peak_bytes=_rss_peak(report),
        floor_bytes=report.at_start.unreclaimable,
        supervisor_bytes=supervisor_bytes(report, spec),
        wall_seconds=None if report.wall_ns is None else report.wall_ns / 1e9,
        cpu_seconds=(report.user_us + report.system_us if report.cpu_us is None else report.cpu_us) / 1e6,
        minor_faults=report.minor_faults,
        major_faults=report.major_faults,
        samples=report.samples,
        at_start=report.at_start,
        at_peak=report.at_peak,
        at_end=report.at_end,
        at_kill=report.at_kill,
        processes=tuple(process.peak for process in report.processes),
        process_count=report.process_count,
        python=_python(journal),
        phases=_phases(journal),
        extra=extra_metrics(journal, spec),
        pressure=_pressure(report),
        series=report.series,
        cycle_tenths=cycle_tenths(journal),
        page_size_bytes=report.page_size_bytes,
        caveats=tuple(caveats_of(report, raw, spec, need, processors)),
    )


def _refuse_impossible(found: Measurement) -> None:
    """Raise ReportError for a figure that cannot be stored: those of a report may contradict each other."""
    for each in fields(found):
        value = getattr(found, each.name)
        if isinstance(value, int) and not 0 <= value <= MOST_WHOLE:
            raise ReportError(f"the supervisor's report contradicts itself: {each.name} would be {value}")


def without_secrets(raw: RawRun, spec: RunSpec) -> RawRun:
    """Return ``raw`` without the secrets of ``spec`` in what was printed; the beginning of that may be cut off."""
    hidden, serving = Redaction(spec.secrets), raw.serving
    if serving is not None:
        services = tuple(each and without_secrets(each, spec) for each in serving.services)
        tools = tuple(without_secrets(each, spec) for each in serving.tools)
        serving = replace(serving, services=services, tools=tools)
    return replace(
        raw,
        serving=serving,
        output=hidden.text(raw.output, cut_before=raw.output_truncated),
        error_output=hidden.text(raw.error_output, cut_before=True),
        daemon_error=None if raw.daemon_error is None else hidden.text(raw.daemon_error),
        failure=None if raw.failure is None else hidden.text(raw.failure),
    )


def _without_secrets(journal: WorkloadJournal, hidden: Redaction) -> WorkloadJournal:
    """Return ``journal`` without secrets in the words of exceptions, of which the runner may have cut off the end."""

    def of(failure: Failure | None) -> Failure | None:
        return failure and replace(failure, message=hidden.text(failure.message, cut_after=True))

    return replace(journal, load_error=of(journal.load_error), raised=of(journal.raised))


def _with_journal(lost: Measurement, journal: str) -> Measurement:
    """Return the measurement with the last figures that a supervisor noted before it was killed with the workload."""
    sample = parse_last_sample(journal)
    if sample is None:
        return lost
    seconds = sample.elapsed_ns / 1e9
    told = f"the figures are those of {seconds:.1f} s after the start; what came later is not known"
    return replace(
        lost,
        peak_bytes=sample.peak_bytes,
        unreclaimable_peak_bytes=sample.unreclaimable_peak_bytes,
        unreclaimable_peak_low_bytes=sample.unreclaimable_peak_bytes,
        caveats=(*lost.caveats, Caveat(kind=CaveatKind.SAMPLED_ONLY, detail=told)),
    )


def _pressure(report: Report) -> Pressure:
    return Pressure(
        stall_some_seconds=None if report.stall_some_us is None else report.stall_some_us / 1e6,
        stall_full_seconds=None if report.stall_full_us is None else report.stall_full_us / 1e6,
        refaults=report.refaults,
        throttled_periods=report.throttled_periods,
        swap_peak_bytes=report.swap_peak_bytes,
    )


def _rss_peak(report: Report) -> int | None:
    """Return the largest VmHWM of one process: sampled, or as wait4 gives it for processes the supervisor reaped.

    A child's ru_maxrss inherits the high water of the process that forked it. Here that is the supervisor, far smaller
    than any workload, and below it an ancestor that is in the maximum anyway.
    """
    known = [process.peak.vm_hwm_bytes for process in report.processes]
    if report.rss_peak_bytes is not None and report.exec_errno is None:
        known.append(report.rss_peak_bytes)
    return max(known, default=None)


def _python(journal: WorkloadJournal) -> PythonRun | None:
    if journal.start is None:
        return None
    error = journal.load_error or journal.raised
    return replace(
        journal.start,
        gc=journal.end.gc if journal.end else None,
        error=None if error is None else error.type,
    )


def _phases(journal: WorkloadJournal) -> Phases | None:
    """Return what the runner read of its own memory; None for a command, or where the kernel does not tell."""
    told = journal.phases
    if told.get("interpreter") is None:
        return None
    return Phases(
        interpreter_bytes=told.get("interpreter"),
        imported_bytes=told.get("imported"),
        returned_bytes=told.get("returned"),
        left_bytes=told.get("left"),
    )
