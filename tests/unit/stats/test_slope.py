"""The slope that several groups of points share."""

from __future__ import annotations

import random
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.stats import common_slope, mean_interval

_HEIGHTS = st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=4)


@given(heights=_HEIGHTS, rise=st.integers(-1000, 1000), xs=st.lists(st.integers(0, 1000), min_size=3, unique=True))
def test_points_on_parallel_lines_give_their_slope_whatever_their_heights(
    heights: list[int], rise: int, xs: list[int]
) -> None:
    found = common_slope([[(x, height + rise * x) for x in xs] for height in heights])
    assert found is not None
    assert found.low is not None and found.high is not None  # noqa: PT018
    assert found.estimate == pytest.approx(rise, abs=1e-4)
    assert found.low <= found.estimate <= found.high


def test_one_line_agrees_with_the_standard_library() -> None:
    points = [(1.0, 2.0), (2.0, 3.5), (4.0, 9.0), (7.0, 11.0)]
    found = common_slope([points])
    assert found is not None
    assert found.estimate == pytest.approx(statistics.linear_regression(*zip(*points, strict=True)).slope)


def test_two_points_have_no_interval_and_two_pairs_have_one() -> None:
    pair = [(0.0, 1.0), (2.0, 5.0)]
    alone, both = common_slope([pair]), common_slope([pair, [(0.0, 10.0), (2.0, 15.0)]])
    assert alone is not None and both is not None  # noqa: PT018
    assert (alone.estimate, alone.low, alone.high) == (2, None, None)
    assert both.estimate == 2.25
    assert both.low is not None


@pytest.mark.parametrize("groups", [[], [[]], [[(1.0, 2.0)]], [[(1.0, 2.0), (1.0, 3.0)], [(2.0, 9.0)]]])
def test_without_two_places_in_a_group_there_is_no_slope(groups: list[list[tuple[float, float]]]) -> None:
    assert common_slope(groups) is None


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    chance = random.Random(5)
    inside = 0
    for _ in range(1000):
        groups = [[(x, height + 3 * x + chance.gauss(0, 5)) for x in (1.0, 3.0, 7.0)] for height in (0, 50, 200)]
        found = common_slope(groups)
        assert found is not None and found.low is not None and found.high is not None  # noqa: PT018
        inside += found.low <= 3 <= found.high
    assert 930 <= inside <= 970


def test_the_mean_has_students_interval() -> None:
    found = mean_interval([1.0, 2.0, 3.0])
    assert found is not None
    assert found.estimate == 2
    assert found.high == pytest.approx(2 + 4.302653 / 3**0.5)
    assert mean_interval([1.0, 2.0]) is None
