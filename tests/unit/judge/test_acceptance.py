"""Which cells may be baselines."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import (
    CELL_ID,
    MIB,
    TOLERANCES,
    make_baseline,
    make_baselines,
    make_cell,
    make_environment,
    make_fingerprint,
    make_measurement,
    make_oom,
    make_result,
    make_runs,
)
from memcap.judge.acceptance import refusals
from memcap.model import Baselines, Budget, CellResult, Ending, Measurement, Metric, Rules

RULES = Rules(tolerances=TOLERANCES, minimum_runs=5)
HIGHER = make_cell(runs=make_runs((70, 70.1, 70.2, 70.1, 70)))
SCATTERED = make_cell(runs=make_runs((50, 62, 75, 88, 64)))
BASELINES = make_baselines(make_baseline())


def _refused(cell: CellResult, baselines: Baselines = BASELINES, rules: Rules = RULES, **allowed: bool) -> list[str]:
    result = make_result(cell)
    return [str(each) for each in refusals(result, baselines, rules, cells=[cell.cell.id], **allowed)]


def test_what_is_decided_is_accepted() -> None:
    assert _refused(make_cell()) == []
    assert _refused(HIGHER) == []


@pytest.mark.parametrize(
    ("runs", "reason"),
    [
        ([make_oom(), *make_runs()], "1 of 6 runs ended oom_killed, expected completed. Raise the cap"),
        (make_runs((62, 62)), "2 usable runs, a baseline needs 5. Measure it with more runs"),
        ([Measurement(ending=Ending.LOST)] * 5, "0 usable runs"),
        ([make_measurement(ending=Ending.FAILED)], "1 of 1 run ended failed"),
    ],
)
def test_runs_that_are_no_baseline_are_refused_whatever_is_allowed(runs: list[Measurement], reason: str) -> None:
    (told,) = _refused(make_cell(runs=runs), allow_undecided=True, allow_unlike=True)
    assert f"{CELL_ID}: {reason}" in told
    assert _refused(make_cell(runs=runs), Baselines()) == [told]


def test_an_expected_oom_is_accepted() -> None:
    cell = make_cell(runs=[make_oom()] * 5, expected_ending=Ending.OOM_KILLED)
    assert _refused(cell) == []


def test_what_the_figures_leave_open_is_refused_unless_allowed() -> None:
    (told,) = _refused(SCATTERED)
    assert "compared with its baseline it is undecided (peak: too much scatter to tell" in told
    assert "--allow-undecided" in told
    assert _refused(SCATTERED, allow_undecided=True) == []
    assert _refused(SCATTERED, allow_unlike=True) == [told]


def test_a_new_cell_has_nothing_to_be_undecided_with() -> None:
    assert _refused(SCATTERED, Baselines()) == []


def test_a_broken_budget_neither_refuses_nor_hides_what_is_open() -> None:
    budget = Budget(metric=Metric.PEAK, limit_bytes=MIB)
    assert _refused(replace(HIGHER, cell=replace(HIGHER.cell, budget=budget))) == []
    assert len(_refused(replace(SCATTERED, cell=replace(SCATTERED.cell, budget=budget)))) == 1


def test_a_baseline_with_too_few_values_may_be_replaced() -> None:
    few = make_baselines(make_baseline(make_cell(runs=make_runs((62, 63)))))
    assert _refused(make_cell(), few) == []


def test_too_few_values_for_the_rank_test_are_refused_unless_allowed() -> None:
    rules = replace(RULES, minimum_runs=3)
    few = make_cell(runs=make_runs((70, 70.1, 70.2)))
    (told,) = _refused(few, rules=rules)
    assert "not enough data (peak: needs" in told
    assert _refused(few, rules=rules, allow_undecided=True) == []


def test_nothing_measured_is_refused_unless_allowed() -> None:
    nothing = make_cell(runs=[make_measurement(None)] * 5)
    empty = make_baselines(make_baseline(values={}))
    (told,) = _refused(nothing, empty)
    assert "not enough data (nothing to judge" in told
    assert _refused(nothing, empty, allow_undecided=True) == []


def test_an_unlike_environment_is_refused_unless_allowed() -> None:
    other = make_baselines(make_baseline(fingerprint=make_fingerprint(cgroup_version=2)))
    (told,) = _refused(HIGHER, other)
    assert "its baseline is of another environment: cgroup version is 1, the baseline has 2" in told
    assert "--allow-unlike" in told
    assert _refused(HIGHER, other, allow_unlike=True) == []
    assert _refused(HIGHER, other, allow_undecided=True) == [told]


def test_only_the_chosen_cells_are_asked() -> None:
    result = make_result(make_cell(runs=[]), environment=make_environment())
    assert refusals(result, Baselines(), RULES, cells=[]) == ()
