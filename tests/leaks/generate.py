"""Memory series whose truth is known. Nothing here is taken from the judge: the figures are those of real programs.

Each series is a level, a noise, what the class asks for, and pages. The sum is what ``unreclaimable`` of a container
might be. ``CLASSES`` names who draws what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
MB = 1_000_000.0
KIB = 1024.0
PAGE = 4096.0
HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class Truth:
    """A series and what it is: the class, how much leaked a second on average, and which other answers are right."""

    kind: str
    detail: str
    seconds: tuple[float, ...]
    values: tuple[int, ...]
    leak: bool | None
    rate: float = 0.0
    work: tuple[float, ...] | None = None
    right: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True, kw_only=True)
class Base:
    """What all series have: the times, and a level with its noise."""

    times: Array
    level: float
    noise: Array
    scatter: float

    @property
    def span(self) -> float:
        """Return the seconds from the first sample to the last."""
        return float(self.times[-1])

    @property
    def share(self) -> Array:
        """Return the times as shares of the whole."""
        return self.times / self.span


Random = np.random.RandomState
Extra = tuple[Array, str]


def log_uniform(draw: Random, low: float, high: float) -> float:
    """Return a number whose logarithm is uniform."""
    return float(np.exp(draw.uniform(np.log(low), np.log(high))))


def base(draw: Random) -> Base:
    """Draw times, level and noise."""
    duration = log_uniform(draw, 120, 24 * HOUR)
    count = int(log_uniform(draw, max(20.0, duration / 60 / 4), max(60.0, min(4000.0, duration))))
    times = np.linspace(0, duration, count)
    if draw.random_sample() < 0.3:  # samples are late now and then
        times = times + np.sort(draw.uniform(0, 0.4, count)) * duration / count
        times -= times[0]
    level = log_uniform(draw, 15 * MB, 1500 * MB)
    scatter = log_uniform(draw, 8 * KIB, max(16 * KIB, 0.01 * level))
    lasting = draw.choice([0.0, draw.uniform(0, 0.7), draw.uniform(0.7, 0.97)])
    return Base(times=times, level=level, noise=autoregressive(draw, count, lasting) * scatter, scatter=scatter)


def autoregressive(draw: Random, count: int, lasting: float) -> Array:
    """Return an AR(1) series with the standard deviation 1."""
    shocks = draw.standard_normal(count) * np.sqrt(1 - lasting**2)
    values = np.empty(count)
    last = draw.standard_normal()
    for place in range(count):
        last = lasting * last + shocks[place]
        values[place] = last
    return values


def spikes(draw: Random, start: Base) -> Array:
    """Return what single requests hold for a sample, in half of the series none."""
    if draw.random_sample() < 0.5:
        return np.zeros(len(start.times))
    some = draw.random_sample(len(start.times)) < draw.uniform(0.005, 0.1)
    heights: Array = some * draw.exponential(log_uniform(draw, 0.1 * MB, 20 * MB), len(start.times))
    return heights


def started(draw: Random, start: Base) -> Array:
    """Return how far the level is still below its own while the program starts; in half of the series it is not."""
    if draw.random_sample() < 0.5:
        return np.zeros(len(start.times))
    length = draw.uniform(0.005, 0.02)
    missing: Array = -draw.uniform(0.05, 0.5) * start.level * np.exp(-start.share / length)
    return missing


def teeth(draw: Random, start: Base) -> Extra:
    """Return a garbage collector's sawtooth: up at the pace of the load, down at once."""
    count = len(start.times)
    length = log_uniform(draw, 6, max(7.0, count / 12))
    height = log_uniform(draw, max(1 * MB, 8 * start.scatter), max(2 * MB, 16 * start.scatter, 0.3 * start.level))
    uneven = draw.uniform(0, 0.5)
    values = np.empty(count)
    held, limit = draw.uniform(0, 1), 1.0
    for place in range(count):
        held += draw.uniform(0.6, 1.4) / length
        if held >= limit:
            held, limit = draw.uniform(0, 0.1), 1 + uneven * draw.uniform(-1, 1)
        values[place] = held
    return values * height, f"teeth of {height / MB:.0f} MB"


