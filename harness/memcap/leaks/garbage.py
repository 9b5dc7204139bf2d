"""Was what grew garbage that waits for the collector of the oldest generation?

That collector runs once in many minutes where a program keeps much (`gc`: only when the objects that wait for it are a
quarter of all old ones). Until then, cyclic garbage looks like a leak. Memory alone cannot tell them apart; counts of
objects and a collection at the end can.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

TEETH: Final = 3  # full collections in the time that is judged, after which the series has seen garbage come and go
SHARE: Final = 0.5  # of what grew must have been garbage
MOST: Final = 4.0  # times what grew: more than that comes and goes, and is not what grew
MOST_OF_AN_OBJECT: Final = 128 * 1024  # larger blocks are mappings of their own, which the kernel gets back at once
_THIRDS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Collection:
    """A collection of all generations: when, and by how many ``objects`` there were fewer after it."""

    seconds: float
    objects: int


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What is known of the garbage of one Python process.

    ``counts`` are objects that the collector tracks, by time in seconds. ``collections`` are the last `TEETH` full ones
    before the end. ``freed_objects`` and ``freed_bytes`` are what another one freed when the time was over; the bytes
    are what the kernel got back, None where that is not known.
    """

    counts: Sequence[tuple[float, int]]
    collections: Sequence[Collection]
    freed_objects: int
    freed_bytes: int | None = None


def waiting(garbage: Garbage, rise: float, begin: float, end: float) -> bool:
    """Tell whether a ``rise`` in bytes from ``begin`` to ``end`` (seconds) may be garbage that waits for the collector.

    That is so where fewer than `TEETH` full collections fell into this time, and they and the one after it freed at
    least half of the objects, or of the bytes, that there would be more without them.
    """
    within = [each for each in garbage.collections if begin <= each.seconds <= end]
    if len(within) >= TEETH:
        return False
    if garbage.freed_bytes is not None and SHARE * rise <= garbage.freed_bytes <= MOST * rise:
        return True
    freed = garbage.freed_objects + sum(each.objects for each in within)
    grown = _growth(garbage.counts, within, begin, end)
    return SHARE * grown <= freed <= MOST * grown and rise <= freed * MOST_OF_AN_OBJECT


def _growth(counts: Sequence[tuple[float, int]], collections: Sequence[Collection], begin: float, end: float) -> float:
    """Return how many objects there would be more at the end, had no full collection freed any; 0 if not known.

    From the least of the first third to that of the last, so that what young generations free does not count.
    """
    thirds: list[list[int]] = [[] for _ in range(_THIRDS)]
    for seconds, count in counts:
        if begin <= seconds <= end and begin < end:
            place = min(int(_THIRDS * (seconds - begin) / (end - begin)), _THIRDS - 1)
            thirds[place].append(count + sum(each.objects for each in collections if each.seconds <= seconds))
    if not thirds[0] or not thirds[-1]:
        return 0.0
    return (min(thirds[-1]) - min(thirds[0])) * _THIRDS / (_THIRDS - 1)
