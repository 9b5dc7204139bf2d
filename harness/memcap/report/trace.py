"""The memory of each run over time as a trace, with phases and kills."""

from __future__ import annotations

from collections.abc import Iterator

from memcap.model import Ending, Measurement, limit_of, running
from memcap.report.server_view import phase_names
from memcap.report.trace_events import Slice, TraceProcess, trace_text
from memcap.report.view import View

_PLACED = "the time of the kill was not recorded; this is the moment with the most memory"


def render_trace(view: View) -> str:
    """Return a trace with a process for each run, which begins at 0; a run without samples has no counters."""
    processes: list[TraceProcess] = []
    for cell in view.cells:
        for number, run in enumerate(cell.runs, start=1):
            name = f"{cell.id} run {number}: {run.ending.value}"
            processes.append(_process(len(processes) + 1, name, run))
    result = view.result
    facts = {"campaign": result.id, "started": result.started, "memcap": result.environment.memcap_version}
    return trace_text(processes, facts)


def _process(number: int, name: str, run: Measurement) -> TraceProcess:
    """Return one run as a process of a trace."""
    process, cap = TraceProcess(number, name), limit_of(run.cap_bytes)
    for moment in run.series:
        at = moment.seconds
        process.counter("memory", at, anon=moment.anon, shmem=moment.shmem, kernel=moment.kernel, file=moment.file)
        process.counter("usage", at, bytes=moment.usage)
        process.counter("unreclaimable", at, most=moment.unreclaimable, least=moment.low)
    for moment in (*run.series[:1], *run.series[1:][-1:]):  # it does not change
        process.counter("cap", moment.seconds, bytes=cap)
    if run.server is not None:
        for each in run.server.process_series:
            process.counter(f"RSS of {each.name} ({each.pid})", each.seconds, bytes=each.rss_bytes)
    end = _end(run)
    facts = {"ending": run.ending.value, "detail": run.detail, "exit code": run.exit_code, "peak": run.peak_bytes}
    process.row("workload", [Slice(name="workload", start=0, end=end, facts=facts)])
    process.row("phases", (*_phases(run), *_cycles(run, end)))
    mark_kills(process, run, end)
    return process


def _end(run: Measurement) -> float:
    """Return when the workload ended, as far as that is known."""
    if run.wall_seconds is not None:
        return run.wall_seconds
    return run.series[-1].seconds if run.series else 0.0


def mark_kills(process: TraceProcess, run: Measurement, end: float) -> None:
    """Mark the kernel's kills at the cap: at the end where the main process was killed, else where memory was highest.

    Only the number of kills is stored, not when they were.
    """
    if not run.oom.kills:
        return
    if run.ending in (Ending.OOM_KILLED, Ending.OOM_GROUP_KILLED):
        process.mark("OOM kill", end, {"processes killed": run.oom.kills, "who": "the main process"})
    elif moments := running(run.series) or run.series:
        highest = max(moments, key=lambda moment: moment.usage)
        process.mark("OOM kill", highest.seconds, {"processes killed": run.oom.kills, "when": _PLACED})


def _phases(run: Measurement) -> Iterator[Slice]:
    """Yield the phases of a server."""
    phases = run.server.phases if run.server else ()
    for name, phase in zip(phase_names(phases), phases, strict=True):
        facts = {
            "unreclaimable peak": phase.unreclaimable_peak_bytes,
            "peak": phase.peak_bytes,
            "requests": phase.requests,
            "connections": phase.connections,
        }
        yield Slice(name=name, start=phase.start_seconds, end=phase.end_seconds, facts=facts)


def _cycles(run: Measurement, end: float) -> Iterator[Slice]:
    """Yield the first cycle of a generator, each tenth of the others, and its clean-up."""
    if not run.cycle_tenths:
        return
    first, *others = run.cycle_tenths
    yield Slice(name="start and first cycle", start=0, end=first, facts={})
    before = first
    for tenth, after in enumerate(others, start=1):
        yield Slice(name=f"cycles, tenth {tenth} of {len(others)}", start=before, end=after, facts={})
        before = after
    if end > before:
        yield Slice(name="clean-up", start=before, end=end, facts={})
