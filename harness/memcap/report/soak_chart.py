"""The memory of a soak over time, with its envelope, windows and growth, as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from memcap.model import limit_of
from memcap.report.document import Chart
from memcap.report.drawing import GrowthChart, GrowthSlope
from memcap.report.soak_words import verdict_in_words
from memcap.soaking import SoakOutcome, growth_line, warm_up_end
from memcap.units import format_bytes, format_seconds

Points = Sequence[tuple[float, float]]

MOST_COLUMNS: Final = 480  # of which each has the least and the largest value
FILE: Final = "memory.svg"
_KIB, _MIB = 1024, 1024 * 1024
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_TIMES: Final = ((3 * _DAY, _DAY, "days"), (3 * _HOUR, _HOUR, "h"), (3 * _MINUTE, _MINUTE, "min"), (0, 1, "s"))
_STATES: Final = {True: "leak", False: "no leak", None: "unknown"}
_NEAR: Final = 0.6  # of what the memory moved, or
_ALMOST: Final = 0.15  # of the memory


def soak_chart(outcome: SoakOutcome) -> Chart | None:
    """Return memory over time with what was judged; None for fewer than two samples."""
    series, verdict = outcome.series, outcome.verdict
    points = list(zip(series.seconds, series.values, strict=True))
    if len(points) < 2 or points[0][0] == points[-1][0]:
        return None
    lasted = points[-1][0] - points[0][0]
    size, unit = next((size, unit) for least, size, unit in _TIMES if lasted >= least)
    scale, name = (_MIB, "MiB") if max(series.values) >= _MIB else (_KIB, "KiB")

    def place(seconds: float, value: float) -> tuple[float, float]:
        return seconds / size, value / scale

    line, warm_up = growth_line(series, verdict), warm_up_end(series, verdict)
    slope = None
    if line:
        slope = GrowthSlope(
            start=place(line.start, line.first),
            end=place(line.end, line.last),
            spread=(line.spread[0] / scale, line.spread[1] / scale),
            state=_STATES[verdict.leak],
        )
    cap, most_rss = limit_of(outcome.cap_bytes), outcome.rules.max_rss_bytes
    resident = _resident(outcome) if most_rss else ()
    limits = [
        (limit, f"{label} {format_bytes(limit)}", _is_near(limit, values))
        for limit, label, values in (
            (cap, "cap", series.values),
            (most_rss, "max RSS", [value for _, value in resident]),
        )
        if limit
    ]
    drawing = GrowthChart(
        heading=f"unreclaimable memory ({name})",
        unit=unit,
        points=tuple(place(*point) for point in thinned(points)),
        envelope=tuple(place(point.seconds, point.bytes) for point in verdict.envelope),
        windows=tuple(point.window_seconds / size for point in verdict.envelope),
        warm_up=warm_up / size if warm_up is not None else None,
        slope=slope,
        beside=("RSS", tuple(place(*point) for point in thinned(resident))) if resident and limits[-1][2] else None,
        lines=tuple((limit / scale, label) for limit, label, is_near in limits if is_near),
        far=", ".join(f"↑ {label}" for _, label, is_near in limits if not is_near),
    )
    values = [value for _, value in points]
    words = (
        f"Unreclaimable memory over {format_seconds(lasted)}: {format_bytes(values[0])} at first, "
        f"{format_bytes(values[-1])} last, {format_bytes(min(values))} to {format_bytes(max(values))}. "
        f"{verdict_in_words(outcome)}"
    )
    return Chart(drawing=drawing, words=words, file=FILE)


def thinned(points: Points, columns: int = MOST_COLUMNS) -> Points:
    """Return at most two points of each of so many columns of time, the least and the largest: no peak is lost."""
    if len(points) <= 2 * columns:
        return points
    start, end = points[0][0], points[-1][0]
    width = (end - start) / columns or 1
    kept: list[tuple[float, float]] = []
    for _, column in groupby(points, key=lambda point: min(columns - 1, int((point[0] - start) / width))):
        each = list(column)
        kept += sorted({min(each, key=lambda point: point[1]), max(each, key=lambda point: point[1])})
    return kept


def _resident(outcome: SoakOutcome) -> Points:
    """Return the RSS of the samples in the time of the series."""
    start, end = outcome.series.seconds[0], outcome.series.seconds[-1]
    looks = [sample.memory for sample in outcome.samples if start <= sample.memory.seconds <= end]
    points = [(look.seconds, float(look.rss_bytes)) for look in looks if look.rss_bytes is not None]
    return points if len(points) > 1 else ()


def _is_near(limit: float, values: Sequence[float]) -> bool:
    """Tell whether the line of a limit would not flatten the curve of ``values``."""
    if not values:
        return False
    top, bottom = max(values), min(values)
    return limit <= top + max(_NEAR * (top - bottom), _ALMOST * top)
