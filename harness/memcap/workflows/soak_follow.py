"""Follow a soak that runs, from wherever a client is started; collect what it left, and judge that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, TypeVar

from memcap.engine.base import DaemonLost
from memcap.engine.docker_client import connect, translated
from memcap.engine.docker_soak import (
    SoakContainers,
    SoakRemovedError,
    advance,
    client_lines,
    collect_soak,
    find_soaks,
    hidden_values,
    look_again,
    memory_lines,
    remove_soak,
    unless_removed,
    was_asked_to_stop,
    work_lines,
)
from memcap.errors import Interrupted, MemcapError, SelectionError
from memcap.leaks import LeakVerdict
from memcap.measuring import measure
from memcap.model import Ending, Measurement, RawRun, RunSpec, SoakKind, SoakNote
from memcap.probe.report import ReportError, parse_report
from memcap.soaking import SoakLooks, SoakOutcome, SoakStanding, SoakState, judged, public
from memcap.store import parse_soak_note
from memcap.units import format_seconds
from memcap.workflows.caller import Caller, ignore

if TYPE_CHECKING:
    from docker import DockerClient

SHORTEST_PAUSE_SECONDS: Final = 0.5
LONGEST_PAUSE_SECONDS: Final = 60.0
AWAY_PAUSE_SECONDS: Final = 2.0
EARLY_SECONDS: Final = 1.0
AWAY_SECONDS: Final = 300.0  # a daemon that is updated is back by then

_T = TypeVar("_T")
Show = Callable[[SoakOutcome], None]
Keep = Callable[[SoakOutcome], SoakOutcome]


@dataclass(frozen=True, kw_only=True)
class Soak:
    """A soak on a daemon. ``hidden`` are values of its load that must not be stored."""

    containers: SoakContainers
    note: SoakNote
    hidden: tuple[str, ...] = field(default=(), repr=False)

    @property
    def spec(self) -> RunSpec:
        """Return how it runs, with the values that must not be stored."""
        env = self.containers.env
        variables = (env[name] for name in self.note.secret_variables if name in env)
        return replace(self.note.spec, secrets=tuple(dict.fromkeys((*variables, *self.hidden))))


def list_soaks() -> tuple[tuple[SoakStanding, ...], Mapping[str, LeakVerdict]]:
    """Return the soaks that the daemon has, oldest first, and their verdicts so far by id.

    Raises DaemonUnavailable, EngineError.
    """
    with _daemon() as client:
        soaks, verdicts = [], {}
        for each in _found(client):
            with suppress(SoakRemovedError), translated(f"look at the soak {each.id}"), unless_removed(each):
                soak = _soak_in(client, each)
                verdicts[each.id] = _judged(soak, _looks(client, soak, thinned=True), None).verdict
                soaks.append(soak)
        return tuple(map(_standing, soaks)), verdicts


def soak_so_far(name: str | None) -> SoakOutcome:
    """Return what the soak ``name`` has shown until now, or in all if it has ended; None is the only one.

    Raises SelectionError, EngineError.
    """
    with _daemon() as client:
        soak = _named(client, name)
        with translated(f"look at the soak {soak.note.id}"):
            if soak.containers.is_running:
                return _judged(soak, _looks(client, soak), None)
            return _collected(client, soak)


def follow_soak(name: str | None, caller: Caller, *, show: Show, keep: Keep) -> SoakOutcome:
    """Follow the soak ``name`` to its end, and return what became of it; None is the only one.

    ``show`` gets what is known, again and again. ``keep`` saves the outcome before the containers are removed, and
    returns it; if it fails, they stay. A daemon that goes away is waited for. Raises SelectionError, DaemonLost,
    EngineError, and MemcapError if it was not saved.
    """
    with _daemon() as client:
        soak = _named(client, name)
        _follow(client, soak, caller, show)
        return _finish(client, soak, caller, keep)


def see_it_begin(name: str, caller: Caller) -> None:
    """Follow the soak ``name`` until it needs nobody any more: until a server gets its load, or has ended before."""
    with _daemon() as client:
        soak = _named(client, name)
        if soak.note.kind is SoakKind.SERVER:
            _follow(client, soak, caller, ignore, until=lambda outcome: bool(outcome.series.work))


def stop_soak(name: str | None, caller: Caller, *, keep: Keep) -> SoakOutcome:
    """End the soak ``name`` now, and return what became of it, as `follow_soak` does."""
    with _daemon() as client:
        return _finish(client, _named(client, name), caller, keep)


@contextmanager
def _daemon() -> Iterator[DockerClient]:
    with closing(connect()) as client:
        yield client


def _found(client: DockerClient) -> tuple[SoakContainers, ...]:
    with translated("look for soaks"):
        return find_soaks(client)


def _soak_in(client: DockerClient, containers: SoakContainers) -> Soak:
    note = parse_soak_note(containers.note, container=containers.workload[:12])
    with translated(f"look at the soak {note.id}"), unless_removed(containers):
        return Soak(containers=containers, note=note, hidden=hidden_values(client, containers))


def _named(client: DockerClient, name: str | None) -> Soak:
    soaks = _found(client)
    ids = [each.id for each in soaks]
    if not soaks:
        raise SelectionError("there is no soak on this daemon", remedy="Start one: memcap soak IMAGE -- CMD")
    matching = [each for each in soaks if name is None or each.id.startswith(name)]
    exact = [each for each in matching if each.id == name]
    if len(exact or matching) == 1:
        return _soak_in(client, (exact or matching)[0])
    listed = ", ".join(ids)
    if name is None or matching:
        raise SelectionError(f"there are {len(matching)} soaks", remedy=f"Name one of {listed}.")
    raise SelectionError(f"there is no soak {name!r} on this daemon", remedy=f"There is {listed}.")


def _standing(soak: Soak) -> SoakStanding:
    started, over = _time(soak.containers.started), _time(soak.containers.finished)
    end = datetime.now(timezone.utc) if soak.containers.is_running or over is None else over
    return SoakStanding(
        id=soak.note.id,
        name=soak.note.name,
        image=soak.note.image,
        started=soak.note.started,
        state=SoakState.RUNNING if soak.containers.is_running else SoakState.ENDED,
        elapsed_seconds=max((end - started).total_seconds(), 0.0) if started is not None else 0.0,
        duration_seconds=soak.note.rules.duration_seconds,
        container=soak.containers.workload[:12],
    )


def _time(text: str) -> datetime | None:
    """Return the time that Docker writes, to the second; None for year 1, which means never."""
    try:
        found = datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)
    except ValueError:
        return None
    return found if found.year > 1 else None


def _never(_: SoakOutcome) -> bool:
    return False


def _follow(
    client: DockerClient, soak: Soak, caller: Caller, show: Show, until: Callable[[SoakOutcome], bool] = _never
) -> None:
    """Show the soak until it is over, or ``until`` says so."""
    while (outcome := _patiently(soak, caller, lambda: _advanced(client, soak))) is not None:
        show(outcome)
        if until(outcome):
            return
        time.sleep(_pause(soak.note, outcome))


def _patiently(soak: Soak, caller: Caller, do: Callable[[], _T]) -> _T:
    """Return what ``do`` returns; a daemon that goes away is waited for. Raises DaemonLost after AWAY_SECONDS."""
    away_since: float | None = None
    while True:
        try:
            with translated(f"look at the soak {soak.note.id}"):
                found = do()
        except DaemonLost as error:
            away_since = _refuse_long_absence(away_since, soak, error, caller)
            time.sleep(AWAY_PAUSE_SECONDS)
            continue
        if away_since is not None:
            caller.tell("the daemon is back")
        return found


def _refuse_long_absence(since: float | None, soak: Soak, error: MemcapError, caller: Caller) -> float:
    """Return since when the daemon has been away. Raises DaemonLost after AWAY_SECONDS."""
    now = time.monotonic()
    if since is None:
        caller.tell(f"{error.message}; the soak's samples are safe in its container. Waiting for the daemon")
        return now
    if now - since > AWAY_SECONDS:
        raise DaemonLost(
            f"{error.message}, for {format_seconds(now - since)}",
            remedy=f"When it is back: memcap soak attach {soak.note.id}",
        ) from error
    return since


def _pause(note: SoakNote, outcome: SoakOutcome) -> float:
    """Return how long to wait for the next look at it: a step, but not beyond the end."""
    step = min(max(note.rules.step_seconds, SHORTEST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
    left = note.rules.duration_seconds - outcome.elapsed_seconds
    if not outcome.samples or (note.kind is SoakKind.SERVER and outcome.elapsed_seconds < LONGEST_PAUSE_SECONDS):
        return SHORTEST_PAUSE_SECONDS  # it begins, and may need something
    return step if left <= 0 else max(SHORTEST_PAUSE_SECONDS, min(step, left))


def _advanced(client: DockerClient, soak: Soak) -> SoakOutcome | None:
    """Do what the soak needs, and return what is known; None if it is over. Raises docker's errors."""
    now = replace(soak, containers=look_again(client, soak.containers))
    if not now.containers.is_running:
        return None
    looks = _looks(client, now, thinned=True)
    if advance(client, now.containers, soak.note.spec, looks.told):
        return None
    return _judged(now, looks, None)


