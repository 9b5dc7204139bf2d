"""Which caps to try next. The state of the search is what was seen: the same trials always lead to the same caps.

The minimum is looked for from ``unreclaimable_peak`` of the first measurement, which is where it usually is: a step
below or above, further each time; then between the largest cap that failed and the smallest that did not, by
halves. If the cap below was only slow, it is timed again; then what was found is confirmed by repeating it.
Then the comfortable cap, which costs no time, is looked for in the same way, above. Halves go by what is likely; the
one that is found is timed, its runs taking turns with runs without a cap.

Survival need not be a step: near the edge a run may live or die. A cap that failed once is below the minimum for ever,
so a run that fails on a cap that others survived moves the search up, and more runs are asked of the next candidate.
With huge pages, which fill whatever there is, a program may die with a cap and live with half of it. There the search
begins at what it needs without them, and larger caps that kill are no reason against a smaller one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from memcap.fitting.service_level import ServiceLevel
from memcap.fitting.timelost import Clock, Comfort
from memcap.fitting.trials import Point, PointState, Reference, Trial, points_of
from memcap.model import MINIMUM_CAP_BYTES, PageCost

STEADY_RUNS: Final = 12
MOST_RUNS: Final = 24
CONFIRMED: Final = 3  # runs that the minimum has to survive
WELL_CONFIRMED: Final = 5  # where there are runs left
CONFIRMED_IF_NOISY: Final = 8
COMFORT_PARTS: Final = 32  # the comfortable cap is found to a 32nd part
ROUGH_PARTS: Final = 8  # where each cap has to be timed
MOST_TIMING_RUNS: Final = 48  # besides the others, of the cap and without one; with --precise four times as many
_ASKED_AGAIN: Final = 3  # runs of a cap that killed one of them, where a smaller cap is survived
_STEPS_UP: Final = 3  # each four times the one before; then by halves to the peak, above which a cap cannot matter


@dataclass(frozen=True, kw_only=True)
class Goal:
    """What is looked for, and at which cost.

    ``slowdown`` is how much slower than without a cap a run may be; ``time_lost`` is the share of its time that it may
    lose with a comfortable cap, and ``precise`` asks for an interval that says so. ``max_runs`` is the most runs there
    may be, without those that are timed for comfort, and ``max_runs_if_steady`` where every cap has one outcome;
    ``jobs`` is how many may run side by side. ``page_cost`` is what reading a page costs on the machine,
    ``level`` how well a server has to serve.
    """

    resolution_bytes: int = 1024 * 1024
    slowdown: float = 1.25
    time_lost: float = 0.02
    precise: bool = False
    page_cost: PageCost | None = None
    max_runs: int = MOST_RUNS
    max_runs_if_steady: int = STEADY_RUNS
    floor_bytes: int = MINIMUM_CAP_BYTES
    jobs: int = 1
    level: ServiceLevel = field(default_factory=ServiceLevel)


@dataclass(frozen=True, kw_only=True)
class Bracket:
    """Where the minimum is: above ``below`` (the largest cap that failed; None: none did), at most at ``above``."""

    below: Point | None
    above: Point | None


def next_caps(goal: Goal, reference: Reference, trials: Sequence[Trial]) -> tuple[int, ...]:
    """Return the caps to run next, side by side, each once for each time it is named; none when the search is over.

    The reference's cap among them asks for another run without a cap.
    """
    return _Search(goal, reference, trials).next_caps()


def bracket_of(points: Sequence[Point], *, patchy: bool = False) -> Bracket:
    """Return the largest cap that failed or was slow, and the smallest viable one above it.

    ``patchy``: return the smallest viable cap, and the largest below it that failed or was slow.
    """
    viable = [point for point in points if point.state is PointState.VIABLE]
    bad = [point for point in points if point.is_below]
    if patchy and viable:
        bad = [point for point in bad if point.cap_bytes < viable[0].cap_bytes]
    below = max(bad, key=lambda point: point.cap_bytes, default=None)
    above = (point for point in viable if below is None or point.cap_bytes > below.cap_bytes)
    return Bracket(below=below, above=min(above, key=lambda point: point.cap_bytes, default=None))


def costly_of(clock: Clock, bracket: Bracket, *, patchy: bool) -> Point | None:
    """Return the largest cap that costs time, None if none does; ``patchy``: kills above the minimum do not count."""
    least = bracket.above if patchy else None
    costly = [
        point
        for point in clock.points
        if clock.comfort(point) is Comfort.NO
        and not (least and point.state is PointState.FAILED and point.cap_bytes > least.cap_bytes)
    ]
    return max(costly, key=lambda point: point.cap_bytes, default=None)


def clock_of(goal: Goal, reference: Reference, trials: Sequence[Trial]) -> Clock:
    """Return what the caps of ``trials`` are timed by; runs without a cap among these are added to the reference."""
    more = tuple(trial for trial in trials if trial.cap_bytes == reference.cap_bytes and trial.survived)
    whole = replace(reference, trials=(*reference.trials, *more))
    return Clock(
        points=points_of(trials, whole, slowdown_limit=goal.slowdown),
        reference=whole,
        limit=goal.time_lost,
        precise=goal.precise,
        page_cost=goal.page_cost,
    )


def is_noisy(points: Sequence[Point]) -> bool:
    """Tell whether a run failed where, or above where, another survived."""
    fallen = max((point.cap_bytes for point in points if point.state is PointState.FAILED), default=0)
    return any(point.survived for point in points if point.cap_bytes <= fallen)


def confirmations(points: Sequence[Point]) -> int:
    """Return how many runs the minimum has to survive."""
    return CONFIRMED_IF_NOISY if is_noisy(points) else CONFIRMED


class _Search:
    """The state that some trials amount to."""

    def __init__(self, goal: Goal, reference: Reference, trials: Sequence[Trial]) -> None:
        self._goal = goal
        self._reference = reference
        self._clock = clock_of(goal, reference, trials)
        self._points = self._clock.points
        self._comfort = {point.cap_bytes: self._clock.comfort(point) for point in self._points}
        self._last_cap = trials[-1].cap_bytes if trials else 0
        self._without = sum(trial.cap_bytes == reference.cap_bytes for trial in trials)
        # A run without a cap stands for one with the cap that it takes turns with, which follows.
        self._left = (
            (goal.max_runs if is_noisy(self._points) else min(goal.max_runs, goal.max_runs_if_steady))
            - len(trials)
            + 2 * self._without
            - (self._last_cap == reference.cap_bytes)
        )
        bracket = bracket_of(self._points, patchy=reference.is_patchy)
        self._below, self._above = bracket.below, bracket.above
        costly = costly_of(self._clock, bracket, patchy=reference.is_patchy)
        self._costly_bytes = costly.cap_bytes if costly else 0
        self._step = goal.resolution_bytes
        need = reference.least_need_bytes if reference.is_patchy else reference.need_bytes
        self._first = min(max(self._up(need), goal.floor_bytes), reference.cap_bytes)
        self._enough = max(reference.enough_bytes(goal.resolution_bytes), self._first)

    def next_caps(self) -> tuple[int, ...]:
        together = min(self._goal.jobs, self._left)
        if together < 1:
            return self._to_be_timed()
        if not self._points:
            pair = (self._first, max(self._first - self._step, self._goal.floor_bytes))
            return tuple(dict.fromkeys(pair))[:together]
        return self._for_minimum(together) or self._for_comfort(together)

    def _for_minimum(self, together: int) -> tuple[int, ...]:
        """Return the caps that tell more of where the minimum is, or confirm it."""
        unproven = self._to_time_again()
        if unproven is not None:
            return self._turn(unproven.cap_bytes) if unproven.may_wait else (unproven.cap_bytes,)
        narrower = self._narrower()
        if narrower is not None:
            return (narrower,)
        # Before the minimum is confirmed: if the cap below was not slow after all, the minimum is another.
        if self._below is not None and self._has_to_be_timed(self._below) and self._left > self._still_to_do():
            return (self._below.cap_bytes,)
        missing = self._unconfirmed()
        if missing and self._above is not None:
            return (self._above.cap_bytes,) * min(missing, together)
        killed = self._asked_again()
        return () if killed is None else (killed,)

    def _for_comfort(self, together: int) -> tuple[int, ...]:
        """Return the caps that tell more of where no time is lost; then what makes the answers surer."""
        open_cap = self._open_cap()
        if open_cap is not None:
            return self._turn(open_cap)
        comfortable = self._comfortable()
        if comfortable is not None and self._can_be_confirmed(comfortable):
            return (comfortable,)
        return self._better_confirmed(together) or self._to_be_timed()

    def _asked_again(self) -> int | None:
        """Return a cap that killed its only run though a smaller one was survived: was it chance?"""
        fallen = [each for each in self._points if each.state is PointState.FAILED and not each.survived]
        least = min((each.cap_bytes for each in self._points if each.survived), default=0)
        found = (
            each.cap_bytes for each in fallen if least and each.cap_bytes > least and len(each.trials) < _ASKED_AGAIN
        )
        return next(found, None) if self._left > self._still_to_do() else None

    def _open_cap(self) -> int | None:
        """Return a cap of which runs have to tell whether it costs time, before halves can go on."""
        viable = (each.cap_bytes for each in self._points if each.state is PointState.VIABLE)
        return next((cap for cap in viable if self._comfort[cap] is Comfort.OPEN and cap > self._costly_bytes), None)

    def _to_be_timed(self) -> tuple[int, ...]:
        """Return what is to be run to time the comfortable cap, if it is not known so far.

        Where there is none, the cap that is never reached is tried.
        """
        found, open_cap = self._undisturbed(), self._open_cap()
        if found:
            best = found[0].cap_bytes if open_cap is None else min(found[0].cap_bytes, open_cap)
            return () if self._comfort[best] is Comfort.YES else self._turn(best)
        if open_cap is not None:
            return self._turn(open_cap)
        is_new = self._enough not in self._comfort and self._costly_bytes < self._enough
        return (self._enough,) if self._above and is_new and self._enough < self._reference.cap_bytes else ()

    def _turn(self, cap: int) -> tuple[int, ...]:
        """Return the cap, or the reference's where it is that one's turn; nothing when there were enough of them."""
        most = MOST_TIMING_RUNS * (4 if self._goal.precise else 1)
        if 2 * self._without >= most:
            return ()
        point = next(each for each in self._points if each.cap_bytes == cap)
        alone = sum(trial.alone for trial in point.trials)
        without = len(self._reference.trials) + self._without
        return (self._reference.cap_bytes,) if without <= alone or self._last_cap == cap else (cap,)

    def _to_time_again(self) -> Point | None:
        """Return a cap that was slow, which proves nothing yet, and lies where the minimum may be."""
        low = self._below.cap_bytes if self._below else 0
        high = self._above.cap_bytes if self._above else self._reference.cap_bytes
        found = (each for each in self._points if each.state is PointState.OPEN)
        return next((each for each in found if low < each.cap_bytes < high), None)

    def _narrower(self) -> int | None:
        """Return a cap that tells more of where the minimum is."""
        below, above = self._below, self._above
        if above is None:
            return self._higher(below)
        if self._left <= self._reserve():
            return None
        if below is None:
            return self._lower(above)
        return self._between(below.cap_bytes, above.cap_bytes)

    def _higher(self, below: Point | None) -> int | None:
        if below is None:  # nothing but open points, which are timed again first
            return None
        failed = [each for each in self._points if each.cap_bytes >= self._first and each.is_below]
        step = self._step << 2 * max(len(failed) - 1, 0)
        if self._left <= self._reserve() and below.cap_bytes < self._enough:
            cap = self._enough
        elif below.state is PointState.FAILED and len(failed) <= _STEPS_UP:
            cap = below.cap_bytes + step
        elif below.cap_bytes < self._enough:
            cap = self._between(below.cap_bytes, self._enough) or self._enough
        else:
            cap = below.cap_bytes + step
        return cap if cap < self._reference.cap_bytes else None

    def _lower(self, above: Point) -> int | None:
        """Return a cap below all that were tried, further away each time; none below the floor."""
        if above.cap_bytes <= self._goal.floor_bytes:
            return None
        tried = sum(each.cap_bytes <= self._first for each in self._points)
        return max(above.cap_bytes - (self._step << max(tried - 1, 0)), self._goal.floor_bytes)

    def _between(self, low: int, high: int, *, step: int | None = None) -> int | None:
        """Return the middle on the grid; None where both are as near as is wanted."""
        step = step or self._step
        if high - low <= step:
            return None
        return low + max(1, (high - low) // self._step // 2) * self._step

    def _reserve(self) -> int:
        """Return how many runs are needed to be sure of what is known by now, and for the comfortable cap."""
        return self._still_to_do() + any(each.state is PointState.SLOW for each in self._points)

    def _still_to_do(self) -> int:
        return self._unconfirmed() + (not self._undisturbed())

    def _unconfirmed(self) -> int:
        done = len(self._above.trials) if self._above else 0
        return max(confirmations(self._points) - done, 0)

    def _undisturbed(self) -> list[Point]:
        """Return the caps that cost no time, or likely none, above all that do."""
        fine = (Comfort.YES, Comfort.LIKELY)
        return [
            each
            for each in self._points
            if self._comfort[each.cap_bytes] in fine and each.cap_bytes > self._costly_bytes
        ]

    @staticmethod
    def _has_to_be_timed(point: Point) -> bool:
        """Tell whether a cap counts as too slow because of a single run."""
        return point.state is PointState.SLOW and not point.is_well_timed

    def _comfortable(self) -> int | None:
        """Return a cap that tells more of where the comfortable cap is."""
        low, found = self._costly_bytes, self._undisturbed()
        if found:
            high = found[0].cap_bytes
            parts = COMFORT_PARTS if self._clock.events_tell else ROUGH_PARTS
            return self._between(low, high, step=max(self._step, high // parts)) if low else None
        if low < self._enough:
            cap = self._enough
        else:
            tried = sum(each.cap_bytes >= self._enough for each in self._points)
            cap = low + max(self._step, self._up(low // COMFORT_PARTS)) * 2**tried
        return cap if cap < self._reference.cap_bytes else None

    def _can_be_confirmed(self, cap: int) -> bool:
        """Tell whether runs are left to confirm ``cap``, if it turns out to be the minimum."""
        is_smaller = self._above is not None and cap < self._above.cap_bytes
        return not is_smaller or self._left >= confirmations(self._points)

    def _better_confirmed(self, together: int) -> tuple[int, ...]:
        if self._above is None or is_noisy(self._points):
            return ()
        missing = WELL_CONFIRMED - len(self._above.trials)
        return (self._above.cap_bytes,) * min(max(missing, 0), together)

    def _up(self, size: int) -> int:
        """Return ``size`` rounded up to the grid."""
        return -(-size // self._step) * self._step
