"""The detectable rise: rises of that size are put in, and must be found."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable

import numpy as np
import pytest

from memcap.stats import detectable_rise, power, shift
from memcap.stats.shift import differences, ordered_differences

Draw = Callable[[np.random.RandomState, int], "np.typing.NDArray[np.float64]"]
SHAPES: dict[str, tuple[Draw, float]] = {  # how values scatter, and the least power promised
    "normal": (lambda draw, size: draw.standard_normal(size), 0.92),
    "heavy tails": (lambda draw, size: draw.standard_t(3, size), 0.84),
    "skewed": (lambda draw, size: draw.exponential(size=size), 0.84),
    "pages": (lambda draw, size: np.floor(draw.standard_normal(size) * 1.5) * 4096, 0.84),
    "two levels": (lambda draw, size: (draw.random_sample(size) < 0.3) * 100 + draw.standard_normal(size), 0.75),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("size", [5, 8, 10, 20, 35])
def test_the_detectable_rise_is_detected(size: int, shape: str) -> None:
    """Of rises just above the median estimate, about 95 in 100 are found; the docstring says how near that comes."""
    draw, tries = np.random.RandomState(8), 800
    scatter, least = SHAPES[shape]

    def sample(rise: float = 0) -> list[float]:
        return [value + rise for value in scatter(draw, size).tolist()]

    estimates = [detectable_rise(sample(), sample(), margin=1, confidence=0.99) for _ in range(400)]
    rise = statistics.median(estimate for estimate in estimates if estimate is not None) + 1e-6
    intervals = [shift(sample(), sample(rise), confidence=0.99) for _ in range(tries)]
    power = sum(interval is not None and interval.low > 1 for interval in intervals) / tries

    assert power >= least
    if shape == "normal":
        assert power <= 0.98


def test_it_grows_with_the_margin_by_as_much() -> None:
    base, new = [1, 5, 2, 8, 4], [3, 9, 5, 7, 6]
    bare = detectable_rise(base, new, margin=0, confidence=0.99)
    assert bare is not None
    assert bare > 0
    assert detectable_rise(base, new, margin=100, confidence=0.99) == pytest.approx(bare + 100)


def test_what_lies_between_the_samples_does_not_matter() -> None:
    base, new = [1, 5, 2, 8, 4], [3, 9, 5, 7, 6]
    moved = [value + 1000 for value in new]
    expected = detectable_rise(base, new, margin=0, confidence=0.99)
    assert detectable_rise(base, moved, margin=0, confidence=0.99) == expected


def test_it_is_the_margin_where_nothing_scatters() -> None:
    assert detectable_rise([7] * 10, [9] * 10, margin=3, confidence=0.99) == 3
    assert detectable_rise([7] * 4, [9] * 4, margin=3, confidence=0.99) is None


def test_the_same_values_give_the_same_answer() -> None:
    draw = random.Random(9)
    base, new = [draw.random() for _ in range(9)], [draw.random() for _ in range(10)]

    first = detectable_rise(base, new, margin=0, confidence=0.99)
    assert first == detectable_rise(base[::-1], new, margin=0, confidence=0.99)


@pytest.mark.parametrize("sizes", sorted(power._KNOWN_FACTORS))
def test_known_factors_are_those_of_the_experiment(sizes: tuple[int, int]) -> None:
    reach, factor = power._reach(*sizes, 0.99)
    assert factor == pytest.approx(power._factor(*sizes, 0.99, reach), rel=1e-9)


def test_few_differences_are_the_same_without_numpy() -> None:
    draw = random.Random(3)
    base, new = ([draw.randrange(10**6) for _ in range(10)] for _ in range(2))
    assert list(ordered_differences(tuple(base), tuple(new))) == sorted(differences(base, new).tolist())
