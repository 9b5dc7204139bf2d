"""What a server needs for each worker and connection, what it keeps, and whether it leaks, from its runs (pure).

The fits are over the levels of the load: each level is a load of its own, with a rest after it. So one level gives no
figure. What is the same for all levels, such as the first request's share, is in none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from statistics import fmean
from typing import Final

from memcap.leaks import FEWEST_SAMPLES, LeakVerdict, judge_series
from memcap.model import Measurement, PhaseFigures, PhaseName, ServerRun
from memcap.run_growth import load_series
from memcap.stats import Slope, common_slope, mean_interval

NOT_ENOUGH_LEVELS: Final = "not enough levels: use two or more, such as levels=1,2,4"
NEVER_CHANGED: Final = "all levels had the same number of {}"
NOT_MEASURED: Final = "not measured"
_THOUSAND: Final = 1000

_Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class LevelFigures:
    """A level of the load and the rest after it. ``requests`` and ``opened`` connections are those until its end."""

    requests: int | None
    opened: int | None
    connections: int | None
    workers: int | None
    peak_bytes: int | None
    rest_bytes: float | None


@dataclass(frozen=True, kw_only=True)
class PerUnit:
    """The bytes for each of something; ``why_not`` says why ``slope`` is None, or has no interval."""

    slope: Slope | None
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class ServingFigures:
    """What follows from the phases of a server's runs.

    ``per_worker`` and ``per_connection`` are needed while the load lasts; ``kept_per_connection`` (opened) and
    ``kept_per_1000_requests`` remain after it.
    """

    per_worker: PerUnit
    per_connection: PerUnit
    kept_per_connection: PerUnit
    kept_per_1000_requests: PerUnit


def serving_figures(runs: Sequence[ServerRun]) -> ServingFigures:
    """Return what the runs of one cell show together; each run may need more or less than the others as a whole."""
    levels = [levels_of(run.phases) for run in runs]
    return ServingFigures(
        per_worker=_fit(levels, lambda level: _point(level.workers, _held(level)), "workers"),
        per_connection=_fit(levels, lambda level: _point(level.connections, _held(level)), "connections"),
        kept_per_connection=_fit(levels, lambda level: _point(level.opened, level.rest_bytes), "connections"),
        kept_per_1000_requests=_fit(
            levels, lambda level: _point(level.requests, level.rest_bytes, per=_THOUSAND), "requests"
        ),
    )


def levels_of(phases: Sequence[PhaseFigures]) -> tuple[LevelFigures, ...]:
    """Return the levels of a run that were followed by a rest."""
    pairs = [
        (load, rest) for load, rest in pairwise(phases) if load.name is PhaseName.LOAD and rest.name is PhaseName.IDLE
    ]
    requests = accumulate((load.requests for load, _ in pairs), _sum)
    opened = accumulate((load.connections_opened for load, _ in pairs), _sum)
    return tuple(
        LevelFigures(
            requests=sent,
            opened=connected,
            connections=load.connections,
            workers=sum(1 for each in load.processes if each.is_worker) or None,
            peak_bytes=load.unreclaimable_peak_bytes,
            rest_bytes=rest.settled_bytes,
        )
        for (load, rest), sent, connected in zip(pairs, requests, opened, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class Kept:
    """How much more is held at the end than before the load: ``kept_bytes``, the mean of all runs, with an interval.

    The interval is Student's, of 95 %. Of fewer than three runs it has all differences between a moment at rest before
    the load and one after it.
    """

    before_bytes: float
    after_bytes: float
    kept_bytes: float
    low_bytes: float
    high_bytes: float


def kept_after_load(runs: Sequence[ServerRun], *, after: PhaseName = PhaseName.IDLE) -> Kept | None:
    """Return what is held in the last phase ``after`` (idle, or collect) beyond what was before the first load.

    None where no run came that far.
    """
    pairs = [pair for run in runs if (pair := _before_and_after(run.phases, after)) is not None]
    if not pairs:
        return None
    befores, afters = ([each.settled_bytes or 0.0 for each in side] for side in zip(*pairs, strict=True))
    differences = [later - earlier for earlier, later in zip(befores, afters, strict=True)]
    mean = mean_interval(differences)
    low, high = (mean.low, mean.high) if mean else _ends_of_moments(pairs)
    return Kept(
        before_bytes=fmean(befores),
        after_bytes=fmean(afters),
        kept_bytes=fmean(differences),
        low_bytes=low,
        high_bytes=high,
    )


@dataclass(frozen=True, kw_only=True)
class LoadGrowth:
    """Whether memory leaks while the load lasts: the verdict of the middle run, and in how many ``runs`` it leaks."""

    verdict: LeakVerdict
    leaking: int
    runs: int


def growth_under_load(runs: Sequence[Measurement]) -> LoadGrowth | None:
    """Return the verdict on each run's load with the most requests, in the order of what a request leaves behind.

    None where no run has a load that is long enough for a verdict.
    """
    series = [found for run in runs if (found := load_series(run)) is not None]
    enough = [each for each in series if len(each.values) >= FEWEST_SAMPLES]
    verdicts = sorted(map(judge_series, enough), key=_bytes_per_request)
    if not verdicts:
        return None
    leaking = sum(verdict.leak is True for verdict in verdicts)
    return LoadGrowth(verdict=verdicts[len(verdicts) // 2], leaking=leaking, runs=len(verdicts))


def _bytes_per_request(verdict: LeakVerdict) -> float:
    return verdict.per_work.estimate if verdict.per_work else 0.0


def _ends_of_moments(pairs: Sequence[tuple[PhaseFigures, PhaseFigures]]) -> tuple[float, float]:
    """Return the least and the largest difference between two moments at rest of a run."""
    lows = [(after.settled_low_bytes or 0) - (before.settled_high_bytes or 0) for before, after in pairs]
    highs = [(after.settled_high_bytes or 0) - (before.settled_low_bytes or 0) for before, after in pairs]
    return min(lows), max(highs)


def _before_and_after(phases: Sequence[PhaseFigures], after: PhaseName) -> tuple[PhaseFigures, PhaseFigures] | None:
    """Return the phase before the first load, and the last one named ``after``; None unless both were sampled."""
    place = next((place for place, phase in enumerate(phases) if phase.name is PhaseName.LOAD), 0)
    last = next((phase for phase in reversed(phases) if phase.name is after), None)
    if not place or last is None or last.settled_bytes is None or phases[place - 1].settled_bytes is None:
        return None
    return phases[place - 1], last


def _held(level: LevelFigures) -> float | None:
    """Return what is held while the load lasts, and given back after it."""
    if level.peak_bytes is None or level.rest_bytes is None:
        return None
    return level.peak_bytes - level.rest_bytes


def _point(x: int | None, y: float | None, *, per: int = 1) -> _Point | None:
    return None if x is None or y is None else (x / per, y)


def _sum(before: int | None, more: int | None) -> int | None:
    return None if before is None or more is None else before + more


def _fit(
    levels: Sequence[Sequence[LevelFigures]], point_of: Callable[[LevelFigures], _Point | None], what: str
) -> PerUnit:
    groups = [[point for level in run if (point := point_of(level)) is not None] for run in levels]
    if not any(len(run) > 1 for run in levels):
        return PerUnit(slope=None, why_not=NOT_ENOUGH_LEVELS)
    if not any(len(group) > 1 for group in groups):
        return PerUnit(slope=None, why_not=NOT_MEASURED)
    slope = common_slope(groups)
    if slope is None:
        return PerUnit(slope=None, why_not=NEVER_CHANGED.format(what))
    return PerUnit(slope=slope, why_not=NOT_ENOUGH_LEVELS if slope.low is None else "")
