"""What an engine brings back of a server's run becomes a measurement: its ending, phases, services and caveats."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import SPEC, kinds
from servers import CACHE, DATABASE, LOAD, make_server, make_server_spec

from factories import MIB, make_raw, make_report
from memcap.engine.base import failed, not_started
from memcap.load import make_orders, parse_load
from memcap.measuring import measure
from memcap.model import (
    CaveatKind,
    ClientCommand,
    CollectSignal,
    Ending,
    LoadTarget,
    Measurement,
    PhaseName,
    RawRun,
    RawServing,
    RunSpec,
    ServerRun,
    ServiceFigures,
)
from memcap.probe.memcap_load.client import Client

CLOCK = 1000
PHASES = ("services_ready", "ready", "warm_up", "load", "idle", "done")
TIMES = {"services_ready": -0.5, "ready": 0.5, "warm_up": 1.5, "load": 3.5, "idle": 6.5, "done": 6.5, "collect": 9.5}
STOPPED: dict[str, Any] = {"stopped_at_ns": 6_600_000_000, "wall_ns": 7_000_000_000}
BY_ITSELF: dict[str, Any] = {"stopped_at_ns": None, "wall_ns": 5_000_000_000}
HEY = "Status code distribution:\n  [200]\t15 responses\n  [500]\t5 responses\n"
FAULTS = {"connect": {"count": 20, "example": "GET /: Connection refused"}}


def report_of(**changes: Any) -> dict[str, Any]:
    """Return what the client reports of a load of 20 requests that were all answered."""
    orders = make_orders(parse_load("GET / rate=10 for 2s"), LoadTarget(), seed=1, bodies={})
    sent = {"sent": 20, "completed": 20, "achieved_rate": 10.0}
    return {**Client(orders).report(), **sent, **changes}


def event(name: str, **facts: Any) -> str:
    at = CLOCK + TIMES.get(name, 2.0)
    if name in set(PhaseName):
        facts = {"phase": name, **facts}
        name = "phase"
    return json.dumps({"event": name, "at": at, "name": "", **facts})


def lines(*names: str, **report: Any) -> list[str]:
    return [event(name, **({"report": report_of(**report)} if name == "load" else {})) for name in names]


WHOLE = lines(*PHASES)


def served(
    events: list[str],
    *,
    spec: RunSpec | None = None,
    raw: RawRun | None = None,
    serving: dict[str, Any] | None = None,
    **report: Any,
) -> Measurement:
    """Measure a server's run: stopped by a signal that ended it, unless told."""
    own = {"exit_code": None, "signal": 15, "started_ns": CLOCK * 10**9, **STOPPED, **report}
    left = RawServing(events="\n".join(events), **(serving or {}))
    status = own["exit_code"] if own["signal"] is None else 128 + own["signal"]
    found = raw or make_raw(make_report(**own), exit_code=status)
    told = replace(spec or make_server_spec(), cap_bytes=SPEC.cap_bytes, supervisor_bytes=SPEC.supervisor_bytes)
    return measure(replace(found, serving=left), told, cpus=2)


def run_of(found: Measurement) -> ServerRun:
    assert found.server is not None
    return found.server


def marks_of(found: Measurement) -> list[tuple[str, float, float]]:
    return [(each.name.value, each.start_seconds, each.end_seconds) for each in run_of(found).phases]


def ending_of(found: Measurement) -> tuple[Ending, str]:
    return found.ending, found.detail


def test_a_server_that_ends_after_its_stop_signal_completed() -> None:
    found = served(WHOLE)
    assert ending_of(found) == (Ending.COMPLETED, "")
    assert found.caveats == ()
    assert marks_of(found) == [
        ("start", 0, 0.5),
        ("warm_up", 0.5, 1.5),
        ("load", 1.5, 3.5),
        ("idle", 3.5, 6.6),
        ("stop", 6.6, 7.0),
    ]
    (load,) = run_of(found).loads
    assert (load.requests, load.errors, load.level) == (20, 0, 1.0)


