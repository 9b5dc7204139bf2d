"""Let it happen: runs of a cell at its cap, at lower ones or with more and more to do until something is killed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from memcap.errors import EngineError
from memcap.model import MINIMUM_CAP_BYTES, Ending, Origin, remedy_of
from memcap.repro.escalation import Load
from memcap.repro.reproduction import Attempt, Need
from memcap.units import format_bytes

TRIES: Final = 3  # of a run that says nothing about the workload
FIRST_STEP: Final = 0.97  # of what the last run needed; then further by STEP each
STEP: Final = 0.9
MOST_STEPS: Final = 20
LARGER: Final = 4  # times the cap, to see whether it ends there


Run = Callable[[int], Attempt]  # execute the cell once, in a cap of so many bytes
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """Runs at one cap with one load, and those at higher caps or with smaller loads before."""

    cap_bytes: int
    attempts: tuple[Attempt, ...]
    earlier: tuple[Attempt, ...] = ()


def make_attempts(run: Run, *, cap_bytes: int, times: int, lower: bool, say: Say) -> Attempts:
    """Run the cell ``times`` times at its cap; with ``lower``, where nothing was killed, at lower and lower ones.

    The steps begin just below what the runs needed; where nothing is killed at all, they are the ``earlier`` ones.
    Raises EngineError for a run that does not happen, Interrupted.
    """
    first = tuple(_run(run, cap_bytes, number, say, of=times) for number in range(1, times + 1))
    if any(attempt.killed for attempt in first) or not lower:
        return Attempts(cap_bytes=cap_bytes, attempts=first)
    steps: list[Attempt] = []
    last = first[-1]
    while len(steps) < MOST_STEPS and (cap := _next_cap(last)) >= MINIMUM_CAP_BYTES:
        last = _run(run, cap, 1, say)
        if last.killed:
            return Attempts(cap_bytes=cap, attempts=_repeated(run, last, times, say), earlier=(*first, *steps))
        steps.append(last)
    return Attempts(cap_bytes=cap_bytes, attempts=first, earlier=tuple(steps))


def escalate(
    run_with: Callable[[Load], Run], loads: Iterable[Load], *, cap_bytes: int, times: int, say: Say
) -> Attempts:
    """Run the cell once with each of ``loads`` until something is killed, and then ``times`` times with that load.

    A run that does not end well for another reason is the last one. ``loads`` has at least one.
    Raises EngineError for a run that does not happen, Interrupted.
    """
    steps: list[Attempt] = []
    for load in loads:
        run = run_with(load)
        last = _run(run, cap_bytes, 1, say)
        if last.killed:
            return Attempts(cap_bytes=cap_bytes, attempts=_repeated(run, last, times, say), earlier=tuple(steps))
        steps.append(last)
        if last.measurement.ending is not Ending.COMPLETED:
            break
    return Attempts(cap_bytes=cap_bytes, attempts=(steps[-1],), earlier=tuple(steps[:-1]))


def need_of(run: Run, *, cap_bytes: int, room_bytes: int | None, say: Say) -> Need | None:
    """Run the cell once in a larger cap, and return what it needed; None where the machine has no room for that.

    ``room_bytes`` is how large a cap may be.
    """
    larger = min(LARGER * cap_bytes, room_bytes or LARGER * cap_bytes)
    if larger <= cap_bytes:
        return None
    last = _run(run, larger, 1, say).measurement
    return Need(cap_bytes=larger, ending=last.ending, unreclaimable_peak_bytes=last.unreclaimable_peak_bytes)


def _next_cap(last: Attempt) -> int:
    needed = last.measurement.unreclaimable_peak_bytes or last.cap_bytes
    return int(min(last.cap_bytes * STEP, needed * FIRST_STEP))


def _repeated(run: Run, first: Attempt, times: int, say: Say) -> tuple[Attempt, ...]:
    return first, *(_run(run, first.cap_bytes, number, say, of=times) for number in range(2, times + 1))


def _run(run: Run, cap_bytes: int, number: int, say: Say, *, of: int | None = None) -> Attempt:
    """Return one attempt, the first of TRIES that says something; ``of`` is how many there will be, if known."""
    for _ in range(TRIES):
        found = run(cap_bytes)
        ending = found.measurement.ending
        if not ending.is_infrastructure:
            load = f" with {found.load}" if found.load else ""
            which = f"run {number} of {of}" if of else f"run {number}"
            say(f"{format_bytes(cap_bytes)}{load}, {which}: {ending.value}")
            return found
    detail = found.measurement.detail
    raise EngineError(
        f"a run at {format_bytes(cap_bytes)} says nothing of the workload: {ending.explanation} ({detail})",
        remedy=remedy_of(ending, detail, Origin.COMMAND),
    )
