"""Summary statistics against hand-made figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.stats import Summary, mad, median, relative_change, summarize, variation


def test_summary() -> None:
    assert summarize([1, 1, 2, 2, 4, 6, 9]) == Summary(median=2, min=1, max=9, mad=1, n=7)


def test_no_values_have_no_summary() -> None:
    assert summarize([]) is None
    with pytest.raises(ValueError, match="no values"):
        median([])


def test_whole_numbers_stay_whole_where_that_is_exact() -> None:
    assert isinstance(median([1, 3]), int)
    assert median([1, 2]) == 1.5
    assert isinstance(median([1.0, 3.0]), float)


@given(st.lists(st.integers(0, 2**40), min_size=1))
def test_median_and_mad_lie_within_the_values(values: list[int]) -> None:
    assert min(values) <= median(values) <= max(values)
    assert 0 <= mad(values) <= max(values) - min(values)


def test_relative_change() -> None:
    assert relative_change(100, 112) == pytest.approx(0.12)
    assert relative_change(0, 5) is None
    assert relative_change(None, 5) is None
    assert relative_change(5, None) is None


def test_variation_is_the_standard_deviation_by_the_mean() -> None:
    assert variation([90, 100, 110]) == pytest.approx(0.1)
    assert variation([7, 7, 7]) == 0
    assert (variation([5]), variation([]), variation([-1, 1])) == (None, None, None)
