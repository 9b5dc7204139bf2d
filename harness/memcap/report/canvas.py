"""The plot area of a chart, its axes and its legend. ``svg`` draws each kind of chart into one."""

from __future__ import annotations

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from memcap.untrusted import printable

_STRETCHED: Final = 1000  # the width that inline paths have before they are stretched
_FLAT: Final = 1e-9  # of any unit that is drawn: too little for a step between two ticks
_OFF: Final = 1.5  # pixels that a line may be off its points


@dataclass(kw_only=True)
class Canvas:
    """The plot area that a chart is drawn into: x as a fraction of its width, y in pixels from its top.

    ``width`` in pixels is None where the page decides. Areas are below the paths, lines and texts above them.
    """

    height: int
    width: int | None
    below: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    above: list[str] = field(default_factory=list)

    def x(self, place: float) -> str:
        """Return a place, or a length, along the width as an attribute."""
        return f"{100 * place:.3g}%" if self.width is None else f"{place * self.width:.1f}"

    def text(self, place: float, y: float, text: str, *, name: str = "") -> None:
        """Write ``text``; ``name`` are its classes, ``m`` or ``e`` if its middle or its end is at ``place``."""
        named = f' class="{name}"' if name else ""
        self.above.append(f'<text x="{self.x(place)}" y="{y:.0f}"{named}>{html.escape(printable(text))}</text>')

    def title(self, text: str) -> None:
        """Write ``text`` above the plot area."""
        self.above.append(f'<text y="-9" class="title">{html.escape(printable(text))}</text>')

    def beside(self, y: float, text: str) -> None:
        """Write ``text`` to the left of the plot area."""
        self.above.append(f'<text x="-8" y="{y:.0f}" class="e">{html.escape(printable(text))}</text>')

    def rect(self, low: float, high: float, y: float, height: float, name: str) -> None:
        """Draw a rectangle below all else, from ``low`` to ``high`` along the width."""
        size = f'width="{self.x(max(high - low, 0))}" height="{height:.0f}"'
        self.below.append(f'<rect x="{self.x(low)}" y="{y:.0f}" {size} class="{name}"/>')

    def line(self, start: tuple[float, float], end: tuple[float, float], name: str) -> None:
        """Draw a straight line above all else."""
        ends = f'x1="{self.x(start[0])}" y1="{start[1]:.0f}" x2="{self.x(end[0])}" y2="{end[1]:.0f}"'
        self.above.append(f'<line {ends} class="{name}"/>')

    def rules(self, lines: Sequence[tuple[tuple[float, float], tuple[float, float]]], name: str) -> None:
        """Draw straight lines with the paths."""
        ends = ((self._at(start), self._at(end)) for start, end in lines)
        data = "".join(f"M{start[0]} {start[1]}L{end[0]} {end[1]}" for start, end in ends)
        self.paths.append(f'<path class="{name}" d="{data}"/>')

    def path(self, points: Sequence[tuple[float, float]], name: str, *, closed: bool = False) -> None:
        """Draw a line through ``points``, or the area below them."""
        placed = _simplified([self._at(point) for point in points])
        steps = (f"{x - left} {y - top}" for (left, top), (x, y) in pairwise(placed))
        data = f"M{placed[0][0]} {placed[0][1]}l{' '.join(steps)}".replace(" -", "-")
        end = f"V{self.height}H{placed[0][0]}Z" if closed else ""
        self.paths.append(f'<path class="{name}" d="{data}{end}"/>')

    def area(self, corners: Sequence[tuple[float, float]], name: str) -> None:
        """Fill what lies between ``corners``."""
        data = "L".join(f"{x} {y}" for x, y in map(self._at, corners))
        self.paths.append(f'<path class="{name}" d="M{data}Z"/>')

    def dots(self, points: Sequence[tuple[float, float]], name: str) -> None:
        """Draw points: strokes of no length with round ends."""
        data = "".join(f"M{x} {y}h0" for x, y in map(self._at, points))
        self.paths.append(f'<path class="dots {name}" d="{data}"/>')

    def _at(self, point: tuple[float, float]) -> tuple[int, int]:
        return round(point[0] * (self.width or _STRETCHED)), round(point[1])

    def content(self) -> str:
        """Return all elements; inline, what is stretched has a coordinate system of its own."""
        paths = "".join(self.paths)
        if paths and self.width is None:
            paths = f'<svg viewBox="0 0 {_STRETCHED} {self.height}" preserveAspectRatio="none">{paths}</svg>'
        return "".join([*self.below, paths, *self.above])


def _simplified(points: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return ``points`` without those that lie near the line through the others (Douglas and Peucker)."""
    kept = {0, len(points) - 1}
    spans = [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        (left, top), (right, bottom) = points[first], points[last]
        slope = (bottom - top) / ((right - left) or 1)
        off = [abs(y - top - slope * (x - left)) for x, y in points[first + 1 : last]]
        if max(off, default=0) > _OFF:
            farthest = first + 1 + off.index(max(off))
            kept.add(farthest)
            spans += [(first, farthest), (farthest, last)]
    return [points[place] for place in sorted(kept)]


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The values between both ends of the plot area."""

    low: float
    high: float

    @classmethod
    def over(cls, values: Sequence[float]) -> Axis:
        """Return an axis with all ``values`` and a little room at both ends."""
        low, high = min(values), max(values)
        room = 0.06 * (high - low) or 0.05 * abs(high) or 1
        return cls(low=low - room, high=high + room)

    def at(self, value: float) -> float:
        """Return where ``value`` is, as a fraction of the axis."""
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> Iterator[tuple[float, str]]:
        """Yield round values within, with their texts."""
        if self.high - self.low < _FLAT:
            yield self.low, f"{self.low:.0f}"
            return
        rough = (self.high - self.low) / most
        power = 10.0 ** math.floor(math.log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)
        digits = max(0, -math.floor(math.log10(step) + 1e-9))
        first = math.ceil(self.low / step)
        for number in range(first, math.floor(self.high / step) + 1):
            yield number * step, f"{number * step:.{digits}f}"


def axis_below(canvas: Canvas, axis: Axis, *, unit: str = "", most: int = 6) -> None:
    """Write the values of ``axis`` below the plot area, the last one with the unit."""
    ticks = list(axis.ticks(most))
    for number, (value, text) in enumerate(ticks):
        shown = text + unit * (number == len(ticks) - 1)
        canvas.text(axis.at(value), canvas.height + 15, shown, name="m")


def axis_beside(canvas: Canvas, axis: Axis) -> None:
    """Write the values of ``axis`` to the left of the plot area, each with a line across."""
    ticks = [(canvas.height * (1 - axis.at(value)), text) for value, text in axis.ticks(4)]
    canvas.rules([((0, y), (1, y)) for y, _ in ticks], "grid")
    for y, text in ticks:
        canvas.beside(y + 4, text)


def legend(canvas: Canvas, names: Sequence[tuple[str, str]]) -> None:
    """Name colours below the axis; ``names`` are texts with their tones."""
    for number, (text, tone) in enumerate(names):
        place, y = number / max(len(names), 4), canvas.height + 36
        canvas.above.append(
            f'<rect x="{canvas.x(place)}" y="{y - 9}" width="10" height="10" class="f-{tone}"/>'
            f'<text x="{canvas.x(place)}" y="{y}" dx="15">{html.escape(text)}</text>'
        )
