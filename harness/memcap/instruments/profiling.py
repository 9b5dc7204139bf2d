"""Make an allocation profile of a cell: a run without the instrument, a run with it, and what it noted."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from memcap.errors import PlanError
from memcap.instruments.launching import Instrument, Recorder
from memcap.instruments.records import Noted, read_noted
from memcap.instruments.session import SITES_FILE, Idle, Session
from memcap.model import (
    AllocationProfile,
    Caveat,
    CaveatKind,
    Cost,
    Ending,
    Measurement,
    ProfileTool,
)
from memcap.units import format_bytes

LONG_CPU_SECONDS: Final = 5.0  # memray's record of each allocation grows by up to 8 MB a second of them
_LITTLE_BYTES: Final = 16 * 1024 * 1024  # modules' own data, stacks of threads and the like are never counted
SHORT_OF_MEMORY: Final = frozenset({Ending.MEMORY_ERROR, Ending.CAP_EXCEEDED})


@dataclass(frozen=True, kw_only=True)
class Named:
    """What a profile is called: the campaign's id and start, the subject's name, the cell's cap in bytes."""

    id: str
    started: str
    subject: str
    cap_bytes: int


@dataclass(frozen=True, kw_only=True)
class Runs:
    """A run with the instrument, in a cap raised by so much, and one without it; ``idle``: the same of no work."""

    session: Session
    without: Measurement
    run: Measurement
    raised_bytes: int
    idle: Idle


def take_profile(session: Session, recorder: Recorder, *, named: Named, artefacts: Path) -> AllocationProfile:
    """Run the cell without the instrument and with it, and return what was allocated where.

    ``artefacts`` is an empty folder, which holds the tool's own record and reports then. The cap is raised by what the
    instrument needs in an idle interpreter; if the workload keeps to its cap without it and not with it, a second time
    by as much as the workload itself needs. Raises PlanError where nothing was noted, EngineError, Interrupted.
    """
    instrument, layer, say = recorder.instrument, recorder.layer, session.say
    tool = instrument.tool.value
    say(f"[1/4] measuring what {tool} needs of its own")
    with tempfile.TemporaryDirectory(prefix="memcap-") as nothing:
        idle = session.idle_footprint(instrument, layer, artefacts=Path(nothing))
    raised = idle.raise_bytes
    say(f"[2/4] {tool} needs {format_bytes(raised)}; running without it")
    without = session.plain()
    say(f"[3/4] {without.ending.value} without it; running with {tool}")
    every, instrument = instrument, replace(instrument, aggregates=_is_long(instrument, without))
    run = session.recorded(instrument, layer, artefacts=artefacts, raised_bytes=raised)
    again = ""
    if without.ending is Ending.COMPLETED and (run.ending.is_oom or run.ending in SHORT_OF_MEMORY):
        raised += without.unreclaimable_peak_bytes or named.cap_bytes
        again = f"{run.ending.value} with {tool}; running again with {format_bytes(raised)} more"
    elif instrument.aggregates and is_unfinished(artefacts):
        again = "a process ended before its totals could be written; running again with each allocation recorded"
    if again:
        say(f"[3/4] {again}")
        for path in artefacts.iterdir():
            path.unlink()
        instrument = every
        run = session.recorded(instrument, layer, artefacts=artefacts, raised_bytes=raised)
    say("[4/4] reading what was noted")
    profile = profile_of(
        Runs(session=session, without=without, run=run, raised_bytes=raised, idle=idle),
        replace(recorder, instrument=instrument),
        named=named,
        artefacts=artefacts,
    )
    for last in artefacts.glob("last-*.txt"):
        last.unlink()  # it is about kills, and the profile says nothing of it
    return profile


def is_unfinished(artefacts: Path) -> bool:
    """Say whether a process ended, such as by a signal, before it could write its totals."""
    return any(not path.stat().st_size for path in artefacts.glob("capture-*"))


def _is_long(instrument: Instrument, without: Measurement) -> bool:
    """Say whether a record of each allocation would be too long, and totals, which a kill would take, will do."""
    seconds = without.cpu_seconds if without.ending is Ending.COMPLETED else None
    return instrument.tool is ProfileTool.MEMRAY and seconds is not None and seconds > LONG_CPU_SECONDS


