"""Turn what an engine brought back from a run of a server into its figures and caveats. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from memcap.measuring.phases import phase_figures
from memcap.measuring.workers import worker_figures
from memcap.model import (
    Caveat,
    CaveatKind,
    LoadFigures,
    LoadOutcome,
    Moment,
    PhaseMark,
    PhaseName,
    ServerRecord,
    ServerRun,
)


def server_run(record: ServerRecord, series: Sequence[Moment], *, oom_kills: int | None) -> ServerRun:
    """Return the figures of a run of a server; ``series`` and ``oom_kills`` are of the cgroup of its container."""
    marks = exact_marks(record)
    levels = [mark.level for mark in marks if mark.name is PhaseName.LOAD]
    return ServerRun(
        phases=phase_figures(series, marks, loads=record.loads, processes=record.processes),
        loads=tuple(_load_figures(load, level) for load, level in zip(record.loads, levels, strict=False)),
        services=record.services,
        workers=worker_figures(record.processes, marks, oom_kills=oom_kills),
        process_series=record.processes,
    )


def exact_marks(record: ServerRecord) -> tuple[PhaseMark, ...]:
    """Return the marks of ``record`` with each load from its first request to its last answer, as the client tells.

    The phases before and after a load are longer by that. What the client tells counts if it lies within the mark: a
    client's clock may be another one.
    """
    marks, outcomes = list(record.marks), iter(record.loads)
    for place, mark in enumerate(marks):
        load = next(outcomes, None) if mark.name is PhaseName.LOAD else None
        if load is None or load.started is None or load.ended is None:
            continue
        start = load.started.monotonic_seconds - record.clock_seconds
        end = load.ended.monotonic_seconds - record.clock_seconds
        if not mark.start_seconds <= start <= end <= mark.end_seconds:
            continue
        marks[place] = replace(mark, start_seconds=start, end_seconds=end)
        if place and marks[place - 1].end_seconds == mark.start_seconds:
            marks[place - 1] = replace(marks[place - 1], end_seconds=start)
        if place + 1 < len(marks) and marks[place + 1].start_seconds == mark.end_seconds:
            marks[place + 1] = replace(marks[place + 1], start_seconds=end)
    return tuple(marks)


def load_caveats(loads: Sequence[LoadOutcome]) -> Iterator[Caveat]:
    """Yield what makes the figures under load, or its latency, doubtful."""
    for load in loads:
        if load.missed_rate:
            told = f"{load.achieved_rate:g} requests a second were sent in place of {load.rate:g}"
            yield Caveat(kind=CaveatKind.LOAD_MISSED_RATE, detail=told)
        if load.client_was_slow and load.lateness is not None:
            told = f"it sent 1 % of the requests {load.lateness.p99:.3f} s or more after they were due"
            if load.cpu_seconds is not None:
                told += f", and needed {load.cpu_seconds:.1f} s of CPU time"
            yield Caveat(kind=CaveatKind.LOAD_CLIENT_SLOW, detail=told)


def _load_figures(load: LoadOutcome, level: float | None) -> LoadFigures:
    return LoadFigures(
        requests=load.requests,
        errors=load.failed,
        level=level,
        achieved_rate=load.achieved_rate,
        latency_seconds=load.latency,
    )
