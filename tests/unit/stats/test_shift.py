"""The shift between two samples and its interval: by hand, by its symmetries, and by experiments."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.stats import shift, values_needed

SAMPLES = st.lists(st.integers(0, 2**42), min_size=5, max_size=25)


def test_by_hand() -> None:
    """The differences are -1 … 12; 4 v 5 values have 126 arrangements, 2 of which lie below the second difference."""
    base, new = [1, 2, 3, 4], [3, 5, 7, 9, 13]
    ordered = sorted(b - a for a in base for b in new)

    found = shift(base, new, confidence=0.96)

    assert found is not None
    assert (found.estimate, found.low, found.high) == (statistics.median(ordered), ordered[1], ordered[-2])
    assert found.confidence == pytest.approx(1 - 2 * 2 / 126)


def test_the_confidence_is_the_least_that_reaches_what_is_asked() -> None:
    """10 v 10 at 95 %: the textbook's critical value of U is 23, so the 24th difference from either end."""
    base, new = list(range(0, 1000, 100)), list(range(10))
    ordered = sorted(b - a for a in base for b in new)

    found = shift(base, new, confidence=0.95)

    assert found is not None
    assert (found.low, found.high) == (ordered[23], ordered[-24])
    assert 0.95 <= found.confidence < 0.96


def test_samples_too_small_for_the_confidence_have_none() -> None:
    assert shift([1, 2, 3, 4], [1, 2, 3, 4], confidence=0.99) is None
    assert shift([1, 2, 3, 4], [1, 2, 3, 4], confidence=0.95) is not None
    assert shift([], [1, 2], confidence=0.5) is None
    assert shift([1] * 5, [1] * 5, confidence=0.99) is not None


def test_values_needed_is_where_the_interval_begins() -> None:
    for confidence in (0.8, 0.95, 0.99, 0.999):
        for other in range(1, 30):
            needed = values_needed(other, confidence=confidence)
            if needed is None:
                assert shift([1] * other, [1] * 100, confidence=confidence) is None
            else:
                assert shift([1] * other, [1] * needed, confidence=confidence) is not None
                assert needed == 1 or shift([1] * other, [1] * (needed - 1), confidence=confidence) is None
    assert values_needed(5, confidence=0.99) == 5
    assert values_needed(0, confidence=0.99) is None
    assert values_needed(1, confidence=0.99) is None


def test_without_scatter_the_interval_has_no_width() -> None:
    found = shift([7] * 10, [9] * 10, confidence=0.99)

    assert found is not None
    assert (found.low, found.estimate, found.high) == (2, 2, 2)


@given(SAMPLES, SAMPLES, st.integers(0, 2**42))
def test_what_is_added_to_one_sample_is_added_to_the_shift(base: list[int], new: list[int], more: int) -> None:
    before = shift(base, new, confidence=0.99)
    after = shift(base, [value + more for value in new], confidence=0.99)

    assert before is not None
    assert after is not None
    assert before.low <= before.estimate <= before.high
    assert (after.low, after.estimate, after.high) == (before.low + more, before.estimate + more, before.high + more)


@given(SAMPLES, SAMPLES)
def test_the_other_way_round_it_is_negated(base: list[int], new: list[int]) -> None:
    there, back = shift(base, new, confidence=0.99), shift(new, base, confidence=0.99)

    assert there is not None
    assert back is not None
    assert (there.low, there.estimate, there.high) == (-back.high, -back.estimate, -back.low)
    assert there.confidence == back.confidence


@pytest.mark.parametrize("size", [5, 10, 35])
@pytest.mark.parametrize("shape", ["normal", "outliers", "pages"])
def test_the_interval_holds_the_truth_as_often_as_it_says(size: int, shape: str) -> None:
    draw = np.random.RandomState(6)
    scatters: dict[str, Callable[[], np.typing.NDArray[np.float64]]] = {
        "normal": lambda: draw.standard_normal(size),
        "outliers": lambda: draw.standard_cauchy(size),
        "pages": lambda: np.floor(draw.standard_normal(size) * 2) * 4096,
    }
    scatter = scatters[shape]
    tries, missed, reached = 2000, 0, 0.0
    for _ in range(tries):
        found = shift(scatter().tolist(), (scatter() + 12288).tolist(), confidence=0.9)
        assert found is not None
        reached = found.confidence
        missed += not found.low <= 12288 <= found.high

    expected = tries * (1 - reached)
    assert missed <= expected + 3 * math.sqrt(expected)
    if shape != "pages":  # ties only make it wider
        assert missed >= expected - 3 * math.sqrt(expected)