@pytest.mark.parametrize("end", [{"signal": None, "exit_code": 0}, {"signal": None, "exit_code": 1}, {"signal": 2}])
def test_how_it_ends_then_says_nothing(end: dict[str, Any]) -> None:
    assert served(WHOLE, **end).ending is Ending.COMPLETED


def test_a_run_of_anything_else_has_no_server() -> None:
    assert measure(make_raw(), make_server_spec(), cpus=2).server is None


def test_a_server_that_is_not_ready_in_time() -> None:
    found = served([event("services_ready"), event("not_ready", why="localhost:8000: Connection refused")])
    assert ending_of(found) == (Ending.NOT_READY, "not within 30.0 s: localhost:8000: Connection refused")
    assert marks_of(found) == [("start", 0, 6.6), ("stop", 6.6, 7.0)]


def test_a_server_that_does_not_end_in_time() -> None:
    found = served(WHOLE, signal=9, grace_over=True)
    assert ending_of(found) == (Ending.TIMED_OUT, "it did not end within 4.0 s of its stop signal")


@pytest.mark.parametrize("signal", [4, 6, 7, 8, 11])
def test_a_crash_is_no_answer_to_a_stop_signal(signal: int) -> None:
    assert ending_of(served(WHOLE, signal=signal)) == (Ending.CRASHED, f"signal {signal}")


@pytest.mark.parametrize("reached", range(1, len(PHASES)))
@pytest.mark.parametrize(
    ("end", "ending", "detail"),
    [
        ({"signal": None, "exit_code": 0}, Ending.INCOMPLETE, ""),
        ({"signal": None, "exit_code": 3}, Ending.FAILED, "exit code 3; "),
        ({"signal": 11}, Ending.CRASHED, "signal 11; "),
    ],
)
def test_a_server_that_ends_by_itself(reached: int, end: dict[str, Any], ending: Ending, detail: str) -> None:
    phases = ("start", "warm up", "load", "idle", "idle")
    found = served(WHOLE[:reached], **BY_ITSELF, **end)
    assert ending_of(found) == (ending, f"{detail}it ended by itself in its phase {phases[reached - 1]!r}")
    assert run_of(found).phases[-1].end_seconds == 5


@pytest.mark.parametrize("events", [WHOLE, WHOLE[:3], []])
def test_an_oom_kill_is_the_ending_wherever_it_was(events: list[str]) -> None:
    assert served(events, signal=9, oom_kills=1, **BY_ITSELF).ending is Ending.OOM_KILLED
    swallowed = served(events, signal=None, exit_code=0, oom_kills=2, kills_while_main_lived=2)
    assert swallowed.ending is Ending.OOM_CHILD_SWALLOWED
    assert run_of(swallowed).workers.oom_kills == 2


def test_what_ended_the_run_from_outside_stays() -> None:
    assert served(WHOLE[:3], stopped_by_signal=15, **BY_ITSELF).ending is Ending.KILLED_FROM_OUTSIDE
    assert served(WHOLE[:3], timed_out=True, signal=9, **BY_ITSELF).ending is Ending.TIMED_OUT
    assert served(WHOLE[:1], exec_errno=2, signal=None, started_ns=0, wall_ns=None).ending is Ending.LOAD_FAILED
    assert served(WHOLE[:1], raw=not_started("no such user")).ending is Ending.NOT_STARTED


@pytest.mark.parametrize(("errors", "words"), [("", "it said nothing"), ("Traceback\nKeyError: 1\n\n", "KeyError: 1")])
def test_a_run_whose_client_ended_too_early_is_lost(errors: str, words: str) -> None:
    for events in (WHOLE[:3], WHOLE[:-1]):
        found = served(events, serving={"client_errors": errors})
        assert ending_of(found) == (Ending.LOST, f"the load client ended: {words}")
        assert run_of(found).phases


