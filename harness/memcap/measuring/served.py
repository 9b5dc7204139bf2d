"""What an engine brought back of a server's run: its phases and loads, its services, and how it ended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from memcap.errors import FileFormatError
from memcap.load import PodEvent, parse_events, parse_tool_output
from memcap.measuring.ending import after_grace, in_bounds, is_stopped_in_order
from memcap.measuring.interval import unreclaimable_interval
from memcap.measuring.output_tail import output_tail
from memcap.measuring.refused import why_refused
from memcap.measuring.server_run import load_caveats, server_run
from memcap.model import (
    BY_ITSELF,
    NO_ANSWER,
    STOPPED_BEFORE_ITS_TIME,
    Caveat,
    CaveatKind,
    ClientCommand,
    Ending,
    LoadOutcome,
    Measurement,
    PhaseMark,
    PhaseName,
    Processors,
    RawRun,
    RawServing,
    RunSpec,
    ServerRecord,
    ServerRun,
    ServiceFigures,
    ServiceSpec,
    Serving,
)
from memcap.probe.process_journal import parse_processes
from memcap.probe.report import Report, ReportError, parse_report
from memcap.units import counted, format_bytes, format_seconds

FULL_DISK = "No space left on device"
_OF_ITS_OWN = frozenset(
    {Ending.COMPLETED, Ending.FAILED, Ending.CRASHED, Ending.MEMORY_ERROR, Ending.STORAGE_FULL}  # the last two by words
)


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the load client told: its events, and of each load how it went, if that is known."""

    events: tuple[PodEvent, ...]
    loads: tuple[LoadOutcome, ...]

    def first(self, event: str, name: str = "") -> PodEvent | None:
        """Return the first ``event`` of a service, or of the server."""
        return next((each for each in self.events if each.event == event and each.name == name), None)


def with_server(found: Measurement, report: Report | None, raw: RawRun, spec: RunSpec, cpus: Processors) -> Measurement:
    """Return ``found`` with what is of servers only, and how a server ends; that of anything else as it is."""
    if spec.serving is None or raw.serving is None:
        return found
    try:
        told = told_by_client(raw.serving)
    except FileFormatError as error:
        words = " ".join(error.message.split())
        return replace(found, ending=Ending.LOST, detail=in_bounds(f"the load client: {words}"))
    problem = service_problem(raw.serving, told, spec.serving)
    if problem and not found.ending.is_oom:
        found = replace(found, ending=Ending.SERVICE_FAILED, detail=in_bounds(problem))
    elif report is None and told.first("services_ready") is None:
        found = replace(found, ending=Ending.LOST, detail=in_bounds(client_end(raw.serving)))
    if report is not None and found.ending in _OF_ITS_OWN:
        ending, detail = _ending_of(found, told, report, raw.serving, spec)
        found = replace(found, ending=ending, detail=in_bounds(detail))
    services = service_figures(raw.serving, told, spec.serving, cpus)
    if found.ending is Ending.COMPLETED:
        services = tuple(replace(each, log_tail="") for each in services)
    if report is None:
        return replace(found, server=ServerRun(services=services))
    record = server_record(told, raw, report, spec.serving, services)
    is_over = told.first("done") is not None
    return replace(
        found,
        server=server_run(record, report.series, oom_kills=report.oom_kills),
        caveats=(*found.caveats, *(load_caveats(told.loads) if is_over else ()), *_error_caveats(told)),
    )


def told_by_client(raw: RawServing) -> Told:
    """Return what the client told. Raises FileFormatError for lines that are not its own."""
    events = parse_events(raw.events.splitlines())
    ended = [each for each in events if each.phase is PhaseName.LOAD]
    own = map(_counts, raw.tools)
    found = (each.report or next(own, None) for each in ended)
    return Told(events=events, loads=tuple(each for each in found if each is not None))


def _counts(tool: RawRun) -> LoadOutcome | None:
    return parse_tool_output(f"{tool.output}\n{tool.error_output}")


def server_record(
    told: Told, raw: RawRun, report: Report, serving: Serving, services: tuple[ServiceFigures, ...]
) -> ServerRecord:
    """Return the record of a run whose supervisor left ``report``."""
    return ServerRecord(
        clock_seconds=(report.started_ns or 0) / 1e9,
        marks=tuple(_marks(told, report, serving)),
        loads=told.loads,
        services=services,
        processes=parse_processes(raw.supervisor_journal),
    )


