"""Charts as SVG: inline in a page, or as files of their own.

Inline, places along the width are percentages and only paths are stretched, so that a chart has the width of its page
and its texts keep their size. Colours are classes: a page has both themes, a file the light one.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, singledispatch
from itertools import accumulate
from pathlib import Path
from typing import Final

from memcap.report.canvas import Axis, Canvas, axis_below, axis_beside, legend
from memcap.report.drawing import (
    Band,
    CapCurve,
    Drawing,
    Flame,
    Flames,
    GrowthChart,
    GrowthSlope,
    Intervals,
    Stack,
    Strips,
)
from memcap.untrusted import cut, printable

THEMES: Final[Mapping[str, Mapping[str, str]]] = {
    "light": {
        "background": "#ffffff", "ink": "#1d2126", "muted": "#5c646e", "grid": "#e6e7e4", "band": "#e9ecef",
        "base": "#7d8690", "head": "#2b5c8c", "anon": "#2b5c8c", "shmem": "#7967b3", "kernel": "#b9823f",
        "file": "#c6d0d9", "bad": "#b3261e", "warn": "#8a5a00", "good": "#1f6e3a", "more": "#e0655c", "less": "#5b8dc9",
    },
    "dark": {
        "background": "#1d2024", "ink": "#e7e8ea", "muted": "#a0a7b0", "grid": "#31363c", "band": "#2e343b",
        "base": "#939ba5", "head": "#7db1e3", "anon": "#6b9fd2", "shmem": "#a898dc", "kernel": "#d2a468",
        "file": "#4b5560", "bad": "#ff8f86", "warn": "#e5b55c", "good": "#7fca99", "more": "#a8443d", "less": "#3a6aa3",
    },
}  # fmt: skip
_TOP, _RIGHT, _BOTTOM, _LEFT, _LEGEND = 24, 14, 22, 76, 20  # around the plot area, as in charts.css
_EXPORT_WIDTH: Final = 640
_TONES: Final = {
    "regressed": "bad", "improved": "good", "undecided": "warn", "unchanged": "base",
    "failed": "bad", "too slow": "warn", "viable": "base", "comfortable": "good",
    "leak": "bad", "no leak": "good", "unknown": "warn",
}  # fmt: skip
_SIDES: Final = {"baseline": "base", "measured": "head"}
_ROW: Final = 20
_ROOM_FOR_NAMES: Final = 1.25  # of the height, with the names of bands at the top
_ROOM_FOR_LABELS: Final = 0.08  # of the height, at the top
_WINDOW: Final = 7  # pixels of the mark where one begins
_NARROW: Final = 440  # pixels of a plot on a small screen
_CHARACTER: Final = 6.5  # pixels


@lru_cache(maxsize=1)
def css() -> str:
    """Return the style of charts, without the colours of a theme."""
    return (Path(__file__).parent / "templates" / "charts.css").read_text(encoding="utf-8")


def inline(drawing: Drawing, words: str = "") -> str:
    """Return ``drawing`` for a page that has ``css()`` and the themes' variables; ``words`` say what it shows."""
    canvas = _canvas(drawing, None)
    tall = " tall" * _has_legend(drawing) + " wide" * isinstance(drawing, Intervals | Flames)
    label = f' role="img" aria-label="{html.escape(printable(words))}"' if words else ' aria-hidden="true"'
    return f'<svg class="chart{tall}" height="{canvas.height}"{label}>{canvas.content()}</svg>'


def mini(values: Sequence[float]) -> str:
    """Return ``values`` as points between the least and the largest, for a row of a table that has the figures."""
    low, high = min(values), max(values)
    points = (
        f"M{round(15 + 970 * (value - low) / (high - low or 1))} {4 + 3 * (place % 3)}h0"
        for place, value in enumerate(values)
    )
    drawn = f'<path class="dots s-head" d="{"".join(points)}"/>'
    return f'<svg class="mini" viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true">{drawn}</svg>'


def standalone(drawing: Drawing) -> str:
    """Return ``drawing`` as a file of its own, in the light theme."""
    width = _EXPORT_WIDTH - _LEFT - _RIGHT
    canvas = _canvas(drawing, width)
    height = canvas.height + _TOP + _BOTTOM + _LEGEND * _has_legend(drawing)
    shown = re.sub(r"var\(--(\w+)\)", lambda match: THEMES["light"][match[1]], css())
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" width="{_EXPORT_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_EXPORT_WIDTH} {height}"><style>{shown}</style>'
        f'<rect width="{_EXPORT_WIDTH}" height="{height}" fill="{THEMES["light"]["background"]}"/>'
        f'<g transform="translate({_LEFT} {_TOP})">{canvas.content()}</g></svg>\n'
    )


def _has_legend(drawing: Drawing) -> bool:
    return isinstance(drawing, Stack | CapCurve | GrowthChart)


@singledispatch
def _canvas(drawing: Drawing, width: int | None) -> Canvas:
    raise NotImplementedError(drawing)


