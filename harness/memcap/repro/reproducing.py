"""From attempts to the recorder's run and the run that shows the need: all of a reproduction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from memcap.errors import BuildError, PlanError
from memcap.instruments.profiling import Named
from memcap.instruments.session import Session
from memcap.model import Ending, Layer, ProfileTool
from memcap.repro.attempts import make_attempts, need_of
from memcap.repro.flight import fly, make_recorder
from memcap.repro.observed import Observed
from memcap.repro.parts import Attempt, Flight, Reproduction


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """How often to run, whether at lower caps too, whether to follow compiled code; how large a cap may be at most.

    ``with_reports``: with memray's own reports, which take most of the time.
    """

    times: int
    lower: bool
    native: bool
    room_bytes: int | None = None
    with_reports: bool = True


def reproduce(  # noqa: PLR0913 - what a reproduction is made of
    session: Session,
    engine: Observed,
    build: Callable[[ProfileTool], Layer],
    *,
    named: Named,
    image: str,
    wanted: Wanted,
    artefacts: Path,
    say: Callable[[str], None],
) -> Reproduction:
    """Return what was found out; ``artefacts`` is an empty folder, which holds the recorder's files then.

    ``session`` runs on ``engine``; ``build`` returns the layer with a tool in it. Raises EngineError, Interrupted.
    """

    def run(cap_bytes: int) -> Attempt:
        measurement = session.plain(cap_bytes=cap_bytes)
        return Attempt(cap_bytes=cap_bytes, measurement=measurement, cycle_seconds=engine.cycle_seconds)

    made = make_attempts(run, cap_bytes=named.cap_bytes, times=wanted.times, lower=wanted.lower, say=say)
    found = Reproduction(
        id=named.id,
        started=named.started,
        subject=named.subject,
        image=image,
        asked_cap_bytes=named.cap_bytes,
        cap_bytes=made.cap_bytes,
        attempts=made.attempts,
        earlier=made.earlier,
    )
    like = found.killed_run or made.attempts[-1].measurement
    if like.ending is Ending.LOAD_FAILED:
        return replace(found, not_recorded="it could not be started")
    flight: Flight | None = None
    why_not = ""
    try:
        recorder = make_recorder(build, like, native=wanted.native, say=say)
        at_cap = replace(named, cap_bytes=made.cap_bytes)
        flight = fly(
            session,
            recorder,
            like=like,
            named=at_cap,
            artefacts=artefacts,
            with_reports=wanted.with_reports,
            say=say,
        )
    except (BuildError, PlanError) as error:
        why_not = error.message
    need = None
    if found.kills:
        say("running it once in a larger cap, to see what it needs")
        need = need_of(run, cap_bytes=made.cap_bytes, room_bytes=wanted.room_bytes, say=say)
    return replace(found, flight=flight, not_recorded=why_not, need=need)
