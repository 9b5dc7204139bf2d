"""Does an envelope rise forever? And how small a rise would have been seen in it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Final

from memcap.leaks.envelope import PAGE, fall_back
from memcap.leaks.shapes import fits
from memcap.stats import EVEN, RobustSlope, parts_of_rise, tenths, theil_sen
from memcap.stats.rise import TENTHS_OF_A_PART

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

ARENA: Final = 1024 * 1024  # what CPython's allocator takes at once since 3.10; others take pieces of that order too
LEAST_RISE: Final = ARENA  # over the whole run; less may be a single piece
ARENAS: Final = 5  # pieces cannot be a step or two
FALLS: Final = 3.0  # a leak rises by so many times as much as it ever fell back
FALLS_FOR_SURE: Final = 4.0  # and of those that rise by so many times as much, nearly all are found
FEW_WINDOWS: Final = 10  # by which the fall of few windows is taken to be more: half as many fall less by chance
OF_ALL_MOVED: Final = 0.15  # what a cache, a step or a start leaves behind is no leak
OF_ALL_FOR_SURE: Final = 0.2
SURE_ENOUGH: Final = 0.35  # of the detectable rise; an even rise below it may be the end of something else
MOST_IN_A_STEP: Final = 0.3  # of the rise of a leak
STEPS_TAKEN_OUT: Final = 2
SLOWER: Final = 1.8  # the first third against the last
SLOWER_WHEN_WARMED: Final = 1.3  # what follows a long warm-up may be its end
WORK_WINDOWS: Final = 5  # as CPython repeats a test
_CLEAR_STEP: Final = 5.0  # times the usual difference between two windows
_ALONE: Final = 3.0  # times the next but one: what comes in pieces has many alike
_STILL: Final = 3.0  # pieces that have not come


class Doubt(str, Enum):
    """Why a rise is no leak."""

    NONE = "none"
    NO_RISE = "no rise"
    UNEVEN = "uneven"
    SLOWING = "slowing"
    STOPPED = "stopped"
    WEAK = "weak"


@dataclass(frozen=True, kw_only=True)
class Rising:
    """How an envelope rises: ``doubt`` is NONE for a leak, ``bends`` tells whether it leaks faster and faster.

    ``slope`` is the rise over the whole, ``last_third`` that of the last third for as long. ``detectable`` is the
    smallest rise over the whole that would have been found.
    """

    doubt: Doubt
    bends: bool
    slope: RobustSlope | None
    last_third: float
    detectable: float


@dataclass(frozen=True, kw_only=True)
class Context:
    """What else is known of an envelope.

    ``moved`` is how far it goes up and down in all, with what was left out of it as warm-up; ``warmed`` tells whether
    something was. ``by_work`` tells whether x is work.
    """

    moved: float
    warmed: bool
    by_work: bool


def rising(x: Array, y: Array, context: Context) -> Rising:
    """Tell whether the envelope ``y`` rises forever: evenly or faster and faster, up to its end. ``x`` is 0 to 1."""
    rest, _ = without_steps(y)
    slope = _widened(theil_sen(x.tolist(), rest.tolist()), rest)
    thirds = _paces(x, rest, tenths((0.0, 1.0))[::TENTHS_OF_A_PART])
    doubt, bends = _doubt(x, rest, thirds, context)
    detectable = detectable_rise(x, rest, slope, context)
    if doubt is Doubt.NONE and not bends and (slope is None or slope.low <= 0):
        doubt = Doubt.UNEVEN
    if doubt is Doubt.NONE and not bends and slope is not None and slope.estimate < SURE_ENOUGH * detectable:
        doubt = Doubt.WEAK
    if doubt is Doubt.NONE and context.by_work and not _grows_with_all_work(x, rest):
        doubt = Doubt.UNEVEN
    return Rising(
        doubt=doubt,
        bends=bends,
        slope=slope,
        last_third=thirds[-1],
        detectable=detectable,
    )


def _widened(slope: RobustSlope | None, y: Array) -> RobustSlope | None:
    """Return the slope with half of the largest single change on each side: it may be a step that was not taken out."""
    import numpy as np  # noqa: PLC0415 - takes long

    if slope is None:
        return None
    changes = np.diff(y)
    half = float(changes.max() - np.median(changes)) / 2
    return replace(slope, low=slope.low - half, high=slope.high + half)


def _paces(x: Array, y: Array, marks: tuple[float, ...]) -> list[float]:
    """Return how far ``y`` rises for good between each two marks, for as long as the whole of ``x``."""
    parts = parts_of_rise(x.tolist(), y.tolist(), marks)
    return [part.amount / part.seconds if part.seconds else 0.0 for part in parts]


def _doubt(x: Array, y: Array, thirds: list[float], context: Context) -> tuple[Doubt, bool]:
    amount, fallen = sum(thirds) / len(thirds), fall_back(y)
    if amount < max(LEAST_RISE, FALLS * fallen, OF_ALL_MOVED * context.moved):
        return Doubt.NO_RISE, False
    curves = fits(x, y)
    if _bends(y, thirds) and curves.bending < curves.line / 2:
        return Doubt.NONE, True
    if min(thirds) < EVEN * len(thirds) * amount:
        return Doubt.UNEVEN, False
    slower = SLOWER_WHEN_WARMED if context.warmed else SLOWER
    if curves.filling < curves.line / 4 or (curves.filling < curves.line and thirds[0] > slower * thirds[-1]):
        return Doubt.SLOWING, False
    return (Doubt.STOPPED if _has_stopped(x, y, fallen) else Doubt.NONE), False


def _bends(y: Array, thirds: list[float]) -> bool:
    """Tell whether each third rises faster than the one before, and not because of a single window."""
    import numpy as np  # noqa: PLC0415 - takes long

    first, second, third = thirds
    sudden = float(np.diff(y).max()) > 0.5 * float(y[-1] - y[0])
    return third > 1.6 * first and third > 1.2 * second and second >= EVEN * (first + second + third) / 3 and not sudden


def without_steps(y: Array) -> tuple[Array, dict[int, float]]:
    """Return the envelope without up to two steps that make up much of its rise, and the height of each by its place.

    A step in the last window may go on, so it is none yet.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    rest, taken = y.copy(), dict[int, float]()
    for _ in range(STEPS_TAKEN_OUT):
        changes = np.diff(rest)
        place = int(changes[:-1].argmax())
        usual = float(np.median(changes))
        height = float(changes[place]) - usual
        rise = float(rest[-3:].mean() - rest[:3].mean())
        others = float(np.sort(changes)[-1 - STEPS_TAKEN_OUT])
        scatter = float(np.median(np.abs(changes - usual)))
        much = min(MOST_IN_A_STEP * rise, _ALONE * others)
        if height <= max(much, _CLEAR_STEP * scatter, LEAST_RISE):
            break
        rest[place + 1 :] -= height
        taken[place + 1] = height
    return rest, taken


