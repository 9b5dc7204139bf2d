"""What runs under caps showed, and what follows for each cap."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from memcap.model import Ending, PageCost
from memcap.stats import Proportion, median, proportion, shift

PATCHY_SHARE = 0.1  # of the need, in huge pages of which little may be touched
FEW_EVENTS = 16  # pages read again, and major faults, more than without a cap
LITTLE_STALL = 0.01  # of the running time
CONFIDENCE = 0.95


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run under one cap. ``alone``: no other run was beside it, so its time counts.

    ``problem`` is why it did not survive though it ended as it should: a server that served worse than without a cap.

    ``seconds`` is the time it took, for a workload of a fixed duration that of one cycle. ``cap_hits`` counts how often
    the cap was run into, ``refaults`` pages read again that had been taken away, ``stall_seconds`` time spent waiting
    for memory (cgroup v2). ``need_low_bytes`` is less than ``need_bytes`` where it may have needed less, as with huge
    pages. None is what was not measured.
    """

    cap_bytes: int
    survived: bool
    ending: Ending
    problem: str = ""
    alone: bool = True
    seconds: float | None = None
    wall_seconds: float | None = None
    cap_hits: int | None = None
    refaults: int | None = None
    major_faults: int | None = None
    stall_seconds: float | None = None
    peak_bytes: int | None = None
    need_bytes: int | None = None
    need_low_bytes: int | None = None

    @property
    def events(self) -> int | None:
        """Return how many pages had to be read, those of the first time included; None where that is not counted."""
        return None if self.refaults is None else self.refaults + (self.major_faults or 0)

    @property
    def outcome(self) -> str:
        """Return how it ended, in a word or a few."""
        return self.problem or self.ending.value

    @property
    def is_late(self) -> bool:
        """Tell whether the time limit ended it, which is being slow rather than not surviving."""
        return self.ending is Ending.TIMED_OUT and not self.survived


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The runs with as good as no cap, to which others are compared; there is one at least, and all survived.

    ``ahead_bytes`` is how far the kernel may charge ahead of what is used. ``is_fixed``: how long it takes is
    configured, as of a server.
    """

    trials: tuple[Trial, ...]
    ahead_bytes: int = 0
    is_fixed: bool = False

    @property
    def cap_bytes(self) -> int:
        """Return the cap, which is far away."""
        return self.trials[0].cap_bytes

    @property
    def need_bytes(self) -> int:
        """Return the most that could not be taken back, or the peak where that is all that is known."""
        return max((trial.need_bytes or trial.peak_bytes or 0) for trial in self.trials)

    @property
    def least_need_bytes(self) -> int:
        """Return the least that the run with the largest need can have needed: less than its need with huge pages."""
        return max((trial.need_low_bytes or trial.need_bytes or trial.peak_bytes or 0) for trial in self.trials)

    @property
    def is_patchy(self) -> bool:
        """Tell whether it may live with a cap though a larger one kills it: huge pages fill what there is."""
        return self.least_need_bytes < self.need_bytes * (1 - PATCHY_SHARE)

    @property
    def peak_bytes(self) -> int:
        """Return the most that was used at all, page cache included."""
        return max(max(trial.peak_bytes or 0, trial.need_bytes or 0) for trial in self.trials)

    def enough_bytes(self, step_bytes: int) -> int:
        """Return the cap, a multiple of ``step_bytes``, that is never reached, and so makes no difference."""
        needed = max(self.peak_bytes + self.ahead_bytes, self.need_bytes)
        return min(-(-needed // step_bytes) * step_bytes, self.cap_bytes)

    @property
    def seconds(self) -> float | None:
        """Return the shortest time: others were disturbed by something else."""
        return _least(self.trials)


def median_of(trials: Iterable[Trial], figure: Callable[[Trial], float | None]) -> float | None:
    """Return the median of what was measured of ``figure``, None for nothing."""
    found = [value for trial in trials if (value := figure(trial)) is not None]
    return median(found) if found else None


class PointState(str, Enum):
    """What is known of a cap: ``open`` was slow, but that proves nothing yet."""

    FAILED = "failed"
    SLOW = "slow"
    OPEN = "open"
    VIABLE = "viable"


@dataclass(frozen=True, kw_only=True)
class Point:
    """All trials of one cap, beside the reference. ``slowdown_limit`` is how much slower it may be (1.25).

    ``seconds_below`` is the shortest time of a run with a smaller cap: what that did, this can do as well.
    """

    cap_bytes: int
    trials: tuple[Trial, ...]
    reference: Reference
    slowdown_limit: float
    seconds_below: float | None = None

    @cached_property
    def survived(self) -> int:
        """Count the trials that ended as expected."""
        return sum(trial.survived for trial in self.trials)

    @property
    def survival(self) -> Proportion:
        """Return how often runs survive, with the interval for it."""
        return proportion(self.survived, len(self.trials))

    @cached_property
    def slowdown(self) -> float | None:
        """Return the shortest time by the reference's shortest: what else runs on the machine only makes times longer.

        None where no trial survived, or times are not known.
        """
        taken, before = _least(self.trials), self.reference.seconds
        return taken / before if taken is not None and before else None

    @cached_property
    def may_wait(self) -> bool:
        """Tell whether nothing was read again: what makes it slow is something else, or that it waits to write."""
        return any(map(self.misses_nothing, self.trials))

    @property
    def times(self) -> list[float]:
        """Return the times of the runs that were alone."""
        return times_of(self.trials)

    @cached_property
    def factor(self) -> tuple[float, float] | None:
        """Return how many times longer runs take than without a cap, 95 % sure; None if too few were alone for that."""
        own, before = self.times, times_of(self.reference.trials)
        found = shift([math.log(each) for each in before], [math.log(each) for each in own], confidence=CONFIDENCE)
        return None if found is None else (math.exp(found.low), math.exp(found.high))

    @property
    def is_well_timed(self) -> bool:
        """Tell whether more than one time counts, or one that leaves no doubt."""
        return any(trial.is_late for trial in self.trials) or sum(trial.alone for trial in self.trials) > 1

    @cached_property
    def state(self) -> PointState:
        """Return what is known.

        A cap that took nothing away that is used is slow only if its runs took longer than those without a cap with
        which they took turns, as those of a program that waits to write; otherwise something else made it slow.
        """
        late = any(trial.is_late for trial in self.trials)
        if any(not trial.survived and not trial.is_late for trial in self.trials):
            return PointState.FAILED
        if late:  # to be fast at times and late at others is a matter of chance
            return PointState.SLOW if self._is_too_slow else PointState.FAILED
        if not self._is_too_slow or not any(map(self.may_have_hit, self.trials)):
            return PointState.VIABLE
        if self.may_wait:
            if self.factor is None:
                return PointState.OPEN
            return PointState.SLOW if self.factor[0] > self.slowdown_limit else PointState.VIABLE
        return PointState.SLOW if self._is_timed else PointState.OPEN

    @property
    def is_below(self) -> bool:
        """Tell whether the minimum lies above this cap."""
        return self.state in (PointState.FAILED, PointState.SLOW)

    @cached_property
    def _is_timed(self) -> bool:
        return any(trial.alone for trial in self.trials)

    @property
    def _is_too_slow(self) -> bool:
        known = [seconds for seconds in (_least(self.trials), self.seconds_below) if seconds is not None]
        if not known or not self.reference.seconds:
            return any(trial.is_late for trial in self.trials)
        return min(known) / self.reference.seconds > self.slowdown_limit

    def may_have_hit(self, trial: Trial) -> bool:
        """Tell whether the cap was reached, as far as the kernel says exactly.

        Its counter alone proves only that: on cgroup v1 it stays at 0 on some kernels, even where a process is killed.
        """
        return (
            bool(trial.cap_hits) or (trial.peak_bytes or self.cap_bytes) >= self.cap_bytes - self.reference.ahead_bytes
        )

    def more_events(self, trial: Trial) -> int | None:
        """Return how many more pages had to be read than without a cap; None where that is not counted."""
        before = max(each.events or 0 for each in self.reference.trials)
        return None if trial.events is None else max(trial.events - before, 0)

    def more_seconds(self, trial: Trial, cost: PageCost) -> float | None:
        """Return what reading these took, if ``cost`` is what a page costs; None where they are not counted.

        Most are read ahead; a major fault waits for its own.
        """
        more = self.more_events(trial)
        if more is None:
            return None
        before = max(each.major_faults or 0 for each in self.reference.trials)
        alone = min(max((trial.major_faults or 0) - before, 0), more)
        return alone * cost.alone_seconds + (more - alone) * cost.ahead_seconds

    def misses_nothing(self, trial: Trial) -> bool:
        """Tell whether the cap cannot have made the run slow: it was not reached, or nothing was read again."""
        if not self.may_have_hit(trial):
            return True
        more = self.more_events(trial)
        little = LITTLE_STALL * (trial.wall_seconds or 0) + max(
            each.stall_seconds or 0 for each in self.reference.trials
        )
        return more is not None and more <= FEW_EVENTS and (trial.stall_seconds or 0) <= little


def points_of(trials: Iterable[Trial], reference: Reference, *, slowdown_limit: float) -> tuple[Point, ...]:
    """Return the caps that were tried, the smallest first; runs with the reference's cap are left out."""
    by_cap: dict[int, list[Trial]] = {}
    for trial in trials:
        if trial.cap_bytes < reference.cap_bytes:
            by_cap.setdefault(trial.cap_bytes, []).append(trial)
    points: list[Point] = []
    below: float | None = None
    for cap in sorted(by_cap):
        own = tuple(by_cap[cap])
        points.append(
            Point(cap_bytes=cap, trials=own, reference=reference, slowdown_limit=slowdown_limit, seconds_below=below)
        )
        below = min((each for each in (below, _least(own)) if each is not None), default=None)
    return tuple(points)


def uncapped_point(reference: Reference, *, slowdown_limit: float) -> Point:
    """Return the reference as a point of the curve."""
    return Point(
        cap_bytes=reference.cap_bytes, trials=reference.trials, reference=reference, slowdown_limit=slowdown_limit
    )


def times_of(trials: Iterable[Trial]) -> list[float]:
    """Return the times that count: of runs that survived, with no other beside them."""
    return [trial.seconds for trial in trials if trial.alone and trial.survived and trial.seconds]


def _least(trials: Iterable[Trial]) -> float | None:
    return min((trial.seconds for trial in trials if trial.survived and trial.seconds is not None), default=None)
