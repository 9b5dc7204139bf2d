"""Corrections for many tests against SciPy, against the methods' own examples, and in experiments."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from memcap.stats import benjamini_hochberg, holm

PROBABILITIES = st.lists(st.floats(0, 1, allow_subnormal=False), max_size=60)


def test_many_comparisons_are_corrected_after_holm() -> None:
    # The worked example of the method: each is multiplied by how many are not smaller, and none overtakes another.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.9, 0.8]) == (1.0, 1.0)
    assert holm([]) == ()


@given(PROBABILITIES)
def test_benjamini_hochberg_is_scipys(probabilities: list[float]) -> None:
    expected = false_discovery_control(probabilities) if probabilities else []

    assert benjamini_hochberg(probabilities) == pytest.approx(tuple(expected))


@given(PROBABILITIES, st.randoms(use_true_random=False))
def test_corrected_values_keep_their_order_and_are_no_smaller(probabilities: list[float], mixed: random.Random) -> None:
    corrected = benjamini_hochberg(probabilities)
    assert all(old <= new <= 1 for old, new in zip(probabilities, corrected, strict=True))
    by_probability = [new for _, new in sorted(zip(probabilities, corrected, strict=True))]
    assert by_probability == sorted(corrected)

    places = list(range(len(probabilities)))
    mixed.shuffle(places)
    assert benjamini_hochberg([probabilities[place] for place in places]) == tuple(corrected[place] for place in places)


@given(PROBABILITIES)
def test_it_is_milder_than_holm(probabilities: list[float]) -> None:
    pairs = zip(benjamini_hochberg(probabilities), holm(probabilities), strict=True)
    assert all(mild <= strict + 1e-12 for mild, strict in pairs)


def test_the_share_of_false_discoveries_stays_below_what_is_asked() -> None:
    draw = random.Random(3)
    shares, found_true = [], 0
    for _ in range(400):
        real = [draw.random() / 1000 for _ in range(10)]
        chance = [draw.random() for _ in range(90)]
        corrected = benjamini_hochberg([*real, *chance])
        false = sum(each <= 0.1 for each in corrected[10:])
        true = sum(each <= 0.1 for each in corrected[:10])
        shares.append(false / max(1, false + true))
        found_true += true
    assert 0.05 < sum(shares) / len(shares) <= 0.1
    assert found_true == 4000