def _marks(told: Told, report: Report, serving: Serving) -> Iterator[PhaseMark]:
    """Yield the phases up to that in which the server ended, each beginning with the end of the one before."""
    clock = (report.started_ns or 0) / 1e9
    wall = (report.wall_ns or 0) / 1e9
    stopped = None if report.stopped_at_ns is None else report.stopped_at_ns / 1e9
    last = wall if stopped is None else min(stopped, wall)
    ready = told.first("ready")
    ends = [] if ready is None else [ready.at, *(each.at for each in told.events if each.phase is not None)]
    ended = [at for at in ends if at - clock <= last]  # the client goes on until it is known that the server has ended
    reached = list(_planned(serving))[: len(ended) + 1]
    start = 0.0
    for (name, level), at in zip(reached[:-1], ended, strict=False):
        end = min(max(at - clock, start), last)
        yield PhaseMark(name=name, start_seconds=start, end_seconds=end, level=level)
        start = end
    name, level = reached[-1]
    yield PhaseMark(name=name, start_seconds=start, end_seconds=last, level=level)
    if stopped is not None:
        yield PhaseMark(name=PhaseName.STOP, start_seconds=last, end_seconds=wall)


def _planned(serving: Serving) -> Iterator[tuple[PhaseName, float | None]]:
    """Yield the phases before the stop, with the levels of the loads."""
    yield PhaseName.START, None
    yield PhaseName.WARM_UP, None
    for level in serving.workload.levels:
        yield PhaseName.LOAD, level
        yield PhaseName.IDLE, None
    if serving.workload.collect is not None:
        yield PhaseName.COLLECT, None


def service_figures(raw: RawServing, told: Told, serving: Serving, cpus: Processors) -> tuple[ServiceFigures, ...]:
    """Return what each service needed, with the end of its log."""
    return tuple(_figures(left, spec, told, cpus) for left, spec in zip(raw.services, serving.services, strict=False))


def _figures(left: RawRun | None, spec: ServiceSpec, told: Told, cpus: Processors) -> ServiceFigures:
    if left is None:  # it outlives the run
        return ServiceFigures(name=spec.service.name, image=spec.image, cap_bytes=spec.run.cap_bytes)
    report, name = _report_of(left), spec.service.name
    if report is None:
        return ServiceFigures(
            name=name,
            image=spec.image,
            cap_bytes=spec.run.cap_bytes,
            exit_code=left.exit_code,
            log_tail=left.daemon_error or left.failure or output_tail(left),
        )
    ready, need = told.first("ready", name), unreclaimable_interval(report, cpus)
    return ServiceFigures(
        name=name,
        image=spec.image,
        ready_seconds=None if ready is None else max(ready.at - (report.started_ns or 0) / 1e9, 0.0),
        cap_bytes=spec.run.cap_bytes,
        peak_bytes=report.peak_bytes,
        unreclaimable_peak_bytes=None if need is None else need.estimate,
        oom_kills=report.oom_kills,
        exit_code=report.exit_code if report.signal is None else 128 + report.signal,
        log_tail=output_tail(left),
    )


def service_problem(raw: RawServing, told: Told, serving: Serving) -> str:
    """Return which service failed, and how; empty if none did."""
    for left, spec in zip(raw.services, serving.services, strict=False):
        problem = _problem(left, spec, told)
        if problem:
            return f"{spec.service.name}: {problem}"
    return ""


def _problem(left: RawRun | None, spec: ServiceSpec, told: Told) -> str:
    not_ready = told.first("not_ready", spec.service.name)
    if left is None:
        return _late(spec, not_ready)
    report = _report_of(left)
    if report is None or report.exec_errno is not None:
        return _not_run(left, report, spec.run.argv[0])
    if report.oom_kills:
        killed = counted(report.oom_kills, "process")
        return f"the kernel killed {killed} of it at its cap of {format_bytes(spec.run.cap_bytes)}"
    full = next((line for line in reversed(output_tail(left).splitlines()) if FULL_DISK in line), None)
    if full is not None:
        return full.strip()
    if report.stopped_at_ns is None:
        is_ready = told.first("ready", spec.service.name) is not None or spec.service.ready is None
        return _end(report) + ("" if is_ready else " before it was ready")
    return _late(spec, not_ready)


