"""Summary statistics against hand-made figures."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.stats import Summary, holm, mad, median, relative_change, spread_test, summarize, variation


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


def test_variation_is_the_standard_deviation_by_the_mean() -> None:
    assert variation([90, 100, 110]) == pytest.approx(0.1)
    assert variation([7, 7, 7]) == 0
    assert (variation([5]), variation([]), variation([-1, 1])) == (None, None, None)


WIDE = [1000 + 10 * step for step in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)]
NARROW = [5000 + step for step in (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)]


def test_less_scatter_is_told_from_chance_in_both_directions() -> None:
    less, more = spread_test(WIDE, NARROW)
    assert less < 0.001
    assert more > 0.99
    assert spread_test(NARROW, WIDE) == pytest.approx((more, less), abs=0.001)


def test_scatter_is_relative_to_the_median() -> None:
    """The same figures in another unit scatter alike."""
    less, more = spread_test(WIDE, [value * 1024 for value in WIDE])
    assert min(less, more) > 0.3


def test_without_any_scatter_nothing_is_quieter() -> None:
    assert spread_test([5] * 10, [7] * 10) == (1, 1)


def test_one_disturbed_run_is_no_proof() -> None:
    less, _ = spread_test([*WIDE[:-1], 2000], WIDE)
    assert less > 0.05


def test_the_same_values_give_the_same_answer() -> None:
    assert spread_test(WIDE, NARROW[:7]) == spread_test(WIDE, NARROW[:7])


def test_chance_is_called_a_difference_about_as_often_as_it_says() -> None:
    draw = random.Random(7)
    samples = [([draw.gauss(1000, 1) for _ in range(10)], [draw.gauss(1000, 1) for _ in range(10)]) for _ in range(200)]
    false_alarms = sum(spread_test(base, new, resamples=199)[0] <= 0.05 for base, new in samples)
    assert false_alarms < 0.12 * len(samples)


def test_many_comparisons_are_corrected_after_holm() -> None:
    # The worked example of the method: each is multiplied by how many are not smaller, and none overtakes another.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()