def _looks(client: DockerClient, soak: Soak, *, thinned: bool = False) -> SoakLooks:
    """Return what the parts of a soak wrote until now. Raises docker's errors."""
    looks = SoakLooks(soak.note, thinned=thinned)
    looks.read_memory(memory_lines(client, soak.containers))
    looks.read_work(work_lines(client, soak.containers))
    looks.read_events(client_lines(client, soak.containers))
    return looks


def _judged(soak: Soak, looks: SoakLooks, measurement: Measurement | None) -> SoakOutcome:
    found = judged(soak.note, looks, measurement, container=soak.containers.workload[:12])
    return public(found, soak.spec.secrets)


def _finish(client: DockerClient, soak: Soak, caller: Caller, keep: Keep) -> SoakOutcome:
    """Collect what is left, have it kept, and remove the containers."""
    outcome = _patiently(soak, caller, lambda: _collected(client, soak))
    try:
        outcome = keep(outcome)
    except (MemcapError, OSError, Interrupted) as error:
        told = getattr(error, "message", None) or str(error)
        remedy = f"Its containers stay; then: memcap soak attach {soak.note.id}"
        raise MemcapError(f"the report of the soak was not saved: {told}", remedy=remedy) from error
    _patiently(soak, caller, lambda: remove_soak(client, soak.containers))
    return outcome