def _late(spec: ServiceSpec, not_ready: PodEvent | None) -> str:
    if not_ready is None:
        return ""
    limit = spec.service.ready.time_limit_seconds if spec.service.ready is not None else 0
    return f"it was not ready within {format_seconds(limit)}: {not_ready.why}"


def _not_run(left: RawRun, report: Report | None, program: str) -> str:
    """Return why a program next to the server was not started, or left no report."""
    if report is not None:
        return why_refused(report, program)
    return left.daemon_error or left.failure or f"it was killed (exit code {left.exit_code})"


def _end(report: Report) -> str:
    return f"it ended with signal {report.signal}" if report.signal else f"it ended with exit code {report.exit_code}"


def tool_problem(raw: RawServing, serving: Serving) -> str:
    """Return how a load generator of the user's own failed of which no counts are known; empty if none did."""
    load = serving.workload.load
    if not isinstance(load, ClientCommand):
        return ""
    for tool in raw.tools:
        report = _report_of(tool)
        if _counts(tool) is not None or (report is not None and report.exit_code == 0):
            continue
        if report is None or report.exec_errno is not None:
            return f"the load generator: {_not_run(tool, report, load.argv[0])}"
        words = output_tail(tool).splitlines()
        return "; ".join([f"the load generator: {_end(report)}", *words[-1:]])
    return ""


def _ending_of(found: Measurement, told: Told, report: Report, raw: RawServing, spec: RunSpec) -> tuple[Ending, str]:
    """Return how a server ended; ``found`` is how the same program would have ended that is no server."""
    assert spec.serving is not None
    not_ready = told.first("not_ready")
    if not_ready is not None:
        limit = spec.serving.workload.ready.time_limit_seconds
        return Ending.NOT_READY, f"not within {format_seconds(limit)}: {not_ready.why}"
    if report.grace_over:
        return Ending.TIMED_OUT, after_grace(spec)
    if not is_stopped_in_order(report):
        phase = list(_marks(told, report, spec.serving))[-1].name.value.replace("_", " ")
        early = f"{BY_ITSELF} in its phase {phase!r}" if report.stopped_at_ns is None else ""
        ending = Ending.INCOMPLETE if found.ending is Ending.COMPLETED else found.ending
        return ending, "; ".join(filter(None, (found.detail, early)))
    if told.first("done") is None and raw.client_ran:
        return Ending.COMPLETED, STOPPED_BEFORE_ITS_TIME
    if told.first("done") is None:
        return Ending.LOST, client_end(raw)
    failed = tool_problem(raw, spec.serving) or _no_answer(told.loads)
    return (Ending.INCOMPLETE, failed) if failed else (Ending.COMPLETED, "")


def client_end(raw: RawServing) -> str:
    """Return that the load client ended too early, and its last words."""
    words = raw.client_errors.strip().splitlines()
    return f"the load client ended: {words[-1] if words else 'it said nothing'}"


def _no_answer(loads: Sequence[LoadOutcome]) -> str:
    """Return why the load says nothing, as every request failed; empty if one did not, or it is not known."""
    failed = [error.example or kind for load in loads for kind, error in load.errors.items()]
    if not failed or any(load.completed for load in loads):
        return ""
    return f"{NO_ANSWER}: {failed[0]}"


def _error_caveats(told: Told) -> Iterator[Caveat]:
    """Yield that requests failed, if some of the load but not all did, and that the collection did."""
    failed, total = sum(load.failed for load in told.loads), sum(load.requests for load in told.loads)
    if failed and any(load.completed for load in told.loads):
        detail = f"{failed} of {total} requests failed ({_kinds(told.loads)})"
        yield Caveat(kind=CaveatKind.LOAD_ERRORS, detail=in_bounds(detail))
    collected = told.first("collected")
    if collected is not None and collected.report is not None and collected.report.failed:
        detail = f"the request to collect failed ({_kinds([collected.report])})"
        yield Caveat(kind=CaveatKind.LOAD_ERRORS, detail=in_bounds(detail))


def _kinds(loads: Sequence[LoadOutcome]) -> str:
    """Return the kinds of errors, each with an example if there is one."""
    errors = {kind: error for load in loads for kind, error in load.errors.items()}
    return "; ".join(f"{kind}: {error.example}" if error.example else kind for kind, error in errors.items())


def _report_of(left: RawRun) -> Report | None:
    try:
        return parse_report(left.report or "")
    except ReportError:
        return None