def _has_stopped(x: Array, y: Array, fallen: float) -> bool:
    """Tell whether it has been level at the end for so long that it would have risen, had it gone on as before."""
    import numpy as np  # noqa: PLC0415 - takes long

    end = float(np.median(y[-3:]))
    below = np.flatnonzero(y < end - fallen - PAGE)
    since = int(below[-1]) if len(below) else 0
    if not since or x[since] <= 0:
        return False
    expected = (end - float(y[0])) / float(x[since]) * float(x[-1] - x[since])
    piece = max(float(np.diff(y).max()), fallen)
    return expected > _STILL * piece + fallen


def _grows_with_all_work(x: Array, y: Array) -> bool:
    """Tell whether each fifth of the work left something behind: 15 % of its fair share, since memory scatters.

    The rule of CPython's hunt for reference leaks, whose counts do not scatter: each repetition of a test must leave
    something. Source: Lib/test/libregrtest/refleak.py, and bpo-30776 for the false alarms that it avoids.
    """
    fifths = tuple(0.95 * number / WORK_WINDOWS for number in range(WORK_WINDOWS + 1))
    paces = _paces(x, y, fifths)
    return min(paces) >= EVEN * sum(paces) / len(paces)


def detectable_rise(x: Array, y: Array, slope: RobustSlope | None, context: Context) -> float:
    """Return the rise over the whole of ``x`` that would have been called a leak nearly always.

    That is four times as much as the series ever fell back behind its own trend or ran ahead of it (and more where few
    windows saw it, or where a warm-up was left out), so that a leak passes the rule of three times as much although its
    thirds differ by chance. It is at least six arenas, because memory is taken in pieces, and what is left of a quarter
    of all that moved.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    around = y - slope.estimate * x if slope else y
    swing = max(fall_back(around), fall_back(around[::-1])) * (1 + FEW_WINDOWS / len(y))
    falls = FALLS_FOR_SURE * SLOWER / SLOWER_WHEN_WARMED if context.warmed else FALLS_FOR_SURE
    largest = float(np.diff(around).max())
    return max(falls * swing, ARENAS * ARENA, 0.8 * largest / MOST_IN_A_STEP, OF_ALL_FOR_SURE * context.moved)
