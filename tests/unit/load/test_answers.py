"""The report of the load client, read strictly, and what follows from it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from memcap.errors import FileFormatError
from memcap.load import make_orders, parse_load, parse_load_report
from memcap.model import LoadConnections, LoadErrors, LoadTarget, LoadTimes
from memcap.probe.memcap_load.client import Client

REPORT: dict[str, Any] = {
    "format": 1, "requests": 2000, "rate": 200.0, "stopped": False, "cpu_seconds": 0.5, "sent": 2000,
    "completed": 1990, "errors": {"status": {"count": 8, "example": "GET /: 500 Oh"}}, "queued": 3,
    "started": {"monotonic_seconds": 100.0, "wall_seconds": 1e9},
    "ended": {"monotonic_seconds": 110.0, "wall_seconds": 1e9 + 10},
    "achieved_rate": 199.9,
    "latency_seconds": {"p50": 0.001, "p95": 0.002, "p99": 0.003, "max": 0.5},
    "lateness_seconds": {"p50": 0.001, "p99": 0.002, "max": 0.003},
    "connections": {"opened": 20, "closed_by_server": 1, "most_open": 20, "retried": 1},
}  # fmt: skip


def read(**changes: Any) -> Any:
    return parse_load_report(json.dumps({**REPORT, **changes}))


def test_a_report() -> None:
    outcome = read()
    assert (outcome.tool, outcome.requests, outcome.completed, outcome.failed, outcome.unfinished) == (
        "memcap", 2000, 1990, 8, 2
    )  # fmt: skip
    assert outcome.errors == {"status": LoadErrors(count=8, example="GET /: 500 Oh")}
    assert outcome.latency == LoadTimes(p50=0.001, p95=0.002, p99=0.003, max=0.5)
    assert outcome.lateness == LoadTimes(p50=0.001, p95=None, p99=0.002, max=0.003)
    assert outcome.connections == LoadConnections(opened=20, closed_by_server=1, most_open=20, retried=1)
    assert outcome.ended.monotonic_seconds == 110.0
    assert (outcome.missed_rate, outcome.client_was_slow) == (False, False)


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"achieved_rate": 196.1}, False),
        ({"achieved_rate": 195.9}, True),
        ({"achieved_rate": None}, None),
        ({"achieved_rate": 500}, False),
        ({"achieved_rate": 39.1, "rate": 40, "requests": 40, "sent": 40, "completed": 30}, False),
        ({"achieved_rate": 36.1, "rate": 40, "requests": 40, "sent": 40, "completed": 30}, True),
    ],
)
def test_a_missed_rate(changes: dict[str, Any], *, missed: bool | None) -> None:
    assert read(**changes).missed_rate is missed


@pytest.mark.parametrize(
    ("changes", "slow"),
    [
        ({"lateness_seconds": {"p50": 0.001, "p99": 0.06, "max": 0.1}}, True),
        ({"cpu_seconds": 9.0}, True),
        ({"lateness_seconds": None}, None),
        ({"started": None, "ended": None}, None),
    ],
)
def test_a_slow_client(changes: dict[str, Any], *, slow: bool | None) -> None:
    assert read(**changes).client_was_slow is slow


def test_the_client_writes_what_is_read() -> None:
    orders = make_orders(parse_load("GET / rate=200 for 10s"), LoadTarget(), seed=1, bodies={})
    outcome = parse_load_report(json.dumps(Client(orders).report()))
    assert (outcome.requests, outcome.completed, outcome.unfinished, outcome.started) == (2000, 0, 2000, None)
    assert (outcome.missed_rate, outcome.latency) == (None, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "is not of format 1"),
        ({"completed": 1999}, "more requests ended than there were"),
        ({"completed": -1}, "expected 0 or more"),
        ({"completed": 1.5}, "a number too large, or not whole"),
        ({"completed": None}, "NoneType instead of a whole number"),
        ({"stopped": 0}, "int instead of true or false"),
        ({"errors": []}, "list instead of an object"),
        ({"errors": {"status": 7}}, "int instead of an object"),
        ({"latency_seconds": {"p50": 1}}, "has no field 'p99'"),
        ({"connections": {}}, "has no field 'opened'"),
        ({"started": 7}, "int instead of an object"),
    ],
)
def test_what_cannot_be_true(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(FileFormatError, match=words):
        read(**changes)


@pytest.mark.parametrize("key", sorted(REPORT))
def test_every_field_is_needed(key: str) -> None:
    with pytest.raises(FileFormatError, match=r"has no field|not of format"):
        parse_load_report(json.dumps({name: value for name, value in REPORT.items() if name != key}))


@pytest.mark.parametrize("text", ["", "[]", json.dumps(REPORT)[:-20]])
def test_what_is_no_report(text: str) -> None:
    with pytest.raises(FileFormatError):
        parse_load_report(text)
