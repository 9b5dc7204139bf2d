"""Judge a series: is it a leak, and if not, what is it?"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from memcap.leaks.envelope import lower_envelope, start_of, window_bounds, without_peaks
from memcap.leaks.garbage import Garbage, waiting
from memcap.leaks.level import Standing, standing
from memcap.leaks.memory_series import Series
from memcap.leaks.oscillation import Oscillation, oscillation
from memcap.leaks.reasons import reason_of, too_few, waits
from memcap.leaks.rising import Context, Doubt, Rising, rising
from memcap.leaks.shapes import FEWEST_WINDOWS, warm_up_windows
from memcap.leaks.simple import THRESHOLD, two_ends
from memcap.leaks.verdict import EnvelopePoint, LeakClass, LeakVerdict, Rate

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEWEST_SAMPLES: Final = 16
FEWEST_SECONDS: Final = 2.0  # without counted work; until then a program still starts
_HOUR: Final = 3600


@dataclass(frozen=True, kw_only=True)
class _Examined:
    """The envelope of a series, and what was found in it.

    ``start`` counts the samples of the program's start. ``x`` is the share of time or work at the place of each window,
    ``y`` the bytes. ``warm`` counts the windows of the warm-up; ``seconds`` and ``work`` are what passed after it,
    ``work`` None where it is not counted or stood still.
    """

    start: int
    places: NDArray[np.int_]
    x: Array
    y: Array
    warm: int
    rise: Rising
    seconds: float
    work: float | None


def judge_series(
    series: Series, *, cap_bytes: int | None = None, threshold: float = THRESHOLD, garbage: Garbage | None = None
) -> LeakVerdict:
    """Return the verdict on ``series``.

    1. The lower envelope: the least value of each window, so long that what is collected or given back is not in it.
    2. The program's start and its warm-up are found, and left out.
    3. A leak rises in each third of the rest at 45 % of its pace at least (or faster and faster), by three times as
       much as it ever fell back, not in one step or two, and up to its end; and the Theil-Sen slope is above zero with
       99 % certainty. Where work is counted, x is the work, and each fifth of it must leave something behind.
    4. What is no leak gets the name of its shape.

    ``threshold`` is that of the usual rule, whose figures are given too. With ``cap_bytes`` a leak's verdict says when
    the cap will be reached. With ``garbage``, what may be garbage that waits for the collector is no leak, but not
    enough data. Raises nothing for any `Series`.
    """
    verdict = _judge(series, cap_bytes, threshold)
    if not verdict.leak or garbage is None or verdict.per_hour is None or verdict.warm_up_seconds is None:
        return verdict
    begin, end = float(series.seconds[0]) + verdict.warm_up_seconds, float(series.seconds[-1])
    rise = verdict.per_hour.estimate * (end - begin) / _HOUR
    if not waiting(garbage, rise, begin, end):
        return verdict
    return replace(verdict, kind=LeakClass.NOT_ENOUGH_DATA, reason=waits(rise), seconds_to_cap=None)


def _judge(series: Series, cap_bytes: int | None, threshold: float) -> LeakVerdict:
    import numpy as np  # noqa: PLC0415 - takes long

    usual = two_ends(series, threshold=threshold)
    seconds, values = np.asarray(series.seconds, np.float64), np.asarray(series.values, np.float64)
    least = FEWEST_SECONDS if series.work is None else 0.0
    enough = len(values) >= FEWEST_SAMPLES and float(seconds[-1] - seconds[0]) > least
    found = _examine(series, seconds, values) if enough else None
    if found is None or found.seconds <= 0:
        reason = too_few(len(values), FEWEST_SAMPLES, FEWEST_SECONDS)
        return LeakVerdict(kind=LeakClass.NOT_ENOUGH_DATA, reason=reason, two_ends=usual)
    stands = standing(found.x, found.y)
    swings = oscillation(values, np.interp(seconds, seconds[found.places], values[found.places]))
    kind = _kind(found.rise, stands, swings)
    hours = found.seconds / _HOUR
    return LeakVerdict(
        kind=kind,
        reason=reason_of(kind, found.rise, stands, swings, seconds=found.seconds),
        two_ends=usual,
        per_hour=_rate(found.rise, hours),
        per_work=_rate(found.rise, found.work) if found.work else None,
        detectable_bytes_per_hour=found.rise.detectable / hours,
        detectable_bytes_per_work=found.rise.detectable / found.work if found.work else None,
        seconds_to_cap=_seconds_to_cap(found, values, cap_bytes) if kind.leak else None,
        warm_up_seconds=float(seconds[found.places[found.warm] if found.warm else found.start] - seconds[0]),
        windows=len(found.places),
        envelope=_envelope(found, seconds, values),
    )


def _examine(series: Series, seconds: Array, values: Array) -> _Examined:
    import numpy as np  # noqa: PLC0415 - takes long

    start = start_of(values)
    places = lower_envelope(values[start:]) + start
    along, by_work = seconds, False
    if series.work is not None:
        work = np.asarray(series.work, np.float64)
        by_work = bool(work[places[-1]] > work[places[len(places) // 2]] > work[places[0]])
        along = work if by_work else seconds
    x, y = _share(along)[places], without_peaks(values[places])
    warm = warm_up_windows(x, y)
    warmed = warm > 0 or (start > 0 and len(y) < FEWEST_WINDOWS)
    return _Examined(
        start=start,
        places=places,
        x=x,
        y=y,
        warm=warm,
        rise=rising(_share(x[warm:]), y[warm:], Context(moved=float(np.ptp(y)), warmed=warmed, by_work=by_work)),
        seconds=float(seconds[places[-1]] - seconds[places[warm]]),
        work=float(along[places[-1]] - along[places[warm]]) if by_work else None,
    )


def _envelope(found: _Examined, seconds: Array, values: Array) -> tuple[EnvelopePoint, ...]:
    begins = window_bounds(len(values) - found.start, len(found.places))[:-1] + found.start
    return tuple(
        EnvelopePoint(seconds=float(seconds[place]), bytes=float(values[place]), window_seconds=float(seconds[begin]))
        for place, begin in zip(found.places, begins, strict=True)
    )


def _share(values: Array) -> Array:
    """Return the values as shares of the way from the first to the last; 0 each where there is no way."""
    way = float(values[-1] - values[0])
    shares: Array = (values - values[0]) / (way or 1.0)
    return shares


def _kind(rise: Rising, stands: Standing, swings: Oscillation) -> LeakClass:
    if rise.doubt is Doubt.NONE:
        return LeakClass.SUPERLINEAR_LEAK if rise.bends else LeakClass.LINEAR_LEAK
    if rise.doubt is Doubt.WEAK:
        return LeakClass.NOT_ENOUGH_DATA
    return swings.kind if stands.kind is LeakClass.FLAT else stands.kind


def _rate(rise: Rising, by: float) -> Rate | None:
    if rise.slope is None:
        return None
    return Rate(estimate=rise.slope.estimate / by, low=rise.slope.low / by, high=rise.slope.high / by)


def _seconds_to_cap(found: _Examined, values: Array, cap_bytes: int | None) -> float | None:
    """Return how long the cap lasts from the end of the series, at the pace of the whole or that of a faster end."""
    pace = found.rise.last_third if found.rise.bends or found.rise.slope is None else found.rise.slope.estimate
    if cap_bytes is None or pace <= 0:
        return None
    highest = float(values[-max(1, len(values) // 10) :].max())
    return max(0.0, (cap_bytes - highest) / pace * found.seconds)
