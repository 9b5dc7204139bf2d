"""What a finished search says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memcap.fit.search import Goal, bracket_of, confirmations, is_noisy
from memcap.fit.trials import Point, Reference, Trial, points_of


@dataclass(frozen=True, kw_only=True)
class Fit:
    """The answer. ``curve`` has all caps that were tried, the smallest first; ``runs`` leaves the reference's out.

    ``minimum`` is the smallest viable cap, ``below`` the largest that is not (None: the floor is viable). Where no cap
    that was tried is viable, ``minimum`` is that of the reference. ``comfortable`` is the smallest undisturbed cap
    that was tried, ``disturbed_up_to`` the largest that is not (None: none). ``noisy``: runs of the same cap ended
    differently; ``confirmed``: the minimum survived as many runs as it had to.
    """

    goal: Goal
    reference: Reference
    curve: tuple[Point, ...]
    minimum: Point
    below: Point | None
    comfortable: Point | None
    disturbed_up_to: Point | None
    noisy: bool
    confirmed: bool

    @property
    def runs(self) -> int:
        """Count the runs after the first measurement."""
        return sum(len(point.trials) for point in self.curve)

    @property
    def comfortable_bytes(self) -> int:
        """Return the comfortable cap; where none was tried, the one that the workload never reaches."""
        if self.comfortable is not None:
            return self.comfortable.cap_bytes
        enough = self.reference.enough_bytes(self.goal.resolution_bytes)
        low = self.disturbed_up_to.cap_bytes if self.disturbed_up_to else 0
        return enough if low < enough else self.reference.cap_bytes

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
    curve = points_of(trials, reference, slowdown_limit=goal.slowdown)
    (uncapped,) = points_of(reference.trials, reference, slowdown_limit=goal.slowdown)
    bracket = bracket_of(curve)
    minimum = bracket.above or uncapped
    disturbed = max((each for each in curve if not each.is_undisturbed), key=lambda each: each.cap_bytes, default=None)
    low = disturbed.cap_bytes if disturbed else 0
    comfortable = next((each for each in curve if each.is_undisturbed and each.cap_bytes > low), None)
    return Fit(
        goal=goal,
        reference=reference,
        curve=curve,
        minimum=minimum,
        below=bracket.below,
        comfortable=comfortable,
        disturbed_up_to=disturbed,
        noisy=is_noisy(curve),
        confirmed=len(minimum.trials) >= confirmations(curve),
    )
