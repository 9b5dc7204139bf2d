"""Whether a cap is enough from a cold start, when no file of the image is in the page cache yet. Pure.

Warm runs map files that somebody else was charged for; on a fresh machine the container pays for them itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.fitting.trials import Reference, Trial

COLD_RUNS: Final = 3
_MOST_STEPS: Final = 6
_PARTS: Final = 16  # the smallest cap for a cold start is found to a 16th
_SLOWER: Final = 2.0  # times a cold start with as good as no cap: reading from disk scatters
_SLOWER_SECONDS: Final = 1.0


@dataclass(frozen=True, kw_only=True)
class Cold:
    """What cold starts showed.

    ``minimum_cap_bytes`` is the smallest cap that all its cold starts survived, None if none was found; ``survived``
    of ``runs`` did with the recommended cap. ``reason`` says why nothing was ``checked``.
    """

    checked: bool
    minimum_cap_bytes: int | None = None
    survived: int = 0
    runs: int = 0
    reason: str = ""


def next_cold_cap(limit: int, reference: Reference, trials: Sequence[Trial], *, step: int) -> int | None:
    """Return the cap of the next cold start, None when no more are needed.

    First ``limit`` is tried, which warm runs recommend; if that is too little, the cap that is never reached, then by
    halves. Where a larger cap may kill though a smaller one does not (``Reference.is_patchy``), each is half as large
    again as the one before. What is found has to survive COLD_RUNS.
    """
    good, bad = survived_cold(reference, trials), failed_cold(reference, trials)
    low = max(bad, default=0)
    found = sorted(cap for cap in good if cap > low)
    enough = max(reference.enough_bytes(step), limit)
    if not trials:
        return limit
    if low >= enough:
        return None  # not even that: it is not for want of memory
    best = found[0] if found else None
    if low and len(set(good) | set(bad)) < _MOST_STEPS:
        if best is None:
            return min(-(-low * 3 // 2 // step) * step, enough) if reference.is_patchy else enough
        if best - low > max(step, best // _PARTS):
            return low + max(1, (best - low) // step // 2) * step
    if best is None:
        return enough
    return best if good[best] < COLD_RUNS else None


def survived_cold(reference: Reference, trials: Sequence[Trial]) -> dict[int, int]:
    """Return how many cold starts each cap survived that none of its cold starts failed with."""
    bad = set(failed_cold(reference, trials))
    found: dict[int, int] = {}
    for trial in trials:
        if trial.cap_bytes not in bad:
            found[trial.cap_bytes] = found.get(trial.cap_bytes, 0) + 1
    return found


def failed_cold(reference: Reference, trials: Sequence[Trial]) -> list[int]:
    """Return the caps with which a cold start was killed, or took much longer than one without a cap."""
    usual = reference.seconds
    longest = None if usual is None else max(usual * _SLOWER, usual + _SLOWER_SECONDS)
    return [
        trial.cap_bytes
        for trial in trials
        if not trial.survived or (longest is not None and trial.seconds is not None and trial.seconds > longest)
    ]
