"""What a finished search says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memcap.fitting.search import Goal, bracket_of, clock_of, confirmations, costly_of, is_noisy
from memcap.fitting.timelost import Clock, Comfort, TimeLost
from memcap.fitting.trials import Point, Reference, Trial, uncapped_point


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The answer. ``curve`` has all caps that were tried, the smallest first; ``runs`` leaves the reference's out.

    ``minimum`` is the smallest viable cap, ``below`` the largest that is not (None: the floor is viable). Where no cap
    that was tried is viable, ``minimum`` is that of the reference. ``comfortable`` is the smallest cap that costs no
    time, None if none was found; ``disturbed_up_to`` is the largest that costs some (None: none). ``noisy``: runs of
    the same cap ended differently; ``confirmed``: the minimum survived as many runs as it had to. ``clock`` tells of
    each cap of the curve how much time is lost with it.
    """

    goal: Goal
    reference: Reference
    clock: Clock
    curve: tuple[Point, ...]
    minimum: Point
    below: Point | None
    comfortable: Point | None
    disturbed_up_to: Point | None
    noisy: bool
    confirmed: bool

    @property
    def runs(self) -> int:
        """Count the runs after the first measurement, also those without a cap that took turns with others."""
        return sum(len(point.trials) for point in self.curve) + self._without

    @property
    def search_runs(self) -> int:
        """Count the same without those that took turns with runs without a cap, which are limited apart."""
        return self.runs - 2 * self._without

    @property
    def _without(self) -> int:
        return len(self.clock.reference.trials) - len(self.reference.trials)

    @property
    def unreached_bytes(self) -> int:
        """Return a cap that the workload never reaches, so that it cannot cost time; it need not have been tried."""
        enough = self.reference.enough_bytes(self.goal.resolution_bytes)
        low = self.disturbed_up_to.cap_bytes if self.disturbed_up_to else 0
        return enough if low < enough else self.reference.cap_bytes

    @property
    def time_lost(self) -> TimeLost | None:
        """Return what is known of the time that is lost with the comfortable cap."""
        return None if self.comfortable is None else self.clock.time_lost(self.comfortable)

    @property
    def is_found(self) -> bool:
        """Tell whether a cap that was tried is viable."""
        return self.minimum.cap_bytes < self.reference.cap_bytes

    @property
    def within_bytes(self) -> int:
        """Return how far the true minimum may be below ``minimum``."""
        return self.minimum.cap_bytes - self.below.cap_bytes if self.below else 0

    @property
    def is_resolved(self) -> bool:
        """Tell whether that is as near as was asked for."""
        return self.within_bytes <= self.goal.resolution_bytes

    @property
    def is_floor(self) -> bool:
        """Tell whether it might do with less than can be tried."""
        return self.below is None and self.minimum.cap_bytes <= self.goal.floor_bytes


def conclude(goal: Goal, reference: Reference, trials: Sequence[Trial]) -> Fit:
    """Return what ``trials`` say, be the search finished or cut short."""
    clock = clock_of(goal, reference, trials)
    curve, patchy = clock.points, reference.is_patchy
    bracket = bracket_of(curve, patchy=patchy)
    minimum = bracket.above or uncapped_point(reference, slowdown_limit=goal.slowdown)
    disturbed = costly_of(clock, bracket, patchy=patchy)
    low = disturbed.cap_bytes if disturbed else 0
    fine = (point for point in curve if point.cap_bytes > low and clock.comfort(point) is Comfort.YES)
    return Fit(
        goal=goal,
        reference=reference,
        clock=clock,
        curve=curve,
        minimum=minimum,
        below=bracket.below,
        comfortable=next(fine, None),
        disturbed_up_to=disturbed,
        noisy=is_noisy(curve),
        confirmed=len(minimum.trials) >= confirmations(curve),
    )