def profile_of(runs: Runs, recorder: Recorder, *, named: Named, artefacts: Path) -> AllocationProfile:
    """Return what was noted in ``artefacts`` of a run; reports are written beside it.

    Raises PlanError where nothing was noted, EngineError, Interrupted.
    """
    without, run = runs.without, runs.run
    instrument, layer = recorder.instrument, recorder.layer
    if not any(artefacts.iterdir()):
        raise PlanError(_nothing(run), remedy=CaveatKind.NOT_RECORDED.remedy)
    runs.session.render(layer, artefacts=artefacts, with_reports=recorder.with_reports)
    noted = read_noted(artefacts)
    for own in (*artefacts.glob("process-*.txt"), *artefacts.glob("traces-*.txt"), artefacts / SITES_FILE):
        own.unlink()  # all of it is in the profile
    python = layer.image.python
    assert python is not None
    return AllocationProfile(
        id=named.id,
        started=named.started,
        subject=named.subject,
        tool=instrument.tool,
        tool_version=noted.tool_version,
        image=layer.image.name,
        python=f"{python.implementation} {python.version}",
        cap_bytes=named.cap_bytes,
        raised_bytes=runs.raised_bytes,
        ending=run.ending,
        detail=run.detail,
        is_server=run.server is not None,
        output_tail=run.output_tail,
        native=instrument.native,
        follows_fork=instrument.follows_fork,
        aggregated=instrument.aggregates,
        unreclaimable_peak_bytes=run.unreclaimable_peak_bytes,
        wall_seconds=run.wall_seconds,
        cost=cost_of(without, run, idle_bytes=runs.raised_bytes),
        processes=noted.processes,
        sites=noted.sites,
        sources=noted.sources,
        series=run.series,
        caveats=(*noted.caveats, *_caveats(instrument, runs, noted)),
    )


def cost_of(without: Measurement, run: Measurement, *, idle_bytes: int) -> Cost:
    """Return what the instrument took: the difference of two runs that completed, else what it needs when idle."""
    before, after = without.unreclaimable_peak_bytes, run.unreclaimable_peak_bytes
    both = without.ending is Ending.COMPLETED and run.ending is Ending.COMPLETED
    if not both or before is None or after is None:
        return Cost(footprint_bytes=idle_bytes, idle=True)
    times = (without.wall_seconds, run.wall_seconds)
    return Cost(
        footprint_bytes=max(after - before, 0),
        slowdown=times[1] / times[0] if times[0] and times[1] is not None else None,
    )


def _caveats(instrument: Instrument, runs: Runs, noted: Noted) -> tuple[Caveat, ...]:
    without, run, found = runs.without, runs.run, []
    if instrument.tool is ProfileTool.TRACEMALLOC:
        held = sum(process.sites_bytes + process.rest_bytes for process in noted.processes)
        peaks = sum(process.peak_bytes for process in noted.processes)
        detail = f"the snapshots that were taken hold {format_bytes(held)} of {format_bytes(peaks)} at the peak"
        found.append(Caveat(kind=CaveatKind.SNAPSHOTS_ONLY, detail=detail))
    if run.ending.is_oom:
        detail = f"the record ends with the kill ({run.ending.value})"
        found.append(Caveat(kind=CaveatKind.RECORD_CUT_SHORT, detail=detail))
    elif run.ending is not without.ending:
        detail = f"{without.ending.value} without {instrument.tool.value}, {run.ending.value} with it"
        found.append(Caveat(kind=CaveatKind.ENDED_OTHERWISE, detail=detail))
    little = _little(runs, noted) if instrument.tool is ProfileTool.MEMRAY else ""
    ran, seen = run.process_count or 0, len(noted.processes)
    if ran > seen and not instrument.follows_fork:
        detail = "; ".join(filter(None, (f"{ran} processes ran, {seen} of them recorded", little)))
        found.append(Caveat(kind=CaveatKind.CHILDREN_NOT_FOLLOWED, detail=detail))
    elif little:
        found.append(Caveat(kind=CaveatKind.COUNTED_LITTLE, detail=little))
    return tuple(found)


def _little(runs: Runs, noted: Noted) -> str:
    """Return that memray counted far less than the program needed beyond its interpreters, "" if it did not."""
    completed = runs.without.ending is Ending.COMPLETED
    run, own = (runs.without, runs.idle.without_bytes) if completed else (runs.run, runs.idle.with_bytes)
    if run.unreclaimable_peak_bytes is None:
        return ""
    counted = sum(process.sites_bytes + process.rest_bytes for process in noted.processes)
    needed = run.unreclaimable_peak_bytes - own * max(len(noted.processes), 1)
    if counted * 2 >= needed or needed - counted <= _LITTLE_BYTES:
        return ""
    return f"{format_bytes(counted)} were counted, and {format_bytes(needed)} needed beyond what Python itself takes"


def _nothing(run: Measurement) -> str:
    words = f"nothing was noted: no Python of the run began to record; {run.explanation}"
    return f"{words}\n{run.output_tail}".rstrip()
