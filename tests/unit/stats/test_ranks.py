"""The rank test against SciPy, against counting by hand, and against its own promises."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import PermutationMethod, mannwhitneyu

from memcap.stats import probability_of_rise

VALUES = st.integers(0, 10**6)
FEW = st.integers(0, 4)  # many ties


def counted(base: Sequence[float], new: Sequence[float]) -> float:
    """Return the p-value by going through every way to split the values in two."""
    together = [*base, *new]
    picks = list(itertools.combinations(range(len(together)), len(new)))

    def pairs(pick: tuple[int, ...]) -> float:
        rest = [value for index, value in enumerate(together) if index not in pick]
        return sum((together[i] > other) + (together[i] == other) / 2 for i in pick for other in rest)

    found = pairs(tuple(range(len(base), len(together))))
    return sum(pairs(pick) >= found for pick in picks) / len(picks)


@given(st.lists(VALUES, min_size=1, max_size=12), st.lists(VALUES, min_size=1, max_size=12))
def test_without_ties_it_is_scipys_exact_test(base: list[int], new: list[int]) -> None:
    assume(len({*base, *new}) == len(base) + len(new))
    expected = mannwhitneyu(new, base, alternative="greater", method="exact").pvalue

    assert probability_of_rise(base, new) == pytest.approx(expected, rel=1e-9)


def test_without_ties_it_is_scipys_exact_test_for_large_samples_too() -> None:
    draw = random.Random(1)
    for n, m in ((30, 30), (20, 20), (5, 100), (100, 5), (29, 31)):
        base, new = [draw.random() for _ in range(m)], [draw.random() + 0.1 for _ in range(n)]
        expected = mannwhitneyu(new, base, alternative="greater", method="exact").pvalue
        assert probability_of_rise(base, new) == pytest.approx(expected, rel=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.lists(FEW, min_size=1, max_size=6), st.lists(FEW, min_size=1, max_size=6))
def test_with_ties_it_counts_every_split(base: list[int], new: list[int]) -> None:
    assert probability_of_rise(base, new) == pytest.approx(counted(base, new), rel=1e-9)


@pytest.mark.parametrize(("base", "new"), [([1, 1, 2, 2, 3], [1, 2, 3, 3, 4]), ([0, 0, 1], [0, 1, 1, 1, 2, 2])])
def test_with_ties_it_is_scipys_permutation_test(base: list[int], new: list[int]) -> None:
    every = PermutationMethod(n_resamples=math.inf)
    expected = mannwhitneyu(new, base, alternative="greater", method=every).pvalue

    assert probability_of_rise(base, new) == pytest.approx(expected, rel=1e-9)


def test_with_ties_in_larger_samples_it_is_scipys_permutation_test_within_its_chance() -> None:
    draw = random.Random(2)
    base, new = [draw.randrange(8) for _ in range(20)], [draw.randrange(8) + 2 for _ in range(18)]
    drawn = PermutationMethod(n_resamples=99_999, random_state=3)
    expected = mannwhitneyu(new, base, alternative="greater", method=drawn).pvalue

    found = probability_of_rise(base, new)
    assert 0 < found < 0.05
    assert found == pytest.approx(expected, abs=4 * math.sqrt(found / 99_999) + 1e-5)


@pytest.mark.parametrize("steps", [1000, 5])
def test_beyond_counting_it_is_scipys_normal_approximation(steps: int) -> None:
    draw = random.Random(4)
    base = [draw.randrange(steps) + draw.random() * (steps > 5) for _ in range(40)]
    new = [draw.randrange(steps) + draw.random() * (steps > 5) for _ in range(45)]
    expected = mannwhitneyu(new, base, alternative="greater", method="asymptotic").pvalue

    assert probability_of_rise(base, new) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("size", [3, 10, 40])
def test_samples_apart_are_as_unlikely_as_one_split_of_all(size: int) -> None:
    low, high = [7] * size, [9] * size

    assert probability_of_rise(low, high) == pytest.approx(1 / math.comb(2 * size, size))
    assert probability_of_rise(high, low) == 1
    assert probability_of_rise(low, low) == 1
    assert probability_of_rise(low, high, margin=2) == 1


@settings(deadline=None)
@given(
    st.lists(VALUES, min_size=1, max_size=20, unique=True),
    st.lists(VALUES, min_size=1, max_size=20, unique=True),
    st.integers(0, 10**6),
    st.integers(0, 10**6),
)
def test_a_wider_margin_is_never_easier_to_exceed(base: list[int], new: list[int], one: int, other: int) -> None:
    # Odd against even: a margin does not make ties, which change what there is to draw from.
    base, new = [2 * value for value in base], [2 * value + 1 for value in new]
    narrow, wide = sorted((2 * one, 2 * other))

    assert probability_of_rise(base, new, margin=narrow) <= probability_of_rise(base, new, margin=wide)


@settings(deadline=None)
@given(st.lists(FEW, min_size=1, max_size=15), st.lists(FEW, min_size=1, max_size=15))
def test_order_and_place_do_not_matter(base: list[int], new: list[int]) -> None:
    found = probability_of_rise(base, new)

    assert 0 < found <= 1
    assert probability_of_rise([value + 2**40 for value in base], [value + 2**40 for value in new]) == found
    assert probability_of_rise(sorted(base), sorted(new)) == found


@pytest.mark.parametrize("steps", [3, 50, 10**9])
def test_chance_is_called_a_rise_no_more_often_than_it_says(steps: int) -> None:
    draw = random.Random(5)

    def sample() -> list[int]:
        return [draw.randrange(steps) for _ in range(10)]

    found = [probability_of_rise(sample(), sample()) for _ in range(2000)]
    for level in (0.01, 0.05, 0.2):
        assert sum(p <= level for p in found) <= 2000 * level + 3 * math.sqrt(2000 * level)


def test_no_values_have_no_ranks() -> None:
    with pytest.raises(ValueError, match="no values"):
        probability_of_rise([], [1])
