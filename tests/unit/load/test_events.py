"""What the load client tells, read strictly: its container shares a network with a program that is not trusted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.errors import FileFormatError
from memcap.load import PodEvent, make_orders, parse_event, parse_events, parse_load, stream_events
from memcap.model import LoadTarget, PhaseName, WorkLook
from memcap.probe.memcap_load.client import Client

REPORT = Client(make_orders(parse_load("GET / rate=10 for 2s"), LoadTarget(), seed=1, bodies={})).report()
LINES = (
    {"event": "not_ready", "at": 4.5, "name": "db", "why": "refused"},
    {"event": "ready", "at": 5, "name": ""},
    {"event": "phase", "at": 6.5, "phase": "warm_up"},
    {"event": "phase", "at": 9, "phase": "load", "report": REPORT},
    {"event": "phase", "at": 9, "phase": "load", "report": None},
    {"event": "done", "at": 10},
)

PROGRESS = {
    "event": "progress", "at": 7.5, "done": 90, "failed": 10, "p50": 0.001, "p95": 0.002, "p99": 0.003, "max": 0.5
}  # fmt: skip

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def line(**changes: Any) -> str:
    return json.dumps({"event": "phase", "at": 7, "phase": "load", **changes})


def test_events() -> None:
    not_ready, ready, warm_up, load, own_tool, done = parse_events(map(json.dumps, LINES))
    assert not_ready == PodEvent(event="not_ready", at=4.5, name="db", why="refused")
    assert ready == PodEvent(event="ready", at=5)
    assert (warm_up.phase, warm_up.at, load.phase) == (PhaseName.WARM_UP, 6.5, PhaseName.LOAD)
    assert load.report is not None
    assert (load.report.requests, own_tool.report, done.phase) == (20, None, None)


def test_progress() -> None:
    look = WorkLook(
        seconds=7.5, done=90, failed=10, p50_seconds=0.001, p95_seconds=0.002, p99_seconds=0.003, max_seconds=0.5
    )
    assert parse_event(json.dumps(PROGRESS)) == PodEvent(event="progress", at=7.5, progress=look)


def test_progress_of_a_time_in_which_nothing_ended() -> None:
    none = dict.fromkeys(("p50", "p95", "p99", "max"))
    assert parse_event(json.dumps({**PROGRESS, **none})).progress == WorkLook(seconds=7.5, done=90, failed=10)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"done": -1}, "expected 0 or more"),
        ({"done": None}, "NoneType instead of a whole number"),
        ({"failed": 1.5}, "not whole"),
        ({"p95": "0.1"}, "str instead of a number of seconds"),
    ],
)
def test_progress_that_cannot_be_true(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        parse_event(json.dumps({**PROGRESS, **changes}))


@pytest.mark.parametrize("name", ["done", "failed", "p50", "p95", "p99", "max"])
def test_progress_with_a_field_that_is_missing(name: str) -> None:
    with pytest.raises(FileFormatError, match=f"have no field '{name}'"):
        parse_event(json.dumps({key: value for key, value in PROGRESS.items() if key != name}))


def test_what_this_version_does_not_know_is_passed_over() -> None:
    assert parse_event(line(event="news", more=[1])).event == "news"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "this is not JSON"),
        ("Traceback (most recent call last):", "this is not JSON"),
        ("[]", "expected a JSON object, found a list"),
        ('"event"', "expected a JSON object"),
        (json.dumps({"at": 7}), "have no field 'event'"),
        (json.dumps({"event": "done"}), "have no field 'at'"),
        (line(event=7), "int instead of a text"),
        (line(at="7"), "str instead of a number of seconds"),
        (line(at=True), "bool instead of a number of seconds"),
        (line(at=-1), "expected 0 or more, found -1"),
        (line(at=float("nan")), "expected a finite number"),
        (line(at=float("inf")), "expected a finite number"),
        (line(at=10**400), "a whole number of at most 64 bits"),
        (line(at=-0.5), "expected a finite number from 0"),
        (line(phase="lunch"), "'lunch' is not a valid PhaseName"),
        (line(phase=None), "NoneType instead of a text"),
        (line(phase=["load"]), "list instead of a text"),
        (line(name=None), "NoneType instead of a text"),
        (line(report=[]), "expected a JSON object"),
        (line(report={**REPORT, "completed": 21}), "more requests ended than there were"),
        ('{"event": "done", "at": 7, "at": 8}', "the key \"at\" is there twice"),
        ('{"event": "done", "at": 7, "report": ' + "[" * 900 + "]" * 900 + "}", "nested"),
    ],
)  # fmt: skip
def test_what_is_no_event(text: str, words: str) -> None:
    with pytest.raises(FileFormatError, match="the load client's") as refused:
        parse_event(text)
    assert words in str(refused.value)


def test_texts_are_bounded() -> None:
    event = parse_event(line(name="n" * 10**6, why="w" * 10**6))
    assert len(event.name) + len(event.why) < 10_000


@given(st.dictionaries(st.sampled_from(["event", "at", "name", "why", "phase", "report"]), json_values))
def test_anything_is_read_or_refused(changes: dict[str, Any]) -> None:
    try:
        event = parse_event(line(**changes))
    except FileFormatError:
        return
    assert 0 <= event.at < float("inf")


@given(st.text())
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        parse_event(text)
    except FileFormatError:
        return


@given(st.data())
def test_a_line_that_was_cut_off_is_left_out(data: st.DataObject) -> None:
    lines = [json.dumps(each) for each in LINES]
    number = data.draw(st.integers(min_value=0, max_value=len(lines) - 1))
    cut = data.draw(st.integers(min_value=0, max_value=len(lines[number]) - 1))
    assert parse_events([*lines[:number], lines[number][:cut]]) == parse_events(lines[:number])


def test_events_are_read_as_they_come() -> None:
    """A line is not kept: the log of a soak has some ten thousand of them."""
    whole, read = json.dumps(PROGRESS), 0

    def lines() -> Iterator[str]:
        nonlocal read
        while True:
            read += 1
            yield whole

    events = stream_events(lines())
    for expected in range(1, 4):
        assert next(events).progress is not None
        assert read == expected


def test_only_the_last_line_may_be_cut_off() -> None:
    whole = json.dumps(LINES[1])
    assert parse_events([]) == parse_events(["", "  "]) == parse_events([whole[:-1]]) == ()
    assert parse_events(["", whole, "", whole[:9]]) == (PodEvent(event="ready", at=5),)
    with pytest.raises(FileFormatError):
        parse_events([whole[:-1], whole])
