"""How a workload ended that was stopped as planned, as it would not have ended by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from measured import KILLED, OOM, SPEC

from factories import make_raw, make_report
from memcap.measuring import measure
from memcap.model import STOPPED_BEFORE_ITS_TIME, Ending

STOPPED: dict[str, Any] = {"stopped_at_ns": 1_000_000_000}
GRACE = "it did not end within 4.0 s of its stop signal"


@pytest.mark.parametrize(
    ("report", "ending", "detail"),
    [
        (STOPPED, Ending.COMPLETED, ""),
        ({**STOPPED, "exit_code": 143}, Ending.COMPLETED, ""),
        ({**STOPPED, "exit_code": None, "signal": 15}, Ending.COMPLETED, ""),
        ({**STOPPED, "exit_code": None, "signal": 11}, Ending.CRASHED, "signal 11"),
        ({**STOPPED, **KILLED, "grace_over": True}, Ending.TIMED_OUT, GRACE),
        ({**STOPPED, **OOM, "kills_while_main_lived": 1}, Ending.OOM_CHILD_SWALLOWED, "1 process was killed"),
        (
            {**STOPPED, **KILLED, **OOM, "kills_while_main_lived": 1, "grace_over": True},
            Ending.OOM_HUNG,
            f"{GRACE}; 1 process was killed",
        ),
        # The kernel killed it as it was ending.
        ({**STOPPED, **KILLED, **OOM}, Ending.OOM_KILLED, "1 process was killed"),
        ({**STOPPED, **KILLED, "timed_out": True}, Ending.TIMED_OUT, "after 90 s"),
        ({"stopped_at_ns": None, "exit_code": 143}, Ending.FAILED, "exit code 143"),
    ],
)
def test_what_is_stopped_as_planned_has_completed_if_it_ends_in_time(
    report: dict[str, Any], ending: Ending, detail: str
) -> None:
    found = measure(make_raw(make_report(**report)), replace(SPEC, grace_seconds=4, stop_after_seconds=60), cpus=2)
    assert found.ending is ending
    assert found.detail.startswith(detail)


@pytest.mark.parametrize(("stop_after", "detail"), [(60, STOPPED_BEFORE_ITS_TIME), (1, ""), (0, "")])
def test_what_is_stopped_before_its_time_says_so(stop_after: float, detail: str) -> None:
    found = measure(make_raw(make_report(**STOPPED)), replace(SPEC, stop_after_seconds=stop_after), cpus=2)
    assert (found.ending, found.detail) == (Ending.COMPLETED, detail)
