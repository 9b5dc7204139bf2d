"""When runs are added until a cell is decided: how often it is judged, after how many runs, and which cells need more.

Whoever looks until the figures please finds something in pure chance. So the looks are counted before the first run,
and each gets its part of the false alarms (``Rules.looks``): S. J. Pocock, "Group sequential methods in the design and
analysis of clinical trials", Biometrika 64 (1977); the parts are equal here, and add up whatever the looks have in
common (Bonferroni).
"""

from __future__ import annotations

from collections.abc import Iterable

from memcap.model import Rules, Verdict, VerdictState
from memcap.stats import values_needed

OPEN = (VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA)


def sizes_of_looks(runs: int, most: int, rules: Rules, *, base_runs: Iterable[int] | None) -> tuple[int, ...]:
    """Return after how many runs of a cell it is judged: ``runs``, then twice as many each time, at last ``most``.

    The first look comes later where that few runs could say nothing beside bases of ``base_runs`` runs (None: the base
    grows together with the cell): that depends on numbers alone, not on figures.
    """
    sizes = [runs]
    while sizes[-1] < most:
        sizes.append(min(2 * sizes[-1], most))
    confidence = 1 - rules.false_alarms / len(sizes)
    if base_runs is None:
        needed = [_needed_on_both_sides(most, confidence)]
    else:
        needed = [values_needed(base, confidence=confidence) or runs for base in set(base_runs)]
    first = min(most, max([runs, *needed]))
    return (first, *(size for size in sizes if size > first))


def why_more(verdict: Verdict, rules: Rules, *, base_grows: bool) -> str:
    """Return what more runs of the cell would decide, in words; nothing if it is decided, or they would not help.

    A base that has too few runs itself is no reason, unless ``base_grows`` together with the cell.
    """
    if verdict.state not in OPEN:
        return ""
    return "; ".join(
        f"{each.metric.value} {each.detail}"
        for each in verdict.metrics
        if each.state in OPEN and (base_grows or len(each.base_values) >= rules.minimum_runs)
    )


def _needed_on_both_sides(most: int, confidence: float) -> int:
    """Return the fewest values that can be compared with as many, or ``most`` if no fewer can."""
    for n in range(1, most):
        if (values_needed(n, confidence=confidence) or most) <= n:
            return n
    return most
