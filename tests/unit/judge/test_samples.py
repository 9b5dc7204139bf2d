"""What is said of two samples of a metric, and of many such pairs in one check."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.judge.samples import SampleComparison, compare, decide
from memcap.model import Metric, MetricVerdict, Rules, Tolerance, VerdictState

RULES = Rules()
STEADY = (100, 100, 101, 101, 102)


def _compare(base: Sequence[float], new: Sequence[float], tolerance: Tolerance, rules: Rules = RULES) -> MetricVerdict:
    (verdict,) = decide([compare(Metric.PEAK, base, new, tolerance, rules)], rules)
    return verdict


@pytest.mark.parametrize(
    ("base", "new", "state"),
    [
        ([100] * 5, [100] * 5, VerdictState.UNCHANGED),
        ([100] * 5, [110] * 5, VerdictState.UNCHANGED),  # exactly the relative part
        ([100] * 5, [111] * 5, VerdictState.REGRESSED),
        ([20] * 5, [25] * 5, VerdictState.UNCHANGED),  # exactly the absolute part, 25 %
        ([20] * 5, [26] * 5, VerdictState.REGRESSED),
        ([100] * 5, [89] * 5, VerdictState.IMPROVED),
        ([0] * 5, [6] * 5, VerdictState.REGRESSED),
        ([100] * 5, [100, 100, 100, 100, 900], VerdictState.UNDECIDED),  # one wild run of five may be more than that
        ([100] * 10, [*[100] * 9, 900], VerdictState.UNCHANGED),  # one of ten is not
        ([90, 95, 100, 105, 110], [112, 115, 118, 121, 124], VerdictState.UNDECIDED),
    ],
)
def test_a_change_must_exceed_both_tolerances_and_the_scatter(
    base: Sequence[float], new: Sequence[float], state: VerdictState
) -> None:
    assert _compare(base, new, Tolerance(relative=0.1, absolute=5)).state is state


@given(
    base=st.lists(st.integers(1, 10**9), min_size=5, max_size=9),
    new=st.lists(st.integers(1, 10**9), min_size=5, max_size=9),
)
def test_what_is_worse_one_way_is_better_the_other_way(base: list[int], new: list[int]) -> None:
    """With an absolute tolerance only; a relative one depends on which side is the base."""
    tolerance = Tolerance(relative=0, absolute=1000)
    swapped = {VerdictState.REGRESSED: VerdictState.IMPROVED, VerdictState.IMPROVED: VerdictState.REGRESSED}
    there, back = _compare(base, new, tolerance), _compare(new, base, tolerance)
    assert back.state is swapped.get(there.state, there.state)


def test_identical_values_need_no_number_of_runs() -> None:
    assert _compare([7], [7], Tolerance(relative=0, absolute=0)).state is VerdictState.UNCHANGED
    assert _compare([1, 2, 3], [3, 1, 2], Tolerance(relative=0, absolute=0)).detail == "identical values"


def test_too_few_values_say_how_many_more_the_asked_for_certainty_needs() -> None:
    tolerance = Tolerance(relative=0, absolute=0)
    assert _compare(STEADY, (1, 2), tolerance).detail == "needs 3 more here"
    assert _compare((1,), STEADY, tolerance).detail == "needs 4 more in the baseline"
    # Four and four can never be as sure as 1 in 100, whatever `minimum_runs` says.
    assert _compare((1, 2, 3, 4), (7, 8, 9, 6), tolerance, Rules(minimum_runs=4)).detail == "needs 2 more here"
    assert _compare((1, 2, 3, 4), (7, 8, 9, 6), tolerance, Rules(minimum_runs=4, false_alarms=0.05)).state is (
        VerdictState.REGRESSED
    )


def test_a_lone_regression_is_found_among_many_steady_cells_with_5_runs() -> None:
    tolerance = Tolerance(relative=0.01, absolute=0)
    steady = [compare(Metric.PEAK, STEADY, [value + 0.5 for value in STEADY], tolerance, RULES)] * 500
    regressed = compare(Metric.PEAK, STEADY, [value + 20 for value in STEADY], tolerance, RULES)
    states = [each.state for each in decide([*steady, regressed], RULES)]
    assert states.count(VerdictState.REGRESSED) == 1
    assert states[-1] is VerdictState.REGRESSED


def test_noise_far_beyond_the_tolerance_is_no_regression() -> None:
    """100 checks of 100 pairs each from the same distribution: at most a few may raise an alarm."""
    chance = random.Random(1)
    alarms = 0
    for _ in range(100):
        compared = [_noise(chance, Tolerance(relative=0.001, absolute=0)) for _ in range(100)]
        alarms += any(each.state is VerdictState.REGRESSED for each in decide(compared, RULES))
    assert alarms <= 4


def _noise(chance: random.Random, tolerance: Tolerance) -> SampleComparison:
    base, new = ([chance.gauss(1000, 5) for _ in range(7)] for _ in range(2))
    return compare(Metric.PEAK, base, new, tolerance, RULES)


def test_each_of_several_looks_must_be_surer() -> None:
    tolerance = Tolerance(relative=0, absolute=0)
    new = [value + 20 for value in STEADY]
    assert _compare(STEADY, new, tolerance).state is VerdictState.REGRESSED
    assert _compare(STEADY, new, tolerance, Rules(looks=3)).state is VerdictState.NOT_ENOUGH_DATA


def test_what_was_found_is_kept_for_reports() -> None:
    verdict = _compare(STEADY, [value + 20 for value in STEADY], Tolerance(relative=0.01, absolute=0.5))
    assert verdict.base_values == STEADY
    assert verdict.margin == pytest.approx(1.01)
    assert verdict.shift is not None
    assert verdict.shift.low <= verdict.shift.estimate == 20 <= verdict.shift.high
    assert verdict.probability == pytest.approx(2 / 252)
    assert verdict.detectable is not None
    assert verdict.detectable > 1.01
