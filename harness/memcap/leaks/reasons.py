"""The sentence that says why a series is what it is called."""

from __future__ import annotations

from memcap.leaks.level import FULL_BY, LEAST, Standing
from memcap.leaks.oscillation import Oscillation
from memcap.leaks.rising import LEAST_RISE, Rising
from memcap.leaks.verdict import LeakClass
from memcap.units import format_bytes, format_seconds


def too_few(samples: int, fewest: int, seconds: float) -> str:
    """Return the reason for judging nothing."""
    needed = f"{fewest} over {format_seconds(seconds)} are needed"
    return f"the samples are too few, or too close together ({samples}; {needed})"


def waits(rise: float) -> str:
    """Return the reason for not calling a rise a leak whose objects were garbage."""
    return (
        f"memory grew by {format_bytes(rise)}, but at least half of what grew was garbage that Python's collector had"
        " not freed yet; with --gc, or in a longer run, it shows whether the program leaks"
    )


def reason_of(kind: LeakClass, rise: Rising, stands: Standing, swings: Oscillation, *, seconds: float) -> str:
    """Return the reason in one sentence; ``seconds`` is the time after the warm-up."""
    hour = 3600 / seconds
    if kind.leak and rise.slope is not None:
        pace = f"{format_bytes(rise.slope.estimate * hour)} an hour"
        between = f"{format_bytes(rise.slope.low * hour)} to {format_bytes(rise.slope.high * hour)}"
        if kind is LeakClass.SUPERLINEAR_LEAK:
            return (
                f"memory grew faster and faster, by {pace} on average and {format_bytes(rise.last_third * hour)} last"
            )
        return f"memory grew by {pace} ({between}) up to the end of the run"
    more = format_bytes(stands.rise)
    if kind is LeakClass.STEP:
        return f"memory rose by {more} at once and was level before and after"
    if kind is LeakClass.BOUNDED_CACHE:
        return f"memory rose by {more} and then stayed level"
    if kind is LeakClass.NOT_ENOUGH_DATA:
        return f"memory still rose at the end, but not evenly; a longer run shows whether the {more} are a leak"
    unseen = f"a leak below {format_bytes(rise.detectable * hour)} an hour would not show in {format_seconds(seconds)}"
    grew = "did not grow"
    if stands.rise > LEAST and stands.until > FULL_BY:
        grew = f"grew by {more}, less than the {format_bytes(LEAST_RISE)} that is taken at once"
    came = "" if kind is LeakClass.FLAT else f"came and went by {format_bytes(swings.height)} and "
    return f"memory {came}{grew}; {unseen}"
