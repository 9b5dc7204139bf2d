"""A failure of one run is what it left; a daemon that went away is waited for."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from factories import make_layer, make_plan, make_plan_cell, make_settings
from memcap.campaign import ATTEMPTS, Campaign
from memcap.engine.base import DaemonLost, removed_by_others
from memcap.engine.fake import FakeEngine
from memcap.engine.patient import PatientEngine
from memcap.errors import EngineError, Interrupted
from memcap.measuring import measure
from memcap.model import Ending, RawRun, RunSpec
from memcap.run_spec import IDLE, calibration_spec, run_spec

SPEC = calibration_spec(make_layer(), make_settings())
PATIENCE_SECONDS = 30


class Failing(FakeEngine):
    """Raise ``errors`` one after the other, and be away until it was asked for so many times."""

    def __init__(self, errors: Sequence[Exception], *, away: int = 0) -> None:
        super().__init__({})
        self._errors = list(errors)
        self._away = away
        self.asked = threading.Event()

    def execute(self, spec: RunSpec) -> RawRun:
        if self._errors and spec.argv != IDLE:
            raise self._errors.pop(0)
        return super().execute(spec)

    def is_reachable(self) -> bool:
        self.asked.set()
        self._away -= 1
        return self._away < 0


def campaign(engine: FakeEngine, *, wait: float = 0) -> Campaign:
    settings = make_settings(daemon_wait_seconds=wait)
    plan = make_plan(make_plan_cell(), runs=3, warmups=0)
    return Campaign(plan, engine=engine, layers={("py312", "agents"): make_layer()}, settings=settings)


def endings(errors: Sequence[Exception], *, away: int = 0, wait: float = 0) -> list[tuple[Ending, str]]:
    [cell] = campaign(Failing(errors, away=away), wait=wait).run(tell=lambda _: None, save=lambda _: None).cells
    return [(run.ending, run.detail) for run in cell.runs]


def test_a_run_that_fails_once_is_made_again() -> None:
    assert endings([EngineError("the archive is too large")]) == [(Ending.COMPLETED, "")] * 3


def test_a_run_that_fails_always_is_stored_with_the_reason_and_the_others_go_on() -> None:
    found = endings([EngineError("the archive is too large")] * ATTEMPTS)
    assert found == [(Ending.LOST, "the archive is too large"), *[(Ending.COMPLETED, "")] * 2]


def test_a_daemon_that_comes_back_is_waited_for() -> None:
    assert endings([DaemonLost("gone")], away=1, wait=PATIENCE_SECONDS) == [(Ending.COMPLETED, "")] * 3


def test_a_daemon_that_stays_away_ends_the_campaign() -> None:
    with pytest.raises(DaemonLost, match="gone; it was not back within 0"):
        endings([DaemonLost("gone")], away=10**6)


def test_a_container_that_was_removed_is_not_blamed_on_the_workload() -> None:
    found = measure(removed_by_others(), SPEC, cpus=1)
    assert found.ending is Ending.KILLED_FROM_OUTSIDE
    assert found.ending.is_infrastructure
    assert "removed the container" in found.detail


def test_waiting_ends_with_an_interrupt() -> None:
    inner = Failing([DaemonLost("gone")], away=10**6)
    patient = PatientEngine(inner, wait_seconds=PATIENCE_SECONDS)

    def stop() -> None:
        inner.asked.wait()
        patient.cancel()

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(Interrupted):
        patient.execute(run_spec(make_plan_cell(), make_layer(), make_settings(), attempt="1.1"))


def test_what_runs_and_what_is_waited_for_can_be_seen_meanwhile() -> None:
    seen = []

    class Watched(Failing):
        def execute(self, spec: RunSpec) -> RawRun:
            seen.append(patient.activity)
            return super().execute(spec)

        def is_reachable(self) -> bool:
            seen.append(patient.activity)
            return super().is_reachable()

    patient = PatientEngine(Watched([DaemonLost("gone")], away=1), wait_seconds=PATIENCE_SECONDS)
    spec = run_spec(make_plan_cell(), make_layer(), make_settings(), attempt="1.1")
    patient.execute(spec)
    running, waiting, _ = seen
    ((cell_id, seconds),) = running.running
    assert (cell_id, running.waited_seconds) == (spec.cell_id, None)
    assert seconds >= 0
    assert waiting.waited_seconds is not None
    assert (patient.activity.running, patient.activity.waited_seconds) == ((), None)
