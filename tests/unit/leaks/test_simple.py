"""The figures of the usual rule."""

from __future__ import annotations

import pytest

from memcap.leaks import Series, two_ends

MB = 1_000_000


def test_the_tenths_and_the_line() -> None:
    values = [100.0 * MB + MB * place for place in range(100)]

    found = two_ends(Series(seconds=[60.0 * place for place in range(100)], values=values))

    assert found.first == 104.5 * MB
    assert found.last == 194.5 * MB
    assert found.growth == 90 * MB
    assert found.growth_percent == pytest.approx(100 * 90 / 104.5)
    assert found.bytes_per_hour == pytest.approx(60 * MB)
    assert found.over


def test_few_samples_have_tenths_of_one() -> None:
    found = two_ends(Series(seconds=range(5), values=[1, 2, 3, 4, 50 * MB + 1]))

    assert (found.first, found.last, found.over) == (1, 50 * MB + 1, False)


def test_fewer_than_five_have_no_figures() -> None:
    found = two_ends(Series(seconds=range(4), values=range(4)))

    assert not found.enough
    assert (found.samples, found.growth, found.growth_percent, found.bytes_per_hour, found.over) == (4, *[None] * 4)


def test_nothing_has_no_per_cent_and_one_time_no_slope() -> None:
    found = two_ends(Series(seconds=[1] * 5, values=[0] * 5))

    assert (found.growth, found.growth_percent, found.bytes_per_hour) == (0, None, None)
