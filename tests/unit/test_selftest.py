"""The gate's self-test: figures whose answer is known go in, rates come out."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from factories import MIB, make_cell, make_measurement, make_oom
from memcap.model import Caveat, CaveatKind, CellResult, Ending, Metric, Rules, Tolerance
from memcap.selftest import Material, SelfTest, material, selftest, smallest_sample

RULES = Rules(tolerances={Metric.PEAK: Tolerance(relative=0.0025, absolute=0.125 * MIB)})


def cell(scatter: float, runs: int = 40, seed: int = 1) -> CellResult:
    """Return a cell that needs 64 MiB, give or take a standard deviation of ``scatter`` MiB."""
    draw = random.Random(seed)
    return make_cell(runs=[make_measurement(round(draw.gauss(64, scatter) * 256) / 256) for _ in range(runs)])


def experiment(scatter: float, rules: Rules = RULES, resamplings: int = 200, **options: int) -> SelfTest:
    options = {"suite_size": 20, **options}
    return selftest([material(cell(scatter), rules)], rules, resamplings=resamplings, **options)


def test_a_steady_workload_raises_no_false_alarm_and_hides_no_half_percent() -> None:
    found = experiment(scatter=0.03)
    (peak,) = found.metrics

    assert (found.false_alarm_rate, peak.false_alarm_rate, peak.undecided_rate) == (0, 0, 0)
    assert peak.power == {0.005: 1, 0.01: 1, 0.03: 1}
    assert peak.median == pytest.approx(64 * MIB, rel=0.001)
    assert peak.margin == pytest.approx(0.16 * MIB, rel=0.001)
    assert peak.detectable is not None
    assert 0.0025 < peak.detectable < 0.005


def test_scatter_far_beyond_the_tolerance_is_undecided_and_not_called_a_regression() -> None:
    found = experiment(scatter=2)
    (peak,) = found.metrics

    assert found.false_alarm_rate <= 0.03  # 1 % is promised: with 200 tries, 6 or fewer in 99.9 of 100 experiments
    assert peak.undecided_rate > 0.9
    assert peak.power[0.005] < 0.1
    assert 0.02 < peak.power[0.03] < 0.9
    assert peak.detectable is not None
    assert peak.detectable > 0.05


def test_a_gate_that_may_err_more_errs_more() -> None:
    """The experiment can tell a bad gate from a good one."""
    strict, lax = (
        Rules(tolerances={Metric.PEAK: Tolerance(relative=0, absolute=0)}),
        Rules(tolerances={Metric.PEAK: Tolerance(relative=0, absolute=0)}, false_alarms=0.5),
    )

    assert experiment(scatter=0.3, rules=strict).false_alarm_rate <= 0.03
    assert experiment(scatter=0.3, rules=lax).false_alarm_rate > 0.1


def test_what_is_surely_found_is_found_in_the_resampling() -> None:
    found = experiment(scatter=0.2, resamplings=100, suite_size=1)
    (peak,) = found.metrics
    assert peak.detectable is not None
    rise = peak.detectable
    reachable = [share for each, share in peak.power.items() if each >= rise]
    assert reachable
    assert min(reachable) >= 0.95


def test_the_same_figures_give_the_same_answer() -> None:
    assert experiment(scatter=0.3, resamplings=20) == experiment(scatter=0.3, resamplings=20)


def test_several_cells_take_turns() -> None:
    steady, wild = material(cell(0.03), RULES), material(cell(2, seed=2), RULES)
    found = selftest([steady, replace(wild, cell_id="other")], RULES, suite_size=10, resamplings=20)

    assert found.cell_ids == (steady.cell_id, "other")
    assert found.metrics[0].undecided_rate == pytest.approx(0.5, abs=0.1)


def test_material_is_what_a_check_would_judge() -> None:
    incomplete = make_measurement(None)
    failed = make_measurement(99, ending=Ending.FAILED)
    found = material(make_cell(runs=[make_measurement(64), incomplete, failed, make_measurement(65)]), RULES)

    assert found.values == {Metric.PEAK: (64 * MIB, 65 * MIB)}
    assert found.runs == 2


def test_a_peak_that_is_the_runtimes_own_is_left_out() -> None:
    rules = replace(RULES, tolerances={**RULES.tolerances, Metric.RSS_PEAK: Tolerance(relative=0.01, absolute=0)})
    floor = Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail="")
    runs = [make_measurement(9), make_measurement(9, caveats=(floor,))]

    assert set(material(make_cell(runs=runs), rules).values) == {Metric.RSS_PEAK}


def test_a_cell_that_is_to_be_killed_has_no_figures() -> None:
    found = material(make_cell(runs=[make_oom()] * 30, expected_ending=Ending.OOM_KILLED), RULES)

    assert (found.values, found.runs) == ({}, 0)


@pytest.mark.parametrize("materials", [[], [Material(cell_id="a", values={Metric.PEAK: (1.0,) * 19}, tolerances={})]])
def test_too_few_runs_are_refused(materials: list[Material]) -> None:
    with pytest.raises(ValueError, match="two samples of 10"):
        selftest(materials, RULES, suite_size=1)


def test_samples_that_the_gate_says_nothing_of_are_refused() -> None:
    assert smallest_sample(RULES) == 5
    assert smallest_sample(replace(RULES, minimum_runs=7)) == 7
    assert smallest_sample(replace(RULES, minimum_runs=2, false_alarms=0.001)) == 7
    with pytest.raises(ValueError, match="says nothing"):
        experiment(scatter=1, sample_size=4)
