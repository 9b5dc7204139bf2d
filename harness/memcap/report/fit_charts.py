"""The curves of a fit: each value against the cap."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from memcap.fitting import Comfort, Fit, Point, PointState, Trial, median_of
from memcap.report.document import Chart
from memcap.report.drawing import CapCurve, CapPoint

_MIB = 1024 * 1024
_STATES = {PointState.FAILED: "failed", PointState.SLOW: "too slow"}


def fit_charts(fit: Fit) -> Mapping[str, Chart]:
    """Return the curves that there are figures for, by the names of their files."""
    charts = {
        "survival.svg": _curve(
            fit,
            "runs that survived, in %, with the 95 % interval",
            lambda point: 100 * point.survived / len(point.trials),
            lambda point: (100 * point.survival.low, 100 * point.survival.high),
        ),
        "time.svg": _curve(fit, "time, as a multiple of the time without a cap", lambda point: point.slowdown),
        "read-again.svg": _curve(fit, "pages read again, and major faults", _median(lambda trial: trial.events)),
        "stalled.svg": _curve(fit, "seconds stalled for memory (PSI)", _median(lambda trial: trial.stall_seconds)),
    }
    return {
        name: Chart(drawing=drawing, words=_words(drawing), file=name) for name, drawing in charts.items() if drawing
    }


def _curve(
    fit: Fit,
    heading: str,
    figure: Callable[[Point], float | None],
    interval: Callable[[Point], tuple[float, float]] | None = None,
) -> CapCurve | None:
    points = []
    for point in fit.curve:
        value = figure(point)
        if value is None:
            continue
        low, high = interval(point) if interval else (value, value)
        fine = "comfortable" if fit.clock.comfort(point) is Comfort.YES else "viable"
        state = _STATES.get(point.state, fine)
        points.append(CapPoint(cap=point.cap_bytes / _MIB, value=value, low=low, high=high, state=state))
    if not points:
        return None
    widest = max(point.cap_bytes for point in fit.curve) / _MIB
    marks = [(fit.minimum.cap_bytes / _MIB, "minimum")]
    if fit.comfortable and fit.comfortable is not fit.minimum:
        marks.append((fit.comfortable.cap_bytes / _MIB, "comfortable"))
    return CapCurve(heading=heading, points=tuple(points), marks=tuple(each for each in marks if each[0] <= widest))


def _words(curve: CapCurve) -> str:
    told = "; ".join(f"{point.cap:g} MiB: {point.value:.4g}" for point in curve.points)
    return f"{curve.heading[:1].upper()}{curve.heading[1:]}, by cap. {told}."


def _median(figure: Callable[[Trial], float | None]) -> Callable[[Point], float | None]:
    return lambda point: median_of(point.trials, figure)
