"""What the services next to a server needed, and which of them failed."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from measured_servers import CLOCK, WHOLE, ending_of, run_of, served
from servers import CACHE, DATABASE, make_server, make_server_spec

from factories import MIB, make_raw, make_report
from memcap.engine.base import failed, not_started
from memcap.model import Ending, Measurement, RawRun, ServiceFigures

WITH_DATABASE = make_server_spec(make_server(services=(DATABASE,)))
NOT_STARTED = failed("the server was not started")


def service(**report: Any) -> RawRun:
    """Return what a service left that was ready 2 s after its start and ended after its stop signal."""
    own = {"signal": None, "exit_code": 0, "started_ns": (CLOCK - 3) * 10**9, "stopped_at_ns": 10**10, **report}
    return make_raw(make_report(**own), output="starting\nlistening\n")


def with_database(
    left: RawRun, events: list[str] | None = None, raw: RawRun | None = None, **report: Any
) -> Measurement:
    ready = json.dumps({"event": "ready", "name": "db", "at": CLOCK - 1})
    told = [ready, *WHOLE] if events is None else events
    return served(told, spec=WITH_DATABASE, raw=raw, serving={"services": (left,)}, **report)


def test_what_a_service_needed() -> None:
    found = with_database(service())
    assert found.ending is Ending.COMPLETED
    assert run_of(found).services == (
        ServiceFigures(
            name="db",
            image="memcap/postgres:15:latest",
            ready_seconds=2,
            cap_bytes=256 * MIB,
            peak_bytes=62 * MIB,
            unreclaimable_peak_bytes=61 * MIB,
            oom_kills=0,
            exit_code=0,
        ),
    )


def test_the_log_of_a_service_is_kept_if_the_run_did_not_end_well() -> None:
    (left,) = run_of(with_database(service(), signal=11)).services
    assert left.log_tail == "starting\nlistening"


@pytest.mark.parametrize(
    ("report", "exit_code"),
    [
        ({"exit_code": 3}, 3),
        ({"exit_code": None, "signal": 9}, 137),
        ({"exit_code": None, "exec_errno": 2, "stopped_at_ns": None}, None),
    ],
)
def test_the_exit_code_of_a_service(report: dict[str, Any], exit_code: int | None) -> None:
    (left,) = run_of(with_database(service(**report))).services
    assert left.exit_code == exit_code


ENDED = {"stopped_at_ns": None, "exit_code": 1}


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (not_started("no such image"), "no such image"),
        (failed("someone else removed the container"), "someone else removed the container"),
        (make_raw("", exit_code=137), "it was killed (exit code 137)"),
        (service(exec_errno=2, exit_code=None, exec_problem="missing"), "in the image"),
        (service(oom_kills=1), "the kernel killed 1 process of it at its cap of 256.0 MiB"),
        (service(oom_kills=3), "the kernel killed 3 processes of it at its cap of 256.0 MiB"),
        (replace(service(**ENDED), error_output="FATAL: No space left on device\n"), "FATAL: No space left on device"),
        (service(**ENDED), "it ended with exit code 1 before it was ready"),
        (service(stopped_at_ns=None, exit_code=None, signal=11), "it ended with signal 11 before it was ready"),
    ],
)  # fmt: skip
def test_a_service_that_failed_before_the_server_was_started(left: RawRun, words: str) -> None:
    found = with_database(left, [], NOT_STARTED)
    assert found.ending is Ending.SERVICE_FAILED
    assert found.detail.startswith("db: ")
    assert words in found.detail
    assert [each.name for each in run_of(found).services] == ["db"]


def test_a_service_that_is_not_ready_in_time() -> None:
    told = json.dumps({"event": "not_ready", "name": "db", "at": CLOCK, "why": "localhost:5432: Connection refused"})
    found = with_database(service(), [told], NOT_STARTED)
    words = "db: it was not ready within 20.0 s: localhost:5432: Connection refused"
    assert ending_of(found) == (Ending.SERVICE_FAILED, words)


def test_a_service_that_ended_while_the_server_ran() -> None:
    found = with_database(service(**ENDED), signal=None, exit_code=1)
    assert ending_of(found) == (Ending.SERVICE_FAILED, "db: it ended with exit code 1")
    assert run_of(found).phases
    (left,) = run_of(found).services
    assert left.log_tail == "starting\nlistening"


def test_a_service_without_a_check_is_ready_when_it_runs() -> None:
    spec = make_server_spec(make_server(services=(CACHE,)))
    found = served([], spec=spec, raw=NOT_STARTED, serving={"services": (service(**ENDED),)})
    assert ending_of(found) == (Ending.SERVICE_FAILED, "cache: it ended with exit code 1")
    assert [each.ready_seconds for each in run_of(found).services] == [None]


def test_an_oom_kill_of_the_server_is_not_hidden_by_a_service() -> None:
    assert with_database(service(**ENDED), signal=9, oom_kills=1).ending is Ending.OOM_KILLED


def test_services_that_were_never_started_have_no_figures() -> None:
    spec = make_server_spec(make_server(services=(DATABASE, CACHE)))
    found = served([], spec=spec, raw=NOT_STARTED, serving={"services": (service(**ENDED),)})
    assert [each.name for each in run_of(found).services] == ["db"]


def test_no_secret_of_the_server_is_in_the_log_of_a_service() -> None:
    secret = "hunter2xyz"
    for kept in (0, 5):
        left = replace(service(**ENDED), output=f"login {secret}{'.' * (2000 - kept)}")
        spec = replace(WITH_DATABASE, secrets=(secret,))
        found = served(WHOLE, spec=spec, serving={"services": (left,)})
        (figures,) = run_of(found).services
        assert all(secret[place : place + 4] not in figures.log_tail for place in range(len(secret) - 3))


def test_what_is_said_of_a_service_is_bounded() -> None:
    long = "w" * 10**5
    for found in (
        with_database(replace(service(), output=f"{long} No space left on device")),
        with_database(not_started(long), [], NOT_STARTED),
    ):
        assert found.ending is Ending.SERVICE_FAILED
        assert len(found.detail) <= 4000
