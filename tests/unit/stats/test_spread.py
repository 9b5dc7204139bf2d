"""Samples that scatter alike, and ones that do not."""

from __future__ import annotations

import random

import pytest

from memcap.stats import spread_test

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
