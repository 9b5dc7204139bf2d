"""The part of a memory series that tells of the program."""

from __future__ import annotations

from collections.abc import Sequence

from memcap.model.measurement import Moment

_LAST_MOMENTS = 2  # in which a result without states has the exit: the supervisor ends with the main program
_FALLEN = 0.5


def running(series: Sequence[Moment]) -> Sequence[Moment]:
    """Return the moments at which the main program ran: without its start, and without its exit.

    Memory falls when a process exits, but nothing was given back. Results of an older memcap do not tell the state.
    Of these, the last two moments are left out if less than half of the most is left then.
    """
    if any(not moment.running for moment in series):
        return [moment for moment in series if moment.running]
    return _without_fall(series)


def _without_fall(series: Sequence[Moment]) -> Sequence[Moment]:
    least = _FALLEN * max((moment.unreclaimable for moment in series), default=0)
    end = len(series)
    while end > max(0, len(series) - _LAST_MOMENTS) and series[end - 1].unreclaimable < least:
        end -= 1
    return series[:end]
