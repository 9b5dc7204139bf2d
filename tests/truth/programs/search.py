"""Find the smallest cap under which a program ends well: pure, without Docker."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PAGE = 4096
RESOLUTION_BYTES = 64 * 1024
RESOLUTION_SHARE = 0.005  # of the cap, where that is more
ASCENT = 1.5
TRIES_BELOW = 8
SURE = 3  # so many of so many runs must end alike

Lives = Callable[[int], bool]


class NeverLivesError(Exception):
    """A program did not end well under the largest cap."""


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Under ``lives`` bytes each of the runs ended well, under ``dies`` none of them did.

    Between the two it is a matter of chance.
    """

    dies: int
    lives: int


def find_bounds(lives: Lives, *, least: int, most: int, patchy: bool = False) -> Bounds:
    """Return the bounds of the smallest cap that is enough, between ``least`` and ``most`` bytes.

    From below, because a larger cap is not always enough where a smaller one is; ``patchy``: such gaps are expected,
    and more of the smaller caps are tried. ``least`` is taken for too small without a try. Raises NeverLivesError.
    """
    low, high = _ascend(lives, least, most)
    if patchy:
        low, high = _look_below(lives, low, high)
    while high - low > resolution(high):
        middle = _rounded((low + high) / 2)
        if lives(middle):
            high = middle
        else:
            low = middle
    return Bounds(dies=_settle_down(lives, low, least), lives=_settle_up(lives, high, most))


def resolution(cap: int) -> int:
    """Return how exactly the smallest cap is looked for."""
    return max(RESOLUTION_BYTES, int(cap * RESOLUTION_SHARE))


def _ascend(lives: Lives, least: int, most: int) -> tuple[int, int]:
    low, high = least, _rounded(least * ASCENT)
    while not lives(min(high, most)):
        if high >= most:
            raise NeverLivesError
        low, high = high, _rounded(high * ASCENT)
    return low, min(high, most)


def _look_below(lives: Lives, low: int, high: int) -> tuple[int, int]:
    """Return a step of the ascent again, after some caps below it that may be enough."""
    below = int(low / ASCENT)
    tries = [_rounded(below + (low - below) * number / TRIES_BELOW) for number in range(1, TRIES_BELOW)]
    for former, cap in zip([below, *tries], tries, strict=False):
        if lives(cap):
            return former, cap
    return low, high


def _settle_up(lives: Lives, cap: int, most: int) -> int:
    """Return the smallest cap tried, from one that was enough once, that is always enough."""
    step, proven = resolution(cap), 1
    while True:
        while proven < SURE and lives(cap):
            proven += 1
        if proven == SURE:
            return cap
        if cap >= most:
            raise NeverLivesError
        cap, step, proven = min(cap + step, most), 2 * step, 0


def _settle_down(lives: Lives, cap: int, least: int) -> int:
    """Return the largest cap tried, from one that was too small once, that is always too small."""
    step, proven = resolution(cap), 1
    while cap > least:
        while proven < SURE and not lives(cap):
            proven += 1
        if proven == SURE:
            return cap
        cap, step, proven = max(cap - step, least), 2 * step, 0
    return least


def _rounded(number: float) -> int:
    return int(number) // PAGE * PAGE
