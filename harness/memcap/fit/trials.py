"""What runs under caps showed, and what follows for each cap."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import cached_property

from memcap.model import Ending
from memcap.stats import Proportion, proportion

FEW_EVENTS = 16  # pages read again, and major faults, more than without a cap
LITTLE_STALL = 0.01  # of the running time


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One run under one cap. ``alone``: no other run was beside it, so its time counts.

    ``seconds`` is the time it took, for a workload of a fixed duration that of one cycle. ``cap_hits`` counts how often
    the cap was run into, ``refaults`` pages read again that had been taken away, ``stall_seconds`` time spent waiting
    for memory (cgroup v2). None is what was not measured.
    """

    cap_bytes: int
    survived: bool
    ending: Ending
    alone: bool = True
    seconds: float | None = None
    wall_seconds: float | None = None
    cap_hits: int | None = None
    refaults: int | None = None
    major_faults: int | None = None
    stall_seconds: float | None = None
    peak_bytes: int | None = None
    need_bytes: int | None = None

    @property
    def is_late(self) -> bool:
        """Tell whether the time limit ended it, which is being slow rather than not surviving."""
        return self.ending is Ending.TIMED_OUT and not self.survived


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The runs with as good as no cap, to which others are compared; there is one at least, and all survived.

    ``ahead_bytes`` is how far the kernel may charge ahead of what is used.
    """

    trials: tuple[Trial, ...]
    ahead_bytes: int = 0

    @property
    def cap_bytes(self) -> int:
        """Return the cap, which is far away."""
        return self.trials[0].cap_bytes

    @property
    def need_bytes(self) -> int:
        """Return the most that could not be taken back, or the peak where that is all that is known."""
        return max((trial.need_bytes or trial.peak_bytes or 0) for trial in self.trials)

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


class PointState(str, Enum):
    """What is known of a cap: ``open`` was slow only beside other runs, which proves nothing."""

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

    @property
    def is_well_timed(self) -> bool:
        """Tell whether more than one time counts, or one that leaves no doubt."""
        return any(trial.is_late for trial in self.trials) or sum(trial.alone for trial in self.trials) > 1

    @cached_property
    def state(self) -> PointState:
        """Return what is known; a cap that took nothing away that is used made nothing slow: something else did."""
        late = any(trial.is_late for trial in self.trials)
        if any(not trial.survived and not trial.is_late for trial in self.trials):
            return PointState.FAILED
        if late:  # to be fast at times and late at others is a matter of chance
            return PointState.SLOW if self._is_too_slow else PointState.FAILED
        if any(map(self._misses_nothing, self.trials)) or not self._is_too_slow:
            return PointState.VIABLE
        return PointState.SLOW if self._is_timed else PointState.OPEN

    @property
    def is_below(self) -> bool:
        """Tell whether the minimum lies above this cap."""
        return self.state in (PointState.FAILED, PointState.SLOW)

    @cached_property
    def is_undisturbed(self) -> bool:
        """Tell whether the cap takes nothing away that is used: it was not reached, or only page cache was dropped.

        Times are not asked beyond what is viable: they scatter, and without anything read again there is no reason.
        """
        return self.state is PointState.VIABLE and all(map(self._misses_nothing, self.trials))

    @cached_property
    def _is_timed(self) -> bool:
        return any(trial.alone for trial in self.trials)

    @property
    def _is_too_slow(self) -> bool:
        known = [seconds for seconds in (_least(self.trials), self.seconds_below) if seconds is not None]
        if not known or not self.reference.seconds:
            return any(trial.is_late for trial in self.trials)
        return min(known) / self.reference.seconds > self.slowdown_limit

    def _may_have_hit(self, trial: Trial) -> bool:
        """Tell whether the cap was reached, as far as the kernel says exactly.

        Its counter alone proves only that: on cgroup v1 it stays at 0 on some kernels, even where a process is killed.
        """
        return (
            bool(trial.cap_hits) or (trial.peak_bytes or self.cap_bytes) >= self.cap_bytes - self.reference.ahead_bytes
        )

    def _misses_nothing(self, trial: Trial) -> bool:
        if not self._may_have_hit(trial):
            return True
        if trial.refaults is None:
            return False
        before = self.reference.trials
        return (
            trial.refaults <= FEW_EVENTS + max(each.refaults or 0 for each in before)
            and (trial.major_faults or 0) <= FEW_EVENTS + max(each.major_faults or 0 for each in before)
            and (trial.stall_seconds or 0)
            <= LITTLE_STALL * (trial.wall_seconds or 0) + max(each.stall_seconds or 0 for each in before)
        )


def points_of(trials: Iterable[Trial], reference: Reference, *, slowdown_limit: float) -> tuple[Point, ...]:
    """Return the caps that were tried, the smallest first."""
    by_cap: dict[int, list[Trial]] = {}
    for trial in trials:
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


def _least(trials: Iterable[Trial]) -> float | None:
    return min((trial.seconds for trial in trials if trial.survived and trial.seconds is not None), default=None)