def _collected(client: DockerClient, soak: Soak) -> SoakOutcome:
    """Return what became of a soak, which is ended before; its containers stay."""
    note, spec = soak.note, soak.spec
    cpus = note.environment.cpus if note.environment else None
    with unless_removed(soak.containers):
        raw = collect_soak(client, soak.containers, spec)
        measurement = measure(raw, spec, cpus=cpus, standing=note.standing)
        if measurement.ending is Ending.COMPLETED and not was_asked_to_stop(client, soak.containers):
            measurement = _unless_stopped(measurement, raw, spec)
        over = replace(soak, containers=look_again(client, soak.containers))
        return _judged(over, _looks(client, over), measurement)


def _unless_stopped(measurement: Measurement, raw: RawRun, spec: RunSpec) -> Measurement:
    """Return ``measurement`` with another ending if somebody stopped the workload before its time.

    A daemon that is restarted stops its containers as `docker stop` does.
    """
    try:
        stopped = parse_report(raw.report or "").stopped_at_ns
    except ReportError:
        return measurement
    if stopped is None or stopped / 1e9 > spec.stop_after_seconds - EARLY_SECONDS:
        return measurement
    told = f"it was stopped after {format_seconds(stopped / 1e9)}"
    return replace(measurement, ending=Ending.KILLED_FROM_OUTSIDE, detail=told)
