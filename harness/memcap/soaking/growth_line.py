"""What a verdict looks like in a chart of its series: the line of its growth, and since when memory is level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from memcap.leaks import LeakClass, LeakVerdict, Rate, Series
from memcap.stats import median

_HOUR: Final = 3600
_INSTANT: Final = 1e-6
_NEARLY: Final = 0.1  # of the whole rise
_NO_LINE: Final = (LeakClass.STEP, LeakClass.BOUNDED_CACHE)


@dataclass(frozen=True, kw_only=True)
class GrowthLine:
    """A straight line of memory over time from ``start`` to ``end``, in seconds.

    ``first`` and ``last`` are the bytes there. Lines with the ends of the rate's interval turn around the middle:
    ``spread`` is how far they are off at the start and at the end, the slower and the faster one.
    """

    start: float
    end: float
    first: float
    last: float
    spread: tuple[float, float]


def growth_line(series: Series, verdict: LeakVerdict) -> GrowthLine | None:
    """Return the growth by hour as a line through the envelope after the warm-up.

    None where there is no rate, or where the memory is no line: after a step or a cache that was filled.
    """
    rate, begin = growth_rate(verdict), warm_up_end(series, verdict)
    points = [point for point in verdict.envelope if begin is None or point.seconds >= begin - _INSTANT]
    if rate is None or len(points) < 2:
        return None
    start, end = points[0].seconds, points[-1].seconds
    middle = (start + end) / 2
    level = median([point.bytes - rate.estimate * (point.seconds - middle) / _HOUR for point in points])
    half = (end - start) / 2 / _HOUR
    return GrowthLine(
        start=start,
        end=end,
        first=level - rate.estimate * half,
        last=level + rate.estimate * half,
        spread=((rate.estimate - rate.low) * half, (rate.high - rate.estimate) * half),
    )


def warm_up_end(series: Series, verdict: LeakVerdict) -> float | None:
    """Return when the warm-up ended; None where there was none."""
    return series.seconds[0] + verdict.warm_up_seconds if verdict.warm_up_seconds and series.seconds else None


def growth_rate(verdict: LeakVerdict) -> Rate | None:
    """Return the growth by hour; None where it would mislead, since memory rose once and was level then."""
    return None if verdict.kind in _NO_LINE else verdict.per_hour


def level_since(verdict: LeakVerdict) -> float | None:
    """Return since when memory was level, in seconds, if it rose and then stayed; None for other classes."""
    if verdict.kind not in _NO_LINE or not verdict.envelope:
        return None
    first, last = verdict.envelope[0].bytes, verdict.envelope[-1].bytes
    nearly = last - _NEARLY * (last - first)
    since = verdict.envelope[-1].seconds
    for point in reversed(verdict.envelope):
        if point.bytes < nearly:
            break
        since = point.seconds
    return since
