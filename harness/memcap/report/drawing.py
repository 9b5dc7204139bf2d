"""What charts show, as data; ``svg`` draws it. Values are in the unit that the heading names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Strips:
    """Values of runs as points, a line of them for each side, and the ``band`` that is tolerated."""

    heading: str
    sides: tuple[tuple[str, tuple[float, ...]], ...]
    band: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Band:
    """A part of the time with its name: the first of ``names`` that there is room for. ``is_shaded`` sets it apart."""

    start: float
    end: float
    names: tuple[str, ...]
    is_shaded: bool


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Parts over time, one on top of the other, below the line of the whole; ``top`` is the upper end of the chart.

    ``line`` is where a line is drawn, with its label, ``is_reached`` whether the whole came up to it. ``ends`` is a
    moment that is marked, ``bands`` are parts of the time.
    """

    heading: str
    seconds: tuple[float, ...]
    parts: tuple[tuple[str, tuple[float, ...]], ...]
    whole: tuple[float, ...]
    top: float
    line: tuple[float, str]
    is_reached: bool
    ends: tuple[float, str] | None = None
    bands: tuple[Band, ...] = ()


@dataclass(frozen=True, kw_only=True)
class IntervalMark:
    """How far something moved: an estimate with its interval, and what is tolerated on both sides of 0."""

    label: str
    state: str
    estimate: float
    low: float
    high: float
    within: float


@dataclass(frozen=True, kw_only=True)
class Intervals:
    """Intervals below each other."""

    heading: str
    rows: tuple[IntervalMark, ...]


@dataclass(frozen=True, kw_only=True)
class CapPoint:
    """What was measured under a cap, in MiB, and in which state the cap is."""

    cap: float
    value: float
    low: float
    high: float
    state: str


@dataclass(frozen=True, kw_only=True)
class CapCurve:
    """Values by cap; ``marks`` are caps with a name."""

    heading: str
    points: tuple[CapPoint, ...]
    marks: tuple[tuple[float, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Flame:
    """A box of a flamegraph: where it is as a fraction of the width, and how much of it changed, from -1 to 1."""

    left: float
    width: float
    depth: int
    change: float
    title: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Flames:
    """A differential flamegraph: callers stand above what they call."""

    heading: str
    boxes: tuple[Flame, ...]


@dataclass(frozen=True, kw_only=True)
class GrowthSlope:
    """A straight line from ``start`` to ``end``, and a line through its middle on each side of it."""

    start: tuple[float, float]
    end: tuple[float, float]
    spread: tuple[float, float]
    state: str


@dataclass(frozen=True, kw_only=True)
class GrowthChart:
    """A value over a long time, with what a verdict made of it. Points are times and values, in the unit ``unit``.

    ``envelope`` are the least values of windows, which begin at ``windows``. Before ``warm_up`` nothing was judged.
    ``beside`` is another line, with its name; ``lines`` are values with a label that are in sight, ``far`` names those
    that are not.
    """

    heading: str
    unit: str
    points: tuple[tuple[float, float], ...]
    envelope: tuple[tuple[float, float], ...] = ()
    windows: tuple[float, ...] = ()
    warm_up: float | None = None
    slope: GrowthSlope | None = None
    beside: tuple[str, tuple[tuple[float, float], ...]] | None = None
    lines: tuple[tuple[float, str], ...] = ()
    far: str = ""


Drawing = Strips | Stack | Intervals | CapCurve | Flames | GrowthChart
