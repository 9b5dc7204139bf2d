"""One more run, with a flight recorder in it: allocations and stacks that are there after the kill."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

from memcap.errors import BuildError, PlanError
from memcap.instruments.launching import Instrument, Recorder
from memcap.instruments.profiling import Named, Runs, profile_of
from memcap.instruments.session import Session
from memcap.model import CaveatKind, Cost, Layer, Measurement, ProfileTool
from memcap.repro.reproduction import Flight
from memcap.repro.stacks import read_last, read_stacks, read_states
from memcap.units import format_bytes

MOST_RECORDED: Final = 8  # processes that the cap is raised for; forked ones share most of what the recorder needs


def make_recorder(
    build: Callable[[ProfileTool], Layer],
    like: Measurement,
    *,
    native: bool,
    say: Callable[[str], None],
    with_reports: bool = True,
) -> Recorder:
    """Return memray for the image, or tracemalloc where it has no wheel; children are followed where ``like`` had any.

    ``build`` returns the layer with a tool. Raises BuildError where neither can be had.
    """
    follows = like.process_count != 1
    try:
        layer = build(ProfileTool.MEMRAY)
        tool = ProfileTool.MEMRAY
    except BuildError as error:
        say(f"{error.message}; taking tracemalloc")
        layer = build(ProfileTool.TRACEMALLOC)
        tool = ProfileTool.TRACEMALLOC
    is_native = native and tool is ProfileTool.MEMRAY
    instrument = Instrument(tool=tool, native=is_native, follows_fork=follows, watches=True)
    return Recorder(instrument=instrument, layer=layer, with_reports=with_reports)


def record_kill(
    session: Session,
    recorder: Recorder,
    *,
    like: Measurement,
    named: Named,
    artefacts: Path,
) -> Flight:
    """Run the cell with the recorder in a cap raised by what it needs, and return what it recorded.

    ``like`` is a run without it, ``named.cap_bytes`` the cap, ``artefacts`` an empty folder. If nothing is killed
    although it was without the recorder, once more in the cap itself.
    Raises PlanError where nothing was recorded, EngineError, Interrupted.
    """
    instrument, layer = recorder.instrument, recorder.layer
    with tempfile.TemporaryDirectory(prefix="memcap-") as nothing:
        idle = session.idle_footprint(instrument, layer, artefacts=Path(nothing))
    needs = idle.raise_bytes
    processes = min(like.process_count or 1, MOST_RECORDED) if instrument.follows_fork else 1
    raises = (needs * processes, 0) if like.ending.is_oom and needs else (needs * processes,)
    for raised in raises:
        tool, more = instrument.tool.value, format_bytes(raised)
        session.say(f"{tool} needs {format_bytes(needs)} a process; running with it in a cap raised by {more}")
        _emptied(artefacts.iterdir())
        run = session.recorded(instrument, layer, artefacts=artefacts, raised_bytes=raised, cap_bytes=named.cap_bytes)
        if run.ending.is_oom:
            break
    if not any(artefacts.glob("process-*.txt")):
        _emptied(artefacts.iterdir())
        raise PlanError("no Python of the run began to record", remedy=CaveatKind.NOT_RECORDED.remedy)
    stacks, states = read_stacks(artefacts), read_states(artefacts)
    session.say("reading what was recorded")
    profile = profile_of(
        Runs(session=session, without=like, run=run, raised_bytes=raised, idle=idle),
        recorder,
        named=named,
        artefacts=artefacts,
    )
    profile = replace(profile, cost=Cost(footprint_bytes=needs, idle=True))  # of one process; the cap is raised for all
    return Flight(profile=profile, measurement=run, stacks=stacks, states=states, last=read_last(artefacts))


def _emptied(paths: Iterable[Path]) -> None:
    for path in list(paths):
        path.unlink()
