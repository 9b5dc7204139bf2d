"""Runs of generator benchmarks whose truth is known: few cycles, few samples, memory in pieces.

The laboratory's series take minutes and more; these take what a benchmark takes.
"""

from __future__ import annotations

import math
import random
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import accumulate

from memcap.leaks import cycle_growth
from memcap.stats import tenths

MIB = 1024 * 1024
LIMIT = 10 * MIB  # of the alert
KINDS = ("leak", "leak under waves", "full", "filling", "two steps", "waves", "flat")
Shape = Callable[[float, int], float]


@dataclass(frozen=True, kw_only=True)
class ShortRun:
    """A run of so many cycles that holds ``values`` at ``seconds``; ``marks`` are those of its cycles."""

    kind: str
    cycles: int
    seconds: tuple[float, ...]
    values: tuple[float, ...]
    marks: tuple[float, ...]

    @property
    def leaks(self) -> bool:
        """Tell whether it does."""
        return self.kind.startswith("leak")

    @property
    def is_called_growth(self) -> bool:
        """Tell whether the rule of the alert calls it growth."""
        return cycle_growth(self.seconds, self.values, self.marks, self.cycles, above=LIMIT) is not None


def short_run(seed: int) -> ShortRun:
    """Draw a run: 7 to 200 cycles of equal or different length, 8 to 250 samples, 12 to 100 MiB."""
    draw = random.Random(seed)
    kind = draw.choice(("leak", *KINDS))
    cycles, samples = (int(_log_uniform(draw, low, high)) for low, high in ((7, 200), (8, 250)))
    uneven = draw.random() < 0.5
    ends = list(accumulate((draw.uniform(0.5, 1.5) if uneven else 1.0 for _ in range(cycles - 1)), initial=0.0))
    seconds = [ends[-1] * (place + draw.uniform(0.2, 0.8)) / samples for place in range(samples)]
    piece, noise = draw.choice((0.0, 0.25, 1.0)), draw.choice((0.0, 0.02, 0.2))
    shape = _shape(draw, kind, cycles)
    values = []
    for second in seconds:
        done = bisect_right(ends, second) - 1
        held = shape(done / (cycles - 1), done)
        held = math.ceil(held / piece) * piece if piece else held
        values.append((20 + held + draw.gauss(0, noise)) * MIB)
    return ShortRun(kind=kind, cycles=cycles, seconds=tuple(seconds), values=tuple(values), marks=tenths(ends))


def _shape(draw: random.Random, kind: str, cycles: int) -> Shape:
    """Return what is held in MiB at a share of the run and a number of cycles."""
    total, height = _log_uniform(draw, 12, 100), draw.uniform(2, 30)
    period, full, pace = draw.randint(2, max(2, cycles // 5)), draw.uniform(0.2, 0.7), draw.uniform(0.05, 0.2)
    steps = (draw.random(), draw.random())
    shapes: dict[str, Shape] = {
        "leak": lambda share, _: total * share,
        "leak under waves": lambda share, done: total * share + height * (done % period) / period,
        "full": lambda share, _: total * min(share, full) / full,
        "filling": lambda share, _: total * (1 - math.exp(-share / pace)),
        "two steps": lambda share, _: total * sum(share > step for step in steps) / 2,
        "waves": lambda _, done: height * (done % period) / period,
        "flat": lambda *_: 0.0,
    }
    return shapes[kind]


def _log_uniform(draw: random.Random, low: float, high: float) -> float:
    return math.exp(draw.uniform(math.log(low), math.log(high)))


def called_growth(runs: Iterable[ShortRun]) -> tuple[int, int]:
    """Return how many of ``runs`` there are, and how many of them the alert calls growth."""
    called = [run.is_called_growth for run in runs]
    return len(called), sum(called)
