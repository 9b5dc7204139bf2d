"""How much of its time a program loses under a cap, and how that is known. Pure.

Where the kernel tells how long processes waited for memory (PSI, cgroup v2), that is the answer. Otherwise runs with
the cap take turns with runs without. What their times leave open is decided by the cause: pages that were read again,
times what one costs. How often something happened decides nothing by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Final

from memcap.fitting.trials import FEW_EVENTS, Point, PointState, Reference, Trial, times_of
from memcap.model import PageCost
from memcap.stats import median

TIMED_RUNS: Final = 4  # 4 beside 4 are the fewest for which ranks give an interval of 95 %
MOST_TIMED_RUNS: Final = 24  # with --precise
MANY_EVENTS: Final = 500  # enough to tell from times what one costs
_SAME_TIME: Final = 0.02
_SHOULD_SHOW: Final = 0.1  # of the time


class Basis(str, Enum):
    """How the time that is lost is known."""

    NOT_REACHED = "not_reached"
    STALLS = "stalls"
    TIMES = "times"
    READ_AGAIN = "read_again"


class Comfort(str, Enum):
    """Whether a cap costs no time. ``likely``: nothing speaks against it, but it was not timed; ``open``: not known."""

    YES = "yes"
    LIKELY = "likely"
    OPEN = "open"
    NO = "no"


@dataclass(frozen=True, kw_only=True)
class TimeLost:
    """The share of its time that a program loses: 0.03 is 3 %.

    ``estimate`` is by ``basis``; ``low`` and ``high`` are by stalls or, 95 % sure, by the times of ``runs``. None is
    what is not known.
    """

    basis: Basis
    estimate: float
    low: float | None
    high: float | None
    runs: int


@dataclass(frozen=True, kw_only=True)
class Clock:
    """What the times of ``points`` are compared with, and the share of time that may be lost.

    ``reference`` has all runs without a cap, those that took turns with others included. ``page_cost`` is what
    reading a page costs on this machine, None if that was not measured; it counts for programs of a fixed duration,
    whose own times show nothing.
    """

    points: tuple[Point, ...]
    reference: Reference
    limit: float
    precise: bool = False
    page_cost: PageCost | None = None

    def time_lost(self, point: Point) -> TimeLost | None:
        """Return what is known of the time that is lost with the cap of ``point``; None where nothing is."""
        lived = [trial for trial in point.trials if trial.survived]
        if not lived:
            return None
        if not any(map(point.may_have_hit, lived)):
            return TimeLost(basis=Basis.NOT_REACHED, estimate=0.0, low=0.0, high=0.0, runs=len(lived))
        stalls, timed, cost = self._by_stalls(lived), self._by_times(point), self._by_events(point)
        if stalls is not None:
            return stalls
        if cost is not None and (timed is None or self.is_fixed or self._is_open(timed)):
            if timed is None or self.is_fixed:
                return TimeLost(basis=Basis.READ_AGAIN, estimate=cost, low=None, high=None, runs=len(lived))
            estimate = min(cost, timed.estimate)  # the fastest run bounds what any cause can cost
            return TimeLost(basis=Basis.READ_AGAIN, estimate=estimate, low=timed.low, high=timed.high, runs=len(lived))
        return None if self.is_fixed else timed

    def comfort(self, point: Point) -> Comfort:
        """Tell whether the cap of ``point`` costs no time; only while it is likely or open, more runs can change it."""
        if point.state is not PointState.VIABLE:
            return Comfort.NO if point.is_below else Comfort.OPEN
        lost = self.time_lost(point)
        is_known = lost is not None and lost.basis in (Basis.NOT_REACHED, Basis.STALLS)
        if not is_known and not self.is_fixed:
            cost = self._by_events(point)
            if cost is not None and cost > 2 * self.limit and (point.slowdown or 1.0) > 1 + self.limit:
                return Comfort.NO  # the cause and the time agree
            if not self._is_timed(point):
                return Comfort.LIKELY if cost is not None and cost <= self.limit else Comfort.OPEN
        return Comfort.YES if lost is not None and lost.estimate <= self.limit else Comfort.NO

    def _by_stalls(self, lived: Sequence[Trial]) -> TimeLost | None:
        shares = [share for share in map(_stalled, lived) if share is not None]
        if len(shares) < len(lived):
            return None
        usual = median([_stalled(trial) or 0.0 for trial in self.reference.trials])
        found = [max(share - usual, 0.0) for share in shares]
        return TimeLost(basis=Basis.STALLS, estimate=median(found), low=min(found), high=max(found), runs=len(found))

    def _by_times(self, point: Point) -> TimeLost | None:
        own, before = point.times, times_of(self.reference.trials)
        if not own or not before:
            return None
        low, high = point.factor or (None, None)
        return TimeLost(
            basis=Basis.TIMES,
            estimate=max(min(own) / min(before) - 1, 0.0),  # what else runs on the machine only makes times longer
            low=None if low is None else max(low - 1, 0.0),
            high=None if high is None else max(high - 1, 0.0),
            runs=len(own),
        )

    def _by_events(self, point: Point) -> float | None:
        """Return the share of its time that reading pages again cost; None where that is not known."""
        counted = [more for more in map(point.more_events, point.trials) if more is not None]
        seconds = self.reference.seconds
        if len(counted) < len(point.trials) or not seconds:
            return None
        if self.is_fixed and self.page_cost is not None:
            return median(self._seconds_of_pages(point, self.page_cost)) / seconds
        page = self._own_page_seconds
        if max(counted) <= FEW_EVENTS and page is None:
            return 0.0 if self.events_tell else None
        return None if page is None or not self.events_tell else median(counted) * page / seconds

    @staticmethod
    def _seconds_of_pages(point: Point, cost: PageCost) -> list[float]:
        found = (point.more_seconds(trial, cost) for trial in point.trials)
        return [each for each in found if each is not None]

    @cached_property
    def _own_page_seconds(self) -> float | None:
        """Return what reading a page again costs, by the run that read most; None where no run read many."""
        usual, found = self.reference.seconds, []
        for point in self.points:
            for trial in point.trials:
                more = point.more_events(trial)
                if trial.survived and trial.seconds and usual and more is not None and more >= MANY_EVENTS:
                    found.append((more, max(trial.seconds - usual, 0.0) / more))
        return max(found)[1] if found else None

    @cached_property
    def events_tell(self) -> bool:
        """Tell whether no cap made runs slow that read nothing again, as writers are that wait for the disk."""
        return not any(map(self._is_slow_without_events, self.points))

    def _is_slow_without_events(self, point: Point) -> bool:
        more = [point.more_events(trial) for trial in point.trials]
        timed = self._by_times(point)
        few = all(each is not None and each <= FEW_EVENTS for each in more)
        return few and timed is not None and timed.low is not None and timed.low > self.limit

    def _is_timed(self, point: Point) -> bool:
        runs, timed = len(point.times), self._by_times(point)
        if min(runs, len(times_of(self.reference.trials))) < TIMED_RUNS or timed is None:
            return False
        return not (self.precise and self._is_open(timed) and runs < MOST_TIMED_RUNS)

    def _is_open(self, timed: TimeLost) -> bool:
        return timed.low is None or timed.high is None or timed.low <= self.limit < timed.high

    @cached_property
    def is_fixed(self) -> bool:
        """Tell whether times show nothing: a cap took no longer that should have, by all that had to be read again."""
        if self.reference.is_fixed:
            return True
        usual, cost = self.reference.seconds, self.page_cost
        if not usual or cost is None:
            return False
        for point in self.points:
            is_as_quick = point.slowdown is not None and point.slowdown <= 1 + _SAME_TIME
            lost = self._seconds_of_pages(point, cost)
            if is_as_quick and lost and median(lost) > _SHOULD_SHOW * usual:
                return True
        return False


def _stalled(trial: Trial) -> float | None:
    if trial.stall_seconds is None or not trial.wall_seconds:
        return None
    return trial.stall_seconds / trial.wall_seconds
