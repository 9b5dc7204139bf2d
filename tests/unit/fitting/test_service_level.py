"""A server that serves worse than without a cap does not live with that cap."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import make_measurement, make_plan_cell
from memcap.fitting.driving import trial_of
from memcap.fitting.service_level import ServiceLevel, serving_seconds
from memcap.model import Ending, LoadFigures, LoadTimes, Measurement, PhaseFigures, PhaseName, ServerRun


def served(*p95: float | None, errors: int = 0, ending: Ending = Ending.COMPLETED) -> Measurement:
    """Return a run with a level for each latency; None is what was not measured."""
    loads = tuple(
        LoadFigures(
            requests=100,
            errors=errors if place == 0 else 0,
            level=place + 1.0,
            latency_seconds=None if late is None else LoadTimes(p50=late / 2, p95=late, p99=late, max=late),
        )
        for place, late in enumerate(p95)
    )
    ends = ((PhaseName.START, 0, 2), (PhaseName.WARM_UP, 2, 5), (PhaseName.LOAD, 5, 10), (PhaseName.STOP, 10, 13))
    phases = tuple(PhaseFigures(name=name, start_seconds=start, end_seconds=end) for name, start, end in ends)
    return replace(make_measurement(), ending=ending, server=ServerRun(phases=phases, loads=loads))


@pytest.mark.parametrize(
    ("run", "problem"),
    [
        (served(0.1, 0.2), ""),
        (served(0.19, 0.29), ""),
        (served(0.1, 0.31), "5 % of the answers took 310 ms or more, 200 ms without a cap"),
        (served(0.1, 0.2, errors=1), "1 request failed"),
        (served(None, None), ""),
        (make_measurement(), ""),
    ],
)
def test_it_serves_as_well_as_without_a_cap(run: Measurement, problem: str) -> None:
    assert ServiceLevel().problem(run, [served(0.05, 0.2), served(0.1, 0.15)]) == problem


def test_what_is_allowed_can_be_set() -> None:
    level = ServiceLevel(max_errors=3, added_latency_seconds=1.0)
    assert level.problem(served(1.0, errors=3), [served(0.1)]) == ""
    assert level.problem(served(1.0, errors=4), [served(0.1)]) == "4 requests failed"


def test_a_trial_that_served_worse_did_not_survive() -> None:
    cell = make_plan_cell()
    trial = trial_of(served(0.1), cell, alone=True, problem="1 request failed")
    killed = trial_of(served(0.1, ending=Ending.OOM_KILLED), cell, alone=True, problem="1 request failed")
    assert (trial.survived, trial.outcome) == (False, "1 request failed")
    assert (killed.survived, killed.outcome) == (False, "oom_killed")


def test_the_time_of_a_server_is_that_of_the_phases_of_a_configured_length() -> None:
    run = served(0.1)
    assert run.server is not None
    assert serving_seconds(run.server) == 8
    assert trial_of(run, make_plan_cell(), alone=True).seconds == 8
