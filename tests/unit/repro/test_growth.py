"""Growth a cycle is told where there is some, all the time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from memcap.model import Moment
from memcap.repro.growth import growth_of

MIB = 1024 * 1024


def moments(*mib: float) -> list[Moment]:
    """Return a series with so many MiB at each second."""
    sizes = [int(each * MIB) for each in mib]
    return [
        Moment(seconds=float(second), usage=size, anon=size, file=0, shmem=0, kernel=0, low=size)
        for second, size in enumerate(sizes)
    ]


def growth(series: Sequence[Moment], cycles: int, seconds: float) -> float | None:
    found = growth_of(series, [seconds] * cycles)
    return None if found is None else found.bytes_per_cycle / MIB


def test_a_straight_line() -> None:
    assert growth(moments(*range(10, 31)), 20, 1.0) == 1.0
    assert growth(moments(*range(10, 31)), 40, 0.5) == 0.5


def test_what_was_before_the_first_cycle_does_not_count() -> None:
    assert growth(moments(0, 50, 100, *range(101, 112)), 10, 1.0) == 1.0


def test_the_first_cycle_sets_up() -> None:
    found = growth_of(moments(*[60] * 10, *range(61, 81)), [9.0, *[1.0] * 19])
    assert found is not None
    assert (found.bytes_per_cycle, found.cycles) == (MIB, 20)


def test_what_comes_and_goes_in_a_cycle_is_no_growth() -> None:
    waves = [second + 20 * (second % 2) for second in range(10, 50)]
    assert growth(moments(*waves), 20, 2.0) == pytest.approx(2.0, rel=0.1)
    assert growth(moments(*[10 + 20 * (second % 4) for second in range(41)]), 40, 1.0) is None


def test_what_is_after_the_peak_is_that_of_a_killed_process() -> None:
    assert growth(moments(*range(10, 31), 5, 0), 20, 1.0) == 1.0


def test_too_few_cycles_or_moments_tell_nothing() -> None:
    assert growth(moments(*range(10, 31)), 2, 10.0) is None
    assert growth(moments(10, 20), 4, 0.5) is None
    assert growth([], 4, 1.0) is None
    assert growth_of(moments(1, 2), []) is None


def test_what_came_at_once_is_no_growth() -> None:
    assert growth(moments(*[10] * 12, *[90] * 8, 91), 20, 1.0) is None
    assert growth(moments(*range(30, 10, -1)), 19, 1.0) is None
