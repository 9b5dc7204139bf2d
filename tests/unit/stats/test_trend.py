"""A line that is extrapolated says how sure it is; SciPy and known series are the reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from memcap.stats import project
from memcap.stats.trend import student

SIZES = st.lists(st.integers(0, 10**9), min_size=3, max_size=50)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99, 0.9999])
@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 9, 58, 999, 9998])
def test_student_is_as_scipy_says(confidence: float, freedom: int) -> None:
    assert student(confidence, freedom) == pytest.approx(stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-9)


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_a_confidence_is_a_share(confidence: float) -> None:
    with pytest.raises(ValueError, match="not between 0 and 1"):
        student(confidence, 5)


def test_what_lies_on_a_line_is_projected_exactly() -> None:
    found = project([56 * call for call in range(1, 31)], at=10_000)

    assert found is not None
    assert found.slope == pytest.approx(56)
    assert (found.low, found.estimate, found.high) == pytest.approx((560_000, 560_000, 560_000))


@pytest.mark.parametrize("values", [[], [5.0], [5.0, 7.0]])
def test_two_values_say_nothing(values: list[float]) -> None:
    assert project(values, at=100) is None


@pytest.mark.parametrize("at", [1, 25, 500])
def test_the_interval_of_alternating_deviations_is_the_textbooks(at: int) -> None:
    """They share nothing with their successors, so that nothing is corrected."""
    x = np.arange(1, 41)
    y = 3.0 * x + np.where(x % 4 < 2, 1.0, -1.0) * np.where(x % 2, 1.0, 1.5)
    line = stats.linregress(x, y)
    rest = y - line.intercept - line.slope * x
    assert (rest[:-1] * rest[1:]).sum() < 0
    error = np.sqrt((rest**2).sum() / 38 * (1 + 1 / 40 + (at - 20.5) ** 2 / ((x - 20.5) ** 2).sum()))
    reach = stats.t.ppf(0.975, 38) * error

    found = project(y.tolist(), at=at)

    assert found is not None
    assert found.estimate == pytest.approx(line.intercept + line.slope * at)
    assert (found.low, found.high) == pytest.approx((found.estimate - reach, found.estimate + reach))


@pytest.mark.parametrize(("lasting", "covered"), [(0.0, 0.93), (0.9, 0.88), (0.98, 0.8)])
def test_intervals_hold_a_new_value_as_often_as_they_say(lasting: float, covered: float) -> None:
    """95 in 100 of independent deviations; somewhat fewer where the deviations last for a good part of the series."""
    draw = np.random.RandomState(7)
    inside = 0
    for _ in range(400):
        noise = draw.standard_normal(300) * np.sqrt(1 - lasting**2)
        deviations = [draw.standard_normal()]
        for each in noise:
            deviations.append(lasting * deviations[-1] + each)
        found = project([0.5 * x + deviation for x, deviation in enumerate(deviations, start=1)], at=1000)
        assert found is not None
        inside += found.low <= 500 + draw.standard_normal() <= found.high
    assert inside / 400 >= covered


@given(values=SIZES, at=st.integers(1, 10**6))
def test_an_interval_holds_its_estimate_and_widens_with_distance(values: list[float], at: int) -> None:
    near, far = project(values, at=len(values) + at), project(values, at=len(values) + 2 * at)

    assert near is not None
    assert far is not None
    assert near.low <= near.estimate <= near.high
    assert far.high - far.low >= (near.high - near.low) * (1 - 1e-9) - 1e-6