@_canvas.register
def _strips(drawing: Strips, width: int | None) -> Canvas:
    canvas = Canvas(height=_ROW * len(drawing.sides) + 4, width=width)
    values = [value for _, each in drawing.sides for value in each]
    axis = Axis.over([*values, *(drawing.band or ())])
    canvas.title(drawing.heading)
    if drawing.band:
        canvas.rect(axis.at(drawing.band[0]), axis.at(drawing.band[1]), 0, canvas.height, "band")
    axis_below(canvas, axis, most=4)
    medians = []
    for number, (side, of_side) in enumerate(drawing.sides):
        middle = 2 + _ROW * (number + 0.5)
        canvas.beside(middle + 4, side)
        spread = [middle + 9 * (((place + 1) * 0.618034) % 1 - 0.5) for place in range(len(of_side))]
        points = [(axis.at(value), y) for value, y in zip(of_side, spread, strict=True)]
        canvas.dots(points, f"s-{_SIDES.get(side, 'head')}")
        halfway = axis.at(sorted(of_side)[len(of_side) // 2])
        medians.append(((halfway, middle - 8), (halfway, middle + 8)))
    canvas.rules(medians, "tick")
    return canvas


@_canvas.register
def _stack(drawing: Stack, width: int | None) -> Canvas:
    canvas = Canvas(height=180, width=width)
    across = Axis(low=0, high=drawing.seconds[-1] or 1)
    down = Axis(low=0, high=drawing.top * (_ROOM_FOR_NAMES if drawing.bands else 1))

    def y(value: float) -> float:
        return canvas.height * (1 - down.at(value))

    canvas.title(drawing.heading)
    axis_beside(canvas, down)
    _bands(canvas, across, drawing.bands)
    tops = list(accumulate((values for _, values in drawing.parts), _added))
    for (name, values), top in zip(reversed(drawing.parts), reversed(tops), strict=True):
        if any(values):
            edge = [(across.at(at), y(value)) for at, value in zip(drawing.seconds, top, strict=True)]
            canvas.path(edge, f"f-{name}", closed=True)
    whole = [(across.at(at), y(value)) for at, value in zip(drawing.seconds, drawing.whole, strict=True)]
    canvas.path(whole, "s-ink")
    at, label = drawing.line
    canvas.line((0, y(at)), (1, y(at)), "s-bad" if drawing.is_reached else "dash")
    canvas.text(1, y(at) - 5, label, name="e f-bad" if drawing.is_reached else "e")
    if drawing.ends:
        place = across.at(drawing.ends[0])
        canvas.line((place, 0), (place, canvas.height), "dash")
        canvas.text(place, 12, f"{drawing.ends[1]} ", name="e")
    axis_below(canvas, across, unit=" s")
    legend(canvas, [(name, name) for name, values in drawing.parts if any(values)])
    return canvas


def _bands(canvas: Canvas, across: Axis, bands: Sequence[Band]) -> None:
    """Shade parts of the time, and name those that are wide enough above all else."""
    for band in bands:
        start, end = across.at(band.start), min(across.at(band.end), 1)
        room = (end - start) * (canvas.width or _NARROW) / _CHARACTER
        name = next((each for each in band.names if len(each) + 1 < room), "")
        if band.is_shaded:
            canvas.rect(start, end, 0, canvas.height, "band")
        if name:
            canvas.text((start + end) / 2, 12, name, name="m")


def _added(below: tuple[float, ...], part: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(under + value for under, value in zip(below, part, strict=True))


@_canvas.register
def _intervals(drawing: Intervals, width: int | None) -> Canvas:
    row = 34
    canvas = Canvas(height=row * len(drawing.rows), width=width)
    axis = Axis.over([0.0, *(end for each in drawing.rows for end in (each.low, each.high, each.within, -each.within))])
    canvas.title(drawing.heading)
    axis_below(canvas, axis, unit=" %")
    for number, each in enumerate(drawing.rows):
        tone, top = _TONES.get(each.state, "base"), row * number
        canvas.rect(axis.at(-each.within), axis.at(each.within), top + 18, 12, "band")
        canvas.line((axis.at(each.low), top + 24), (axis.at(each.high), top + 24), f"s-{tone}")
        canvas.dots([(axis.at(each.estimate), top + 24)], f"s-{tone}")
        words = (
            f'<tspan class="f-{tone}">{html.escape(printable(each.state))}</tspan> {html.escape(printable(each.label))}'
        )
        canvas.above.append(f'<text y="{top + 13}">{words}</text>')
    canvas.line((axis.at(0), 0), (axis.at(0), canvas.height), "dash")
    return canvas


@_canvas.register
def _cap_curve(drawing: CapCurve, width: int | None) -> Canvas:
    canvas = Canvas(height=150, width=width)
    across = Axis.over([*(each.cap for each in drawing.points), *(cap for cap, _ in drawing.marks)])
    down = Axis(low=0, high=1.3 * max(each.high for each in drawing.points) or 1)

    def y(value: float) -> float:
        return canvas.height * (1 - down.at(value))

    canvas.title(drawing.heading)
    axis_beside(canvas, down)
    for number, (cap, label) in enumerate(drawing.marks):
        canvas.line((across.at(cap), 0), (across.at(cap), canvas.height), "dash")
        canvas.text(across.at(cap), 10 + 14 * number, f"{label} ", name="e")
    canvas.path([(across.at(each.cap), y(each.value)) for each in drawing.points], "s-base")
    states = dict.fromkeys(each.state for each in drawing.points)
    for each in drawing.points:
        tone = _TONES.get(each.state, "base")
        canvas.line((across.at(each.cap), y(each.low)), (across.at(each.cap), y(each.high)), f"s-{tone}")
        canvas.dots([(across.at(each.cap), y(each.value))], f"s-{tone}")
    axis_below(canvas, across, unit=" MiB")
    legend(canvas, [(state, _TONES.get(state, "base")) for state in states])
    return canvas


@_canvas.register
def _growth(drawing: GrowthChart, width: int | None) -> Canvas:
    canvas = Canvas(height=260, width=width)
    across = Axis(low=drawing.points[0][0], high=drawing.points[-1][0])
    beside = drawing.beside[1] if drawing.beside else ()
    whole = Axis.over([value for _, value in (*drawing.points, *beside)] + [value for value, _ in drawing.lines])
    down = Axis(low=whole.low, high=whole.high + _ROOM_FOR_LABELS * (whole.high - whole.low))

    def at(point: tuple[float, float]) -> tuple[float, float]:
        return across.at(point[0]), canvas.height * (1 - down.at(point[1]))

    canvas.title(drawing.heading)
    axis_beside(canvas, down)
    if drawing.warm_up is not None:
        canvas.rect(0, across.at(drawing.warm_up), 0, canvas.height, "band")
        canvas.text(0.005, 12, "warm-up")
    canvas.rules([((across.at(begin), canvas.height - _WINDOW), (across.at(begin), canvas.height))
                  for begin in drawing.windows], "s-base")  # fmt: skip
    names = [("memory", "base")]
    if drawing.beside:
        canvas.path([at(point) for point in beside], "s-kernel")
        names.append((drawing.beside[0], "kernel"))
    canvas.path([at(point) for point in drawing.points], "s-base")
    if drawing.slope:
        names.append(("growth", _slope(canvas, drawing.slope, at)))
    if drawing.envelope:
        canvas.dots([at(point) for point in drawing.envelope], "s-head")
        names.append(("lower envelope", "head"))
    for value, label in drawing.lines:
        y = at((0, value))[1]
        canvas.line((0, y), (1, y), "s-bad")
        canvas.text(1, y - 5, label, name="e f-bad")
    if drawing.far:
        canvas.text(1, 12, drawing.far, name="e")
    axis_below(canvas, across, unit=f" {drawing.unit}")
    legend(canvas, names)
    return canvas


def _slope(canvas: Canvas, slope: GrowthSlope, at: Callable[[tuple[float, float]], tuple[float, float]]) -> str:
    """Draw a slope above the area of its interval, and return its tone."""
    tone, (slower, faster) = _TONES[slope.state], slope.spread
    (start, first), (end, last) = slope.start, slope.end
    corners = ((start, first + slower), (end, last - slower), (end, last + faster), (start, first - faster))
    canvas.area([at(corner) for corner in corners], f"f-{tone} faint")
    canvas.path([at(slope.start), at(slope.end)], f"s-{tone} thick")
    return tone


@_canvas.register
def _flames(drawing: Flames, width: int | None) -> Canvas:
    canvas = Canvas(height=_ROW * (1 + max(box.depth for box in drawing.boxes)), width=width)
    canvas.title(drawing.heading)
    canvas.below += [_box(canvas, box) for box in drawing.boxes]
    return canvas


def _box(canvas: Canvas, box: Flame) -> str:
    tone = "f-more" if box.change > 0 else "f-less" if box.change < 0 else "band"
    strength = f' fill-opacity="{0.15 + 0.85 * abs(box.change):.2f}"' if box.change else ""
    room = int(box.width * (canvas.width or 1100) / 7)
    label = cut(box.label, room) if room > 4 else ""
    title = "\n".join(html.escape(printable(line)) for line in box.title.split("\n"))
    where = f'x="{canvas.x(box.left)}" y="{box.depth * _ROW}" width="{canvas.x(box.width)}" height="{_ROW - 1}"'
    shape = f'<rect width="100%" height="100%" class="{tone}"{strength}/>'
    text = f'<text x="3" y="14" class="f-ink">{html.escape(printable(label))}</text>' if label else ""
    return f'<svg class="box" {where}><title>{title}</title>{shape}{text}</svg>'
