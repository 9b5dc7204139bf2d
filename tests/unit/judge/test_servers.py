"""Servers are judged by phase: their budgets, and where they end; a service that failed has the last word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from served import CACHE, make_served, make_served_cell

from factories import MIB, make_baselines, make_cell, make_result
from memcap.judge import judge
from memcap.model import Budget, CellResult, Ending, Metric, PhaseName, Rules, Verdict, VerdictState

UNRECLAIMABLE = Metric.UNRECLAIMABLE_PEAK


def _judge(cell: CellResult) -> Verdict:
    (verdict,) = judge(make_result(cell), make_baselines(), Rules(minimum_runs=1))
    return verdict


def _with(budgets: Mapping[PhaseName, int], metric: Metric = UNRECLAIMABLE, **changes: Any) -> CellResult:
    cell = make_served_cell()
    found = {phase: Budget(metric=metric, limit_bytes=size * MIB) for phase, size in budgets.items()}
    return replace(cell, cell=replace(cell.cell, phase_budgets=found, **changes))


def test_a_budget_of_a_phase_is_kept_or_broken_in_that_phase() -> None:
    assert _judge(_with({PhaseName.START: 50, PhaseName.LOAD: 80})).state is VerdictState.NEW
    verdict = _judge(_with({PhaseName.START: 40, PhaseName.LOAD: 80, PhaseName.IDLE: 60}))
    assert verdict.state is VerdictState.BUDGET_BROKEN
    assert verdict.summary == (
        "unreclaimable_peak in the phase start is 48.1 MiB, over its budget of 40.0 MiB; "
        "unreclaimable_peak in the phase idle is 75.4 MiB, over its budget of 60.0 MiB"
    )


def test_the_highest_of_several_levels_counts_and_the_largest_process() -> None:
    assert "load is 77.8 MiB" in _judge(_with({PhaseName.LOAD: 60})).summary
    assert "rss_peak in the phase idle is 44.0 MiB" in _judge(_with({PhaseName.IDLE: 40}, Metric.RSS_PEAK)).summary


def test_a_budget_of_a_phase_that_never_was_is_not_kept() -> None:
    verdict = _judge(_with({PhaseName.COLLECT: 60}))
    assert verdict.state is VerdictState.NOT_ENOUGH_DATA
    assert "no run measured unreclaimable_peak in the phase collect" in verdict.summary
    assert "`phases.collect.budget`" in verdict.remedy


def test_a_broken_budget_of_the_whole_run_comes_before_an_unknown_one_of_a_phase() -> None:
    whole = Budget(metric=UNRECLAIMABLE, limit_bytes=60 * MIB)
    verdict = _judge(_with({PhaseName.COLLECT: 60}, budget=whole))
    assert verdict.state is VerdictState.BUDGET_BROKEN
    assert verdict.summary.startswith("unreclaimable_peak is 77.8 MiB")


@pytest.mark.parametrize(("phase", "state"), [(PhaseName.LOAD, "ending changed"), (PhaseName.STOP, "new")])
def test_a_server_ends_in_the_phase_that_is_expected(phase: PhaseName, state: str) -> None:
    verdict = _judge(_with({}, expected_phase=phase))
    assert verdict.state.value == state
    if phase is PhaseName.LOAD:
        assert verdict.summary == (
            "in all 3 runs it ended completed as expected, but in the phase stop; expected was load"
        )


def test_a_server_that_was_never_ready_ended_at_its_start() -> None:
    run = make_served(ending=Ending.NOT_READY)
    assert run.server
    start, *_, stop = run.server.phases
    cell = make_cell(runs=[replace(run, server=replace(run.server, phases=(start, stop)))])
    expecting = replace(cell.cell, expected_ending=Ending.NOT_READY, expected_phase=PhaseName.START)
    assert _judge(replace(cell, cell=expecting)).state is VerdictState.NEW


def test_the_last_lines_are_those_of_the_service_that_failed() -> None:
    run = make_served(ending=Ending.SERVICE_FAILED, output_tail="waiting for cache", detail="cache: it ended")
    assert run.server
    failed = replace(CACHE, exit_code=1, log_tail="Can't open the log file")
    other = replace(CACHE, name="db", log_tail="ready to accept connections")
    run = replace(run, server=replace(run.server, services=(other, failed)))
    assert _judge(make_cell(runs=[run])).output == "Can't open the log file"
    not_ready = replace(run, ending=Ending.NOT_READY)
    assert _judge(make_cell(runs=[not_ready])).output == "waiting for cache"


def test_a_server_that_did_not_serve_is_no_function_that_did_not_return() -> None:
    run = make_served(ending=Ending.INCOMPLETE, detail="no request succeeded: connection refused")
    verdict = _judge(make_cell(runs=[run]))
    assert verdict.summary == ("in the only run the load came to nothing (no request succeeded: connection refused)")
    assert verdict.remedy.startswith("Read its output; check the load.")
    early = replace(run, detail="it ended by itself in its phase 'load'")
    assert "the server ended with exit code 0 before it was stopped" in _judge(make_cell(runs=[early])).summary
