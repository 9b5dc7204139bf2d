"""The search against workloads whose answers are known."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from simulated_workload import MIB, Workload, found

from memcap.fitting import Goal, PointState, Trial, next_caps
from memcap.model import MINIMUM_CAP_BYTES

SIZES = st.floats(12, 8000)


# One run that is timed may have no counterpart without a cap.
@given(need=SIZES, offset=st.floats(-11, 20), cache=st.floats(0, 90), jobs=st.integers(1, 3))
@example(need=100, offset=20, cache=90, jobs=1)
@example(need=100, offset=-11, cache=0, jobs=3)
@settings(max_examples=200, deadline=None)
def test_a_known_threshold_is_found_to_the_resolution_in_twelve_runs(
    need: float, offset: float, cache: float, jobs: int
) -> None:
    threshold = max(need + offset, 6.5)
    workload = Workload(need=need, peak=max(need, threshold) + cache, threshold=threshold)
    fit = found(workload, Goal(jobs=jobs))
    assert fit.search_runs <= 13
    assert not fit.noisy
    assert fit.confirmed
    assert fit.is_resolved
    assert 0 <= fit.minimum.cap_bytes / MIB - threshold < 1
    assert fit.minimum.survived >= 3


@given(
    need=SIZES,
    cache=st.floats(1, 4000),
    steepness=st.floats(1.3, 20),
    share=st.floats(0.05, 1),
    jobs=st.integers(1, 3),
)
@example(need=12, cache=98.5, steepness=4, share=0.5, jobs=2)  # the last run could make another cap the minimum
@settings(max_examples=200, deadline=None)
def test_a_curve_of_slowdowns_is_bracketed_in_twelve_runs(
    need: float, cache: float, steepness: float, share: float, jobs: int
) -> None:
    quick = need + cache * share  # from here on it is as quick as ever

    def slowness(cap: float) -> float:
        return max(1.0, steepness - (steepness - 1) * (cap - need) / (quick - need)) if cap >= need else steepness

    limit = quick - (quick - need) * 0.25 / (steepness - 1) if steepness > 1.25 else need
    workload = Workload(need=need, peak=need + cache, threshold=need, comfort=quick, slowness=slowness)
    fit = found(workload, Goal(jobs=jobs))
    assert fit.search_runs <= 13
    assert fit.confirmed
    assert fit.minimum.slowdown is not None
    assert fit.minimum.slowdown <= 1.25
    assert fit.minimum.cap_bytes >= (limit - 1e-6) * MIB
    assert fit.below is not None
    # What takes nothing away that is used cannot be too slow, so the limit may be anywhere up to there.
    assert fit.below.cap_bytes < limit * MIB + 1
    assert fit.within_bytes <= max(MIB, cache * MIB / 16 + 2 * MIB)
    assert fit.comfortable is not None
    assert slowness(fit.comfortable.cap_bytes / MIB) <= 1.02 + 1e-9
    assert fit.comfortable.cap_bytes <= (need + cache + 2) * MIB


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("jobs", [1, 2])
def test_at_a_noisy_edge_the_minimum_lies_where_most_runs_survive(seed: int, jobs: int) -> None:
    chance = random.Random(seed)

    def survival(cap: float) -> float:
        return min(max((cap - 98) / 6, 0), 1)

    workload = Workload(need=100, peak=110, threshold=0, survives=lambda cap: chance.random() < survival(cap))
    fit = found(workload, Goal(jobs=jobs))
    assert fit.search_runs <= 25
    assert survival(fit.minimum.cap_bytes / MIB) >= 0.5
    assert fit.minimum.cap_bytes <= 112 * MIB
    assert fit.noisy == any(0 < point.survived < len(point.trials) for point in fit.curve) or fit.noisy
    if fit.noisy and fit.confirmed:
        assert fit.minimum.survived == len(fit.minimum.trials) >= 8


def test_runs_near_the_edge_are_repeated_until_they_say_something() -> None:
    chance = random.Random(3)
    workload = Workload(
        need=100, peak=103, threshold=0, survives=lambda cap: cap >= 101 or chance.random() < 0.7 * (cap > 98)
    )
    fit = found(workload)
    assert (fit.minimum.cap_bytes, fit.noisy, fit.confirmed) == (101 * MIB, True, True)
    assert fit.below is not None
    assert 0 < fit.below.survival.low < fit.below.survival.high < 1


def test_what_needs_next_to_nothing_ends_at_the_floor() -> None:
    fit = found(Workload(need=1, peak=2, threshold=1))
    assert fit.minimum.cap_bytes == MINIMUM_CAP_BYTES
    assert fit.is_floor
    assert fit.below is None
    assert fit.comfortable is fit.minimum
    assert fit.search_runs <= 5


def test_the_resolution_is_kept_to() -> None:
    coarse = found(Workload(need=100, peak=140, threshold=113), Goal(resolution_bytes=8 * MIB))
    fine = found(Workload(need=100, peak=101, threshold=100.1), Goal(resolution_bytes=MIB // 4))
    assert (coarse.minimum.cap_bytes, coarse.within_bytes) == (120 * MIB, 8 * MIB)
    assert (fine.minimum.cap_bytes, fine.within_bytes) == (100.25 * MIB, MIB // 4)
    assert coarse.search_runs < 13


def test_a_search_without_enough_runs_says_so() -> None:
    fit = found(
        Workload(need=100, peak=5000, threshold=0, slowness=lambda cap: 1 if cap >= 3000 else 5, comfort=3000),
        Goal(max_runs=8, max_runs_if_steady=8),
    )
    assert fit.search_runs in (8, 9)
    assert not fit.is_resolved
    assert fit.below is not None
    assert fit.below.cap_bytes < 3000 * MIB <= fit.minimum.cap_bytes
    few = found(Workload(need=100, peak=200, threshold=150), Goal(max_runs=2, max_runs_if_steady=2))
    assert (few.minimum.cap_bytes, few.confirmed) == (201 * MIB, False), "the last run is for what is enough anyway"


def test_slow_beside_others_is_not_slow_until_it_is_slow_alone() -> None:
    workload = Workload(need=50, peak=60, threshold=50, comfort=60, beside=1.8)
    fit = found(workload, Goal(jobs=2))
    assert fit.minimum.cap_bytes == 50 * MIB
    assert fit.minimum.slowdown == 1
    assert fit.minimum.state is PointState.VIABLE
    assert any(trial.alone for trial in fit.minimum.trials)


def test_a_busy_machine_makes_no_cap_too_slow_that_takes_nothing_away() -> None:
    workload = Workload(need=50, peak=51, threshold=50)
    reference = workload.reference()
    workload.slowness = lambda _: 3.0
    trials: list[Trial] = []
    while caps := next_caps(Goal(), reference, trials):
        trials += [workload.run(cap, alone=True) for cap in caps]
    assert min(trial.cap_bytes for trial in trials if trial.survived) == 50 * MIB


def test_a_slow_cap_is_timed_twice_before_it_counts() -> None:
    workload = Workload(need=50, peak=90, threshold=50, comfort=90, slowness=lambda cap: 1 if cap >= 70 else 2)
    fit = found(workload)
    assert fit.minimum.cap_bytes == 70 * MIB
    assert fit.below is not None
    assert len(fit.below.trials) == 2


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_runs_go_side_by_side_as_far_as_there_is_room(jobs: int) -> None:
    workload = Workload(need=50, peak=51, threshold=50)
    reference = workload.reference()
    caps = next_caps(Goal(jobs=jobs), reference, ())
    assert caps == (50 * MIB, 49 * MIB)[:jobs]
    trials = [workload.run(cap, alone=jobs == 1) for cap in (50 * MIB, 49 * MIB)]
    assert next_caps(Goal(jobs=jobs), reference, trials) == (50 * MIB,) * min(jobs, 2)