def jobs(draw: Random, start: Base) -> Extra:
    """Return what regular jobs need, or what follows the load of the day."""
    count = len(start.times)
    periods = log_uniform(draw, 5, max(6.0, count / 10))
    height = log_uniform(draw, max(1 * MB, 8 * start.scatter), max(2 * MB, 16 * start.scatter, 0.5 * start.level))
    phase = (start.share * periods + draw.random_sample()) % 1
    if draw.random_sample() < 0.5:
        return height * (phase < draw.uniform(0.2, 0.6)).astype(np.float64), f"jobs of {height / MB:.0f} MB"
    return (1 - np.cos(2 * np.pi * phase)) / 2 * height, f"load of {height / MB:.0f} MB"


def load(draw: Random, start: Base) -> Array:
    """Return how many requests were served until each time: a day's ups and downs, or bursts with pauses."""
    periods = log_uniform(draw, 1, 8)
    phase = (start.share * periods + draw.random_sample()) % 1
    day, bursts = 1 + 0.8 * np.sin(2 * np.pi * phase), np.where(phase < 0.6, 1.02, 0.02)
    pace = np.asarray(day if draw.random_sample() < 0.5 else bursts, np.float64)
    steps = np.diff(start.times, prepend=0.0) * pace * log_uniform(draw, 0.5, 200)
    return np.asarray(np.round(np.cumsum(steps)), np.float64)


def finish(start: Base, extra: Array, draw: Random) -> tuple[tuple[float, ...], tuple[int, ...]]:
    """Return times and bytes, in whole pages."""
    total = start.level + start.noise + extra + spikes(draw, start)
    pages = np.maximum(0, np.round(total / PAGE)) * PAGE
    return tuple(start.times.tolist()), tuple(int(value) for value in pages)


def make(start: Base, draw: Random, extra: Array, **truth: object) -> Truth:
    """Return the truth of ``extra`` on ``start``."""
    seconds, values = finish(start, extra, draw)
    return Truth(seconds=seconds, values=values, **truth)  # type: ignore[arg-type]


def flat(draw: Random) -> Truth:
    """Draw a program that keeps nothing."""
    start = base(draw)
    return make(start, draw, started(draw, start), kind="flat", detail="noise", leak=False)


def step(draw: Random) -> Truth:
    """Draw a program that needs more after a deploy, or two."""
    start = base(draw)
    count = draw.randint(1, 3)
    extra = started(draw, start)
    for number in range(count):
        height = log_uniform(draw, max(2 * MB, 10 * start.scatter), max(4 * MB, 40 * start.scatter, 0.4 * start.level))
        extra = extra + height * (start.share > draw.uniform(0.15, 0.45) + 0.4 * number)
    work = tuple(load(draw, start).tolist()) if draw.random_sample() < 0.3 else None
    return make(start, draw, extra, kind="step", detail=f"{count} steps", leak=False, work=work)


def bounded_cache(draw: Random) -> Truth:
    """Draw a cache that fills to its bound, or a heap whose fragmentation levels off."""
    start = base(draw)
    size = log_uniform(draw, max(4 * MB, 15 * start.scatter), max(8 * MB, 60 * start.scatter, 1.0 * start.level))
    way = ("linear", "exponential", "fragmentation")[draw.randint(3)]
    right = {"bounded_cache"}
    done = load(draw, start) if draw.random_sample() < 0.3 else None
    share = start.share if done is None else done / max(1.0, done[-1])
    if way == "linear":
        full = draw.uniform(0.15, 0.8)
        filled = np.minimum(1, share / full)
    elif way == "exponential":
        full = draw.uniform(0.08, 0.35)
        filled = 1 - np.exp(-share / full)
    else:
        full = draw.uniform(0.02, 0.06)
        filled = share / (share + full)
    if way != "linear" and full > 0.2:
        right.add("not_enough_data")  # it still rises at the end
    return make(
        start,
        draw,
        size * filled,
        kind="bounded_cache",
        detail=f"{way} {full:.2f}" + (", by requests" if done is not None else ""),
        leak=False,
        right=frozenset(right),
        work=None if done is None else tuple(done.tolist()),
    )


def sawtooth(draw: Random) -> Truth:
    """Draw a garbage collector at work."""
    start = base(draw)
    extra, detail = teeth(draw, start)
    return make(start, draw, extra + started(draw, start), kind="sawtooth", detail=detail, leak=False)


def periodic(draw: Random) -> Truth:
    """Draw regular jobs."""
    start = base(draw)
    extra, detail = jobs(draw, start)
    return make(start, draw, extra + started(draw, start), kind="periodic", detail=detail, leak=False)


