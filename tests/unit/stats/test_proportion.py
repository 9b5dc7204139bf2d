"""The interval of a proportion, against SciPy's."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from memcap.stats import proportion

COUNTS = st.integers(1, 40).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))


@given(COUNTS, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_is_scipys(counts: tuple[int, int], confidence: float) -> None:
    expected = binomtest(*counts).proportion_ci(confidence, method="exact")
    found = proportion(*counts, confidence=confidence)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


def test_all_of_few_says_little_and_all_of_many_much() -> None:
    assert proportion(3, 3).low < 0.3
    assert proportion(100, 100).low > 0.96
    assert (proportion(3, 3).high, proportion(0, 3).low) == (1, 0)


@pytest.mark.parametrize(("count", "total"), [(4, 3), (-1, 3)])
def test_what_is_no_count_is_refused(count: int, total: int) -> None:
    with pytest.raises(ValueError, match="no proportion"):
        proportion(count, total)
