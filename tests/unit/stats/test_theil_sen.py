"""The slope that outliers do not sway, and how often its interval holds the truth."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import theilslopes

from memcap.stats import theil_sen

VALUES = st.lists(st.integers(-(10**9), 10**9), min_size=3, max_size=40)


@given(VALUES)
def test_it_is_scipys_slope(values: list[int]) -> None:
    found = theil_sen(range(len(values)), values)

    assert found is not None
    assert found.estimate == pytest.approx(theilslopes(values, range(len(values))).slope)
    assert found.low <= found.estimate <= found.high


def test_a_line_has_its_slope_whatever_a_few_values_are() -> None:
    values = [5.0 * place for place in range(40)]
    values[7], values[20], values[33] = 1e6, -1e6, 1e6

    found = theil_sen(range(40), values)

    assert found is not None
    assert found.estimate == pytest.approx(5)


@pytest.mark.parametrize("x", [[], [1.0], [1.0, 2.0], [3.0] * 10, [1.0, 2.0] * 5])
def test_fewer_than_three_places_have_no_slope(x: list[float]) -> None:
    assert theil_sen(x, x) is None


def test_equal_places_are_left_out() -> None:
    found = theil_sen([0, 0, 1, 1, 2, 2], [0, 9, 2, 11, 4, 13])

    assert found is not None
    assert found.estimate == pytest.approx(2)


@pytest.mark.parametrize("lasting", [0.0, 0.5, 0.8])
def test_the_interval_holds_the_truth_although_values_resemble_each_other(lasting: float) -> None:
    draw, held, experiments = random.Random(1), 0, 150
    for _ in range(experiments):
        level, values = draw.gauss(0, 1), []
        for place in range(48):
            level = lasting * level + draw.gauss(0, (1 - lasting**2) ** 0.5)
            values.append(0.1 * place + level)
        found = theil_sen(range(48), values)
        assert found is not None
        held += found.low <= 0.1 <= found.high
    assert held / experiments >= (0.97 if lasting < 0.7 else 0.88)


def test_the_same_values_have_the_same_interval() -> None:
    draw = random.Random(2)
    values = [draw.random() for _ in range(30)]

    assert theil_sen(range(30), values) == theil_sen(range(30), values)