def leaked(draw: Random, start: Base) -> tuple[float, Array]:
    """Return a rate in bytes a second and the line: 0.1 to 50 MB an hour, and faster in what is over in minutes."""
    fastest = max(50 * MB / HOUR, 20 * MB / start.span)
    rate = log_uniform(draw, 0.1 * MB / HOUR, fastest)
    return rate, rate * start.times


def linear_leak(draw: Random) -> Truth:
    """Draw a steady leak, under whatever else a program does."""
    start = base(draw)
    rate, line = leaked(draw, start)
    extra, detail = started(draw, start), "alone"
    work = None
    among = draw.randint(7)
    if among == 1:
        more, detail = teeth(draw, start)
        extra = extra + more
    elif among == 2:
        more, detail = jobs(draw, start)
        extra = extra + more
    elif among == 3:
        arena = float(draw.choice([256 * KIB, 1024 * KIB]))
        line, detail = np.ceil(line / arena) * arena, f"arenas of {arena / KIB:.0f} KiB"
    elif among == 4:
        height = log_uniform(draw, 1 * MB, max(2 * MB, 0.2 * start.level))
        extra, detail = extra + height * (start.share > draw.uniform(0.2, 0.8)), f"a step of {height / MB:.0f} MB"
    elif among == 5:
        done = load(draw, start)
        line, detail, work = line[-1] * done / max(1.0, done[-1]), "by requests", tuple(done.tolist())
    return make(start, draw, line + extra, kind="linear_leak", detail=detail, leak=True, rate=rate, work=work)


def superlinear_leak(draw: Random) -> Truth:
    """Draw a leak that grows: quadratic, or by a share of what is there."""
    start = base(draw)
    rate, line = leaked(draw, start)
    if draw.random_sample() < 0.5:
        shape, detail = start.share**2, "quadratic"
    else:
        doublings = draw.uniform(2, 6)
        shape, detail = (2 ** (doublings * start.share) - 1) / (2**doublings - 1), f"{doublings:.1f} doublings"
    extra = line[-1] * shape + started(draw, start)
    return make(start, draw, extra, kind="superlinear_leak", detail=detail, leak=True, rate=rate)


def too_short(draw: Random) -> Truth:
    """Draw too few samples for any answer."""
    start = base(draw)
    few = draw.randint(3, 9)
    start = Base(times=start.times[:few], level=start.level, noise=start.noise[:few], scatter=start.scatter)
    return make(start, draw, np.zeros(few), kind="not_enough_data", detail=f"{few} samples", leak=None)


CLASSES: dict[str, Callable[[Random], Truth]] = {
    maker.__name__: maker
    for maker in (flat, step, bounded_cache, sawtooth, periodic, linear_leak, superlinear_leak, too_short)
}


def series(seed: int) -> Truth:
    """Return the series of a seed. Classes take turns; three of four times a leak takes the turn of the too short."""
    makers = [*CLASSES.values()]
    maker = makers[seed % len(makers)]
    if maker is too_short and seed // len(makers) % 4:
        maker = linear_leak
    return maker(np.random.RandomState(seed))


def two_minutes(draw: Random) -> Base:
    """Return what a small program needs for two minutes, looked at each second."""
    times = np.arange(121.0)
    scatter = log_uniform(draw, 4 * KIB, 100 * KIB)
    noise = autoregressive(draw, len(times), draw.uniform(0, 0.9)) * scatter
    return Base(times=times, level=log_uniform(draw, 10 * MB, 200 * MB), noise=noise, scatter=scatter)


def steady_leak(seed: int) -> Truth:
    """Return a leak of 3 MB a minute, in pieces of up to 1 MiB, after a start."""
    draw = Random(seed)
    start = two_minutes(draw)
    piece, pace = float(draw.choice([1, PAGE, 132 * KIB, 256 * KIB, 1024 * KIB])), 3 * MB / 60
    line = np.ceil(pace * start.times / piece) * piece
    return make(
        start, draw, line + started(draw, start), kind="linear_leak", detail="3 MB a minute", leak=True, rate=pace
    )  # fmt: skip


def bounded_deque(seed: int) -> Truth:
    """Return a deque that fills at 3 MB a minute until its bound, after 30 to 90 seconds."""
    draw = Random(seed)
    start = two_minutes(draw)
    filled = 3 * MB / 60 * np.minimum(start.times, draw.uniform(30, 90))
    extra = filled + started(draw, start)
    return make(start, draw, extra, kind="bounded_cache", detail="a deque that fills", leak=False)
