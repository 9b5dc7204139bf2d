"""Grades by thresholds, and what a poor one does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from factories import MIB, make_baselines, make_cell, make_measurement, make_oom, make_result
from memcap.judge import judge
from memcap.model import Budget, CellResult, Ending, Grade, Metric, Rules, Thresholds, Verdict, VerdictState

SECONDS = Thresholds(excellent=0.5, good=1, acceptable=2, poor=5)
STABILITY = Thresholds(excellent=95, good=85, acceptable=70, poor=50)


def _cell(values: Sequence[float], thresholds: Thresholds = SECONDS) -> CellResult:
    return make_cell(
        runs=[make_measurement(extra={"response": value}) for value in values],
        extra_metrics={"response": "s"},
        thresholds={"response": thresholds},
    )


def _judge(cell: CellResult) -> Verdict:
    (verdict,) = judge(make_result(cell), make_baselines(), Rules(minimum_runs=1))
    return verdict


@pytest.mark.parametrize(
    ("thresholds", "value", "grade"),
    [
        (SECONDS, 0.5, Grade.EXCELLENT),
        (SECONDS, 0.51, Grade.GOOD),
        (SECONDS, 2, Grade.ACCEPTABLE),
        (SECONDS, 5, Grade.MARGINAL),
        (SECONDS, 5.1, Grade.POOR),
        (STABILITY, 96, Grade.EXCELLENT),
        (STABILITY, 85, Grade.GOOD),
        (STABILITY, 84, Grade.ACCEPTABLE),
        (STABILITY, 50, Grade.MARGINAL),
        (STABILITY, 49, Grade.POOR),
    ],
)
def test_grades_in_both_directions(thresholds: Thresholds, value: float, grade: Grade) -> None:
    (graded,) = _judge(_cell([value] * 3, thresholds)).graded
    assert (graded.name, graded.unit, graded.value, graded.grade) == ("response", "s", value, grade)


def test_a_poor_median_breaks_the_check_and_says_why() -> None:
    verdict = _judge(_cell([6, 6, 1]))
    assert verdict.state is VerdictState.BUDGET_BROKEN
    assert verdict.summary == "response is 6 s, which is poor (above 5)"
    assert "below 50" in _judge(_cell([10], STABILITY)).summary


def test_a_poor_grade_comes_with_the_suites_advice() -> None:
    advised = replace(_cell([6]).cell, advice={"response": "Clean up less per cycle."})
    verdict = _judge(replace(_cell([6]), cell=advised))
    assert verdict.remedy == "Clean up less per cycle."
    assert [each.advice for each in verdict.graded] == ["Clean up less per cycle."]
    assert [each.advice for each in _judge(replace(_cell([1]), cell=advised)).graded] == [""]


def test_a_broken_budget_comes_with_the_suites_advice() -> None:
    budget = Budget(metric=Metric.PEAK, limit_bytes=MIB)
    assert _judge(make_cell(budget=budget)).remedy == "Lower the need, or raise the budget in suite.toml."
    assert _judge(make_cell(budget=budget, advice={"peak": "Bound it."})).remedy == "Bound it."
    other = {"unreclaimable_peak": "Bound it."}
    assert _judge(make_cell(budget=budget, advice=other)).remedy == "Lower the need, or raise the budget in suite.toml."


def test_a_metric_that_was_not_returned_has_no_grade_and_is_never_fine() -> None:
    cell = replace(_cell([1]), runs=(make_measurement(),))
    verdict = _judge(cell)
    assert verdict.graded == ()
    assert verdict.state is VerdictState.WORKLOAD_FAILED
    assert verdict.summary == "no run returned response, of which there are thresholds"


def test_thresholds_of_what_was_not_projected_or_measured_say_so() -> None:
    steps = Thresholds(excellent=1, good=2, acceptable=3, poor=4)
    metrics = {"lag": "ms", "lag_at_9": "ms"}
    cell = make_cell(thresholds={"lag_at_9": steps}, extra_metrics=metrics)
    verdict = _judge(cell)
    assert verdict.state is VerdictState.NOT_ENOUGH_DATA
    assert "lag_at_9 could not be checked" in verdict.summary


def test_a_workload_that_is_not_to_end_owes_no_figure() -> None:
    steps = Thresholds(excellent=1, good=2, acceptable=3, poor=4)
    cell = make_cell(
        runs=[make_oom()], thresholds={"lag": steps}, extra_metrics={"lag": "ms"}, expected_ending=Ending.OOM_KILLED
    )
    assert _judge(cell).state is VerdictState.NEW


def test_a_measured_metric_can_have_thresholds_too() -> None:
    cell = make_cell(thresholds={"wall": Thresholds(excellent=0.1, good=0.2, acceptable=0.5, poor=1)})
    verdict = _judge(cell)
    assert verdict.state is VerdictState.BUDGET_BROKEN
    assert verdict.summary == "wall is 1.25 second, which is poor (above 1)"


@pytest.mark.parametrize(
    ("high", "state", "words"),
    [
        (60, VerdictState.NEW, ""),
        (70, VerdictState.NEW, ""),
        (71, VerdictState.UNDECIDED, "lies inside the interval of unreclaimable_peak: 60.0 MiB to 71.0 MiB"),
        (None, VerdictState.NEW, ""),
    ],
)
def test_a_budget_inside_the_interval_is_undecided(high: int | None, state: VerdictState, words: str) -> None:
    run = make_measurement(
        unreclaimable_peak_bytes=60 * MIB,
        unreclaimable_peak_low_bytes=60 * MIB,
        unreclaimable_peak_high_bytes=None if high is None else high * MIB,
    )
    budget = Budget(metric=Metric.UNRECLAIMABLE_PEAK, limit_bytes=70 * MIB)
    verdict = _judge(make_cell(runs=[run] * 3, budget=budget))
    assert verdict.state is state
    assert words in verdict.summary
