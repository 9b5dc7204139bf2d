"""What an engine brings back of a server's run becomes a measurement: its ending, phases and caveats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from measured import kinds
from measured_servers import (
    BY_ITSELF,
    CLOCK,
    FAULTS,
    HEY,
    PHASES,
    STOPPED,
    WHOLE,
    ending_of,
    event,
    lines,
    marks_of,
    report_of,
    run_of,
    served,
)
from servers import LOAD, make_server, make_server_spec

from factories import make_raw, make_report
from memcap.engine.base import failed, not_started
from memcap.measuring import measure
from memcap.model import STOPPED_BEFORE_ITS_TIME, CaveatKind, ClientCommand, CollectSignal, Ending, PhaseName, RawRun


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


@pytest.mark.parametrize(
    ("words", "ending"),
    [("MemoryError", Ending.MEMORY_ERROR), ("OSError: [Errno 28] No space left on device", Ending.STORAGE_FULL)],
)
def test_an_error_in_the_output_is_the_ending_of_a_server_that_did_not_go_on(words: str, ending: Ending) -> None:
    traceback = f'Traceback (most recent call last):\n  File "app.py", line 1, in <module>\n{words}\n'
    handled = make_raw(make_report(exit_code=None, signal=15, **STOPPED), error_output=traceback, exit_code=143)
    assert ending_of(served(WHOLE, raw=handled)) == (Ending.COMPLETED, "")
    fatal = make_raw(make_report(exit_code=1, started_ns=CLOCK * 10**9, **BY_ITSELF), error_output=traceback)
    found = served(WHOLE[:3], raw=fatal)
    assert found.ending is ending
    assert found.detail.endswith("; it ended by itself in its phase 'load'")


def test_a_run_of_anything_else_has_no_server() -> None:
    assert measure(make_raw(), make_server_spec(), cpus=2).server is None


def test_a_server_that_is_not_ready_in_time() -> None:
    found = served([event("services_ready"), event("not_ready", why="localhost:8000: Connection refused")])
    assert ending_of(found) == (Ending.NOT_READY, "not within 30.0 s: localhost:8000: Connection refused")
    assert marks_of(found) == [("start", 0, 6.6), ("stop", 6.6, 7.0)]


def test_a_server_that_does_not_end_in_time() -> None:
    found = served(WHOLE, signal=9, grace_over=True)
    assert ending_of(found) == (Ending.TIMED_OUT, "it did not end within 4.0 s of its stop signal")
    assert found.explanation == "the server had to be killed after its grace period"


def test_a_server_that_was_ended_at_the_time_limit_was_not_late_to_stop() -> None:
    found = served(WHOLE[:3], timed_out=True, signal=9, **BY_ITSELF)
    assert found.explanation == Ending.TIMED_OUT.explanation


def test_a_server_that_was_stopped_did_not_end_by_itself() -> None:
    assert served(WHOLE).explanation == "the server was stopped, and ended within its grace period"


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


def test_a_server_ends_in_the_phase_of_its_end_though_the_client_goes_on() -> None:
    found = served(WHOLE[:4], stopped_at_ns=None, wall_ns=1_200_000_000, signal=None, exit_code=0)
    assert ending_of(found) == (Ending.INCOMPLETE, "it ended by itself in its phase 'warm up'")
    assert marks_of(found) == [("start", 0, 0.5), ("warm_up", 0.5, 1.2)]


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


def test_a_soak_that_is_stopped_under_load_is_not_lost() -> None:
    found = served(WHOLE[:-1], serving={"client_ran": True})
    assert ending_of(found) == (Ending.COMPLETED, STOPPED_BEFORE_ITS_TIME)


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
    words = "no request succeeded: GET /: Connection refused"
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


def tool(output: str = "", **report: Any) -> RawRun:
    return make_raw(make_report(**report), error_output=output)


def test_the_counts_of_a_load_generator_of_the_users_own() -> None:
    for exit_code in (0, 99):
        found = served(OF_OWN, spec=OWN, serving={"tools": (tool(HEY, exit_code=exit_code),)})
        assert found.ending is Ending.COMPLETED
        (load,) = run_of(found).loads
        assert (load.requests, load.errors, load.achieved_rate, load.level) == (20, 5, None, 1)
        assert [caveat.detail for caveat in found.caveats] == ["5 of 20 requests failed (status)"]


def test_a_load_generator_that_reached_nothing() -> None:
    words = "unable to connect to localhost:8000 Connection refused"
    found = served(OF_OWN, spec=OWN, serving={"tools": (tool(words, exit_code=1),)})
    assert ending_of(found) == (Ending.INCOMPLETE, f"no request succeeded: {words}")


@pytest.mark.parametrize("output", ["", "1000 requests went well"])
def test_what_is_not_known_of_a_load_is_not_zero(output: str) -> None:
    found = served(OF_OWN, spec=OWN, serving={"tools": (tool(output),)})
    assert (found.ending, found.caveats) == (Ending.COMPLETED, ())
    assert run_of(found).loads == ()
    assert [each.requests for each in run_of(found).phases if each.name is PhaseName.LOAD] == [None]


@pytest.mark.parametrize(
    ("left", "words"),
    [
        (tool("usage: hey\nno such option", exit_code=2), "it ended with exit code 2; no such option"),
        (tool(exit_code=None, signal=9), "it ended with signal 9"),
        (tool(exit_code=None, exec_errno=2, exec_problem="missing", exec_needs="/bin"), "in the image"),
        (not_started("no such user"), "no such user"),
        (make_raw("", exit_code=137), "it was killed (exit code 137)"),
    ],
)
def test_a_load_generator_that_failed(left: RawRun, words: str) -> None:
    found = served(OF_OWN, spec=OWN, serving={"tools": (left,)})
    assert found.ending is Ending.INCOMPLETE
    assert found.detail.startswith("the load generator: ")
    assert words in found.detail


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


def test_what_is_said_is_bounded() -> None:
    long = "w" * 10**5
    told = event("not_ready", why=long)
    errors = {f"kind {number}": {"count": 1, "example": long} for number in range(10)}
    for found in (
        served([event("services_ready"), told]),
        served(WHOLE[:-1], serving={"client_errors": long}),
        served(lines(*PHASES, completed=0, errors=errors)),
        served(lines(*PHASES, completed=10, errors=errors)),
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
    names = [name for name, _, _ in marks if name != "stop"]
    assert names == list(("start", "warm_up", "load", "idle")[: len(names)])
    assert 1 <= len(names) <= max(reached, 1)
    assert (marks[-1][0] == "stop") == (stopped is not None)
    borders = [0.0, *(end for _, _, end in marks)]
    assert [start for _, start, _ in marks] == borders[:-1]
    assert borders == sorted(borders)
    assert borders[-1] == int(wall * 1e9) / 1e9
