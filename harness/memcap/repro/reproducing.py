"""From attempts to the recorder's run and the run that shows the need: all of a reproduction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from memcap.errors import BuildError, PlanError
from memcap.instruments.profiling import Named
from memcap.instruments.session import Session
from memcap.model import Ending, Layer, ProfileTool
from memcap.repro.attempts import Run, escalate, make_attempts, need_of
from memcap.repro.escalation import Escalation, Load, loaded
from memcap.repro.flight import make_recorder, record_kill
from memcap.repro.observed import Observed
from memcap.repro.reproduction import Attempt, Reproduction


@dataclass(frozen=True, kw_only=True)
class ReproRequest:
    """How often to run, whether at lower caps too, whether to follow compiled code; how large a cap may be at most.

    ``escalation`` None: the cell has to do what it has as it is. ``with_reports``: with memray's own reports, which
    take most of the time.
    """

    times: int
    lower: bool
    native: bool
    escalation: Escalation | None = None
    room_bytes: int | None = None
    with_reports: bool = True


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What runs are made with: ``session`` runs on ``engine``, ``build`` returns the layer with a tool in it."""

    session: Session
    engine: Observed
    build: Callable[[ProfileTool], Layer]

    def with_load(self, load: Load | None) -> Session:
        """Return the session in which the cell has to do so much; None for what it has as it is."""
        return self.session if load is None else self.session.running(loaded(self.session.cell, load))

    def runs(self, load: Load | None) -> Run:
        """Return what executes the cell once with ``load``."""
        session = self.with_load(load)

        def run(cap_bytes: int) -> Attempt:
            found = session.plain(cap_bytes=cap_bytes)
            return Attempt(cap_bytes=cap_bytes, measurement=found, cycle_seconds=self.engine.cycle_seconds, load=load)

        return run


def reproduce(
    bench: Workbench,
    *,
    named: Named,
    wanted: ReproRequest,
    artefacts: Path,
) -> Reproduction:
    """Return what was found out; ``artefacts`` is an empty folder, which holds the recorder's files then.

    Raises EngineError, Interrupted.
    """
    say = bench.session.say
    cap_bytes, times, escalation = named.cap_bytes, wanted.times, wanted.escalation
    if escalation is None:
        made = make_attempts(bench.runs(None), cap_bytes=cap_bytes, times=times, lower=wanted.lower, say=say)
    else:
        made = escalate(bench.runs, escalation.loads(), cap_bytes=cap_bytes, times=times, say=say)
    found = Reproduction(
        id=named.id,
        started=named.started,
        subject=named.subject,
        image=bench.session.cell.image.name,
        asked_cap_bytes=named.cap_bytes,
        cap_bytes=made.cap_bytes,
        attempts=made.attempts,
        earlier=made.earlier,
    )
    like = found.killed_run or made.attempts[-1].measurement
    if escalation is not None and like.ending is Ending.COMPLETED:
        say(f"nothing was killed; {escalation.end}")
    if like.ending is Ending.LOAD_FAILED:
        return replace(found, not_recorded="it could not be started")
    try:
        recorder = make_recorder(bench.build, like, native=wanted.native, with_reports=wanted.with_reports, say=say)
        subject = f"{named.subject} with {found.load}" if found.load else named.subject
        flight = record_kill(
            bench.with_load(found.load),
            recorder,
            like=like,
            named=replace(named, subject=subject, cap_bytes=made.cap_bytes),
            artefacts=artefacts,
        )
        found = replace(found, flight=flight)
    except (BuildError, PlanError) as error:
        found = replace(found, not_recorded=error.message)
    if found.kills:
        say("running it once in a larger cap, to see what it needs")
        room = wanted.room_bytes
        found = replace(found, need=need_of(bench.runs(found.load), cap_bytes=made.cap_bytes, room_bytes=room, say=say))
    return found
