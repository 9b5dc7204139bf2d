"""Results of servers as reports get them: a shop of two workers with a cache, under three levels of load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from factories import MIB, make_cell, make_measurement
from memcap.model import (
    CellResult,
    LoadFigures,
    LoadTimes,
    Measurement,
    Moment,
    PhaseFigures,
    PhaseName,
    ProcessRss,
    ServerRun,
    ServiceFigures,
    WorkerFigures,
)
from server_runs import KIB, Level, Truth, make_server_run

LEVELS = (1.0, 2.0, 4.0)
CELL = "measure.uvicorn-my_api-256m"
CACHE = ServiceFigures(
    name="cache",
    image="debian/redis-server",
    ready_seconds=0.41,
    cap_bytes=64 * MIB,
    peak_bytes=12 * MIB,
    unreclaimable_peak_bytes=7 * MIB,
    oom_kills=0,
)


def make_served(levels: Sequence[float] = LEVELS, *, seed: int = 0, **changes: Any) -> Measurement:
    """Return a completed run of the shop, which keeps 2 KiB a request and needs 64 KiB for an open connection."""
    truth = Truth(base=48 * MIB, kept_per_request=2 * KIB, per_connection=64 * KIB)
    loads = tuple(Level(requests=int(2000 * level), connections=int(10 * level)) for level in levels)
    run = make_server_run(truth, loads, noise=64 * KIB, seed=seed)
    phases = _with_levels(run.phases, levels)
    last = phases[-1].end_seconds
    stop = replace(phases[-1], name=PhaseName.STOP, start_seconds=last, end_seconds=last + 0.3, level=None)
    server = ServerRun(
        phases=(*phases, stop),
        loads=tuple(_load(level) for level in levels),
        services=(CACHE,),
        workers=WorkerFigures(most=2, ended=0, replaced=0, oom_kills=0),
    )
    peak = max(phase.unreclaimable_peak_bytes or 0 for phase in phases)
    whole = make_measurement(
        peak / MIB + 8,
        unreclaimable_peak_bytes=peak,
        cap_bytes=256 * MIB,
        wall_seconds=last + 0.3,
        series=tuple(_series(server.phases)),
        server=server,
    )
    return replace(whole, **changes)


def make_served_cell(runs: int = 3, levels: Sequence[float] = LEVELS, **changes: Any) -> CellResult:
    """Return a cell of so many runs of the shop."""
    found = [make_served(levels, seed=100 * number, **changes) for number in range(runs)]
    cell = make_cell(CELL, found)
    return replace(cell, cell=replace(cell.cell, cap=replace(cell.cell.cap, bytes=256 * MIB)))


def _with_levels(phases: Sequence[PhaseFigures], levels: Sequence[float]) -> tuple[PhaseFigures, ...]:
    rest = iter(levels)
    return tuple(
        replace(
            phase,
            level=next(rest) if phase.name is PhaseName.LOAD else None,
            processes=(
                ProcessRss(pid=7, name="uvicorn", rss_bytes=24 * MIB, is_worker=False),
                ProcessRss(pid=8, name="python3", rss_bytes=44 * MIB, is_worker=True),
                ProcessRss(pid=9, name="python3", rss_bytes=43 * MIB, is_worker=True),
            ),
        )
        for phase in phases
    )


def _load(level: float) -> LoadFigures:
    times = LoadTimes(p50=0.0021 * level, p95=0.0064 * level, p99=0.0118 * level, max=0.31 * level)
    return LoadFigures(
        requests=int(2000 * level), errors=0, level=level, achieved_rate=199.8 * level, latency_seconds=times
    )


def _series(phases: Sequence[PhaseFigures]) -> Iterator[Moment]:
    held = 4 * MIB
    for phase in phases:
        goal = phase.unreclaimable_peak_bytes or held
        for step in range(20):
            seconds = phase.start_seconds + (phase.end_seconds - phase.start_seconds) * step / 20
            now = int(held + (goal - held) * step / 19)
            file = 8 * MIB
            yield Moment(
                seconds=seconds, usage=now + file, anon=now - MIB, file=file, shmem=0, kernel=MIB, low=now, running=True
            )
        held = int(phase.settled_bytes or held)