def test_a_run_whose_client_ended_before_the_server_was_started_is_lost() -> None:
    found = served([], raw=failed("the server was not started"), serving={"client_errors": "no /memcap/client"})
    assert ending_of(found) == (Ending.LOST, "the load client ended: no /memcap/client")
    assert run_of(found).phases == ()


@pytest.mark.parametrize(
    "wrong", ["Segmentation fault", '{"event": "done"}', "[1, 2]", '{"event": 7, "at": ' + "9" * 500]
)
def test_a_run_with_lines_that_are_not_the_clients_is_lost(wrong: str) -> None:
    found = served([*WHOLE[:2], wrong, *WHOLE[2:]])
    assert found.ending is Ending.LOST
    assert found.detail.startswith("the load client: the load client's events")
    assert "\n" not in found.detail
    assert len(found.detail) < 500


def test_a_load_that_nothing_answered_is_incomplete() -> None:
    found = served(lines(*PHASES, completed=0, errors=FAULTS))
    words = "no request was answered (connect: GET /: Connection refused)"
    assert ending_of(found) == (Ending.INCOMPLETE, words)
    assert kinds(found) == []


def test_requests_that_failed_are_a_caveat_if_others_did_not() -> None:
    errors = {"status": {"count": 2, "example": "GET /: 500 Oh"}, "timeout": {"count": 1, "example": ""}}
    found = served(lines(*PHASES, completed=17, errors=errors))
    assert found.ending is Ending.COMPLETED
    (caveat,) = found.caveats
    assert (caveat.kind, caveat.detail) == (
        CaveatKind.LOAD_ERRORS,
        "3 of 20 requests failed (status: GET /: 500 Oh; timeout)",
    )
    assert [each.errors for each in run_of(found).loads] == [3]


def test_a_rate_that_was_missed_is_a_caveat_of_a_load_that_was_sent_whole() -> None:
    events = lines(*PHASES, achieved_rate=5.0)
    assert kinds(served(events)) == [CaveatKind.LOAD_MISSED_RATE]
    assert kinds(served(events[:-1])) == []


def test_each_level_has_its_load() -> None:
    spec = make_server_spec(make_server(load=replace(LOAD, levels=(1, 2))))
    events = [
        *lines("services_ready", "ready", "warm_up", "load", "idle", "load", completed=19),
        event("idle"),
        event("done"),
    ]
    found = served(events, spec=spec)
    assert [(each.name.value, each.level) for each in run_of(found).phases if each.name is PhaseName.LOAD] == [
        ("load", 1),
        ("load", 2),
    ]
    assert [(each.level, each.requests) for each in run_of(found).loads] == [(1, 20), (2, 20)]


OWN = make_server_spec(make_server(load=ClientCommand(argv=("hey",))))
OF_OWN = [event(name) for name in PHASES]


def test_the_counts_of_a_load_generator_of_the_users_own() -> None:
    found = served(OF_OWN, spec=OWN, serving={"tool_outputs": (HEY,)})
    assert found.ending is Ending.COMPLETED
    (load,) = run_of(found).loads
    assert (load.requests, load.errors, load.achieved_rate, load.level) == (20, 5, None, 1)
    assert [caveat.detail for caveat in found.caveats] == ["5 of 20 requests failed (status)"]


def test_a_load_generator_that_reached_nothing() -> None:
    found = served(
        OF_OWN, spec=OWN, serving={"tool_outputs": ("unable to connect to localhost:8000 Connection refused",)}
    )
    assert found.ending is Ending.INCOMPLETE
    assert found.detail.startswith("no request was answered (connect: unable to connect to localhost:8000")


@pytest.mark.parametrize("outputs", [(), ("",), ("1000 requests went well",)])
def test_what_is_not_known_of_a_load_is_not_zero(outputs: tuple[str, ...]) -> None:
    found = served(OF_OWN, spec=OWN, serving={"tool_outputs": outputs})
    assert (found.ending, found.caveats) == (Ending.COMPLETED, ())
    assert run_of(found).loads == ()
    assert [each.requests for each in run_of(found).phases if each.name is PhaseName.LOAD] == [None]


