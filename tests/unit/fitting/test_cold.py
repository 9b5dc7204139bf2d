"""From which cap a program starts from cold."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from simulated_workload import MIB

from memcap.fitting import Reference, Trial
from memcap.fitting.cold import COLD_RUNS, failed_cold, next_cold_cap, survived_cold
from memcap.model import Ending


def started(cap: float, *, survived: bool = True, seconds: float = 1.0) -> Trial:
    return Trial(
        cap_bytes=round(cap * MIB),
        survived=survived,
        ending=Ending.COMPLETED if survived else Ending.OOM_KILLED,
        seconds=seconds if survived else None,
        wall_seconds=seconds,
        peak_bytes=round(240 * MIB),
        need_bytes=200 * MIB,
    )


def search(limit: float, lives: Callable[[float], bool], *, patchy: bool = False) -> tuple[int, list[Trial]]:
    before = started(4096)
    if patchy:
        before = Trial(**{**before.__dict__, "need_low_bytes": 10 * MIB})
    reference, trials = Reference(trials=(before,)), list[Trial]()
    while cap := next_cold_cap(round(limit * MIB), reference, trials, step=MIB):
        trials.append(started(cap / MIB, survived=lives(cap / MIB)))
    good, low = survived_cold(reference, trials), max(failed_cold(reference, trials), default=0)
    return min((cap for cap in good if cap > low), default=0) // MIB, trials


def test_what_is_enough_is_tried_so_many_times() -> None:
    found, trials = search(60, lambda _: True)
    assert (found, len(trials)) == (60, COLD_RUNS)


@pytest.mark.parametrize("need", [62, 100, 214, 240])
def test_what_a_cold_start_needs_is_found_above(need: float) -> None:
    found, trials = search(9, lambda cap: cap >= need)
    assert need <= found <= need * 1.25 + 8
    assert len(trials) <= 9


def test_a_start_that_takes_much_longer_counts_as_failed() -> None:
    reference = Reference(trials=(started(4096, seconds=3.0),))
    assert failed_cold(reference, [started(60, seconds=5.9), started(50, seconds=6.1)]) == [50 * MIB]


def test_nothing_helps_if_not_even_the_peak_is_enough() -> None:
    found, trials = search(60, lambda _: False)
    assert found == 0
    assert len(trials) == 2


def test_huge_pages_are_met_from_below() -> None:
    found, _ = search(9, lambda cap: 12 <= cap < 40 or cap > 235, patchy=True)
    assert 12 <= found < 40
