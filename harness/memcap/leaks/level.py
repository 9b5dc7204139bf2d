"""What a series that does not leak is: it stepped up, it filled up, or it comes and goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memcap.leaks.envelope import fall_back
from memcap.leaks.rising import LEAST_RISE, without_steps
from memcap.leaks.verdict import LeakClass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

LEAST: Final = 256 * 1024  # of a rise that has a name
FALLS: Final = 3.0  # a rise is more than noise if it is so many times what the series fell back
EARLY: Final = 0.1  # of the run: until then it is a start
FULL_BY: Final = 0.8  # of the run: what fills up later may go on
_MOST: Final = 0.6  # of a rise, if steps explain it
_NEARLY: Final = 0.05  # of a rise may be missing


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The class, how much higher the series is at its end, and until when it rose (share of the run)."""

    kind: LeakClass
    rise: float
    until: float


def standing(x: Array, y: Array) -> Standing:
    """Tell how the envelope ``y`` rose, which does not leak: FLAT, STEP, BOUNDED_CACHE, or NOT_ENOUGH_DATA.

    The last is one that still rises at the end of the run, other than a leak does. A rise like that of less than
    `LEAST_RISE` is FLAT if half of it or more came in the first half: it could be one piece of memory, and holes that
    fill make memory creep up by as much. ``x`` are shares of the run.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    x, y = _without_start(x, y)
    end, fallen = float(np.median(y[-3:])), fall_back(y)
    rise = end - float(y[:2].min())
    full = y >= end - max(_NEARLY * rise, fallen / 2)
    until = float(x[max(0, int(full.argmax()) - 1)])
    steps = without_steps(y)[1]
    places = sorted(steps)
    apart = len(places) < 2 or places[1] - places[0] > 1
    if rise <= max(LEAST, FALLS * fallen) or until <= EARLY:
        kind = LeakClass.FLAT
    elif sum(steps.values()) >= _MOST * rise and all(x[place] > EARLY for place in places) and apart:
        kind = LeakClass.STEP
    elif until <= FULL_BY:
        kind = LeakClass.BOUNDED_CACHE
    else:
        settles = rise < LEAST_RISE and 2 * (_in_the_middle(y) - float(y[:2].min())) >= rise
        kind = LeakClass.FLAT if settles else LeakClass.NOT_ENOUGH_DATA
    return Standing(kind=kind, rise=rise, until=until)


def _in_the_middle(y: Array) -> float:
    import numpy as np  # noqa: PLC0415 - takes long

    middle = len(y) // 2
    return float(np.median(y[middle - 1 : middle + 2]))


def _without_start(x: Array, y: Array) -> tuple[Array, Array]:
    """Return the series after the steps of its first tenth: a program that starts steps up, and may again later."""
    early = [place for place in without_steps(y)[1] if x[place] <= EARLY]
    begin = max(early, default=0)
    return x[begin:], y[begin:]