COLLECTING = make_server_spec(make_server(collect=CollectSignal(name="SIGUSR1")))
LATER: dict[str, Any] = {"stopped_at_ns": 9_600_000_000, "wall_ns": 10_000_000_000}


def test_a_collection_is_a_phase() -> None:
    events = [*WHOLE[:-1], event("collect_wanted"), event("collect"), event("done")]
    found = served(events, spec=COLLECTING, **LATER)
    assert marks_of(found)[3:] == [("idle", 3.5, 6.5), ("collect", 6.5, 9.6), ("stop", 9.6, 10)]


def test_a_collection_that_failed_is_a_caveat() -> None:
    errors = {"status": {"count": 1, "example": "POST /gc: 404 Not Found"}}
    collected = event("collected", report=report_of(requests=1, sent=1, completed=0, errors=errors))
    found = served([*WHOLE[:-1], collected, event("collect"), event("done")], spec=COLLECTING, **LATER)
    assert found.ending is Ending.COMPLETED
    assert [(each.kind, each.detail) for each in found.caveats] == [
        (CaveatKind.LOAD_ERRORS, "the request to collect failed (status: POST /gc: 404 Not Found)")
    ]


# The services.

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


# What comes from outside.


def test_no_secret_of_the_server_is_in_the_log_of_a_service() -> None:
    secret = "hunter2xyz"
    for kept in (0, 5):
        left = replace(service(**ENDED), output=f"login {secret}{'.' * (2000 - kept)}")
        spec = replace(WITH_DATABASE, secrets=(secret,))
        found = served(WHOLE, spec=spec, serving={"services": (left,)})
        (figures,) = run_of(found).services
        assert all(secret[place : place + 4] not in figures.log_tail for place in range(len(secret) - 3))


def test_what_is_said_is_bounded() -> None:
    long = "w" * 10**5
    told = event("not_ready", why=long)
    errors = {f"kind {number}": {"count": 1, "example": long} for number in range(10)}
    for found in (
        served([event("services_ready"), told]),
        served(WHOLE[:-1], serving={"client_errors": long}),
        served(lines(*PHASES, completed=0, errors=errors)),
        served(lines(*PHASES, completed=10, errors=errors)),
        with_database(replace(service(), output=f"{long} No space left on device")),
        with_database(not_started(long), [], NOT_STARTED),
    ):
        assert all(len(text) <= 4000 for text in (found.detail, *(each.detail for each in found.caveats)))


@given(
    reached=st.integers(min_value=0, max_value=len(WHOLE)),
    cut=st.integers(min_value=0),
    wall=st.floats(min_value=0, max_value=12),
    stopped=st.none() | st.floats(min_value=0, max_value=12),
    clock=st.floats(min_value=0, max_value=2000),
)
def test_phases_follow_each_other_wherever_a_run_is_cut_off(
    reached: int, cut: int, wall: float, stopped: float | None, clock: float
) -> None:
    rest = [WHOLE[reached][: cut % len(WHOLE[reached])]] if reached < len(WHOLE) else []
    found = served(
        [*WHOLE[:reached], *rest],
        started_ns=int(clock * 1e9),
        wall_ns=int(wall * 1e9),
        stopped_at_ns=None if stopped is None else int(stopped * 1e9),
    )
    marks = marks_of(found)
    assert [name for name, _, _ in marks] == [
        *("start", "warm_up", "load", "idle")[: max(reached, 1)],
        *([] if stopped is None else ["stop"]),
    ]
    borders = [0.0, *(end for _, _, end in marks)]
    assert [start for _, start, _ in marks] == borders[:-1]
    assert borders == sorted(borders)
    assert borders[-1] == int(wall * 1e9) / 1e9
