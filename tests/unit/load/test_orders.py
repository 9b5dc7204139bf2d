"""The orders for the client."""

from __future__ import annotations

import base64
import json

import pytest

from memcap.errors import UsageError
from memcap.load import make_orders, parse_load, parse_target
from memcap.model import LoadTarget
from memcap.probe.memcap_load.client import Client

MIX = "GET /{1..9} weight=2 and POST / body=cart.json header='A: b' rate=200 for 10s concurrency=20 levels=1,2"


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("http://localhost:8000/health?x", LoadTarget(port=8000)),
        ("http://shop/", LoadTarget(host="shop")),
        ("tcp://127.0.0.1:5000", LoadTarget(host="127.0.0.1", port=5000)),
        ("unix:/run/app.sock", LoadTarget(unix="/run/app.sock")),
        ("unix:///run/app.sock", LoadTarget(unix="/run/app.sock")),
    ],
)
def test_targets(text: str, target: LoadTarget) -> None:
    assert parse_target(text) == target


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("https://localhost", "does not speak TLS"),
        ("tcp://localhost", "is not an address of a server"),
        ("http://localhost:0", "is not an address of a server"),
        ("http://localhost:99999", "is not an address of a server: Port out of range"),
        ("tcp://localhost:99999", "is not an address of a server: Port out of range"),
        ("http://[::1]:80", "does not speak IPv6"),
        ("http://me:secret@localhost", "does not send the name and password"),
        ("http://[::1", "is not an address of a server"),
        ("http://localhost/caf\N{LATIN SMALL LETTER E WITH ACUTE}", "only ASCII characters"),
        ("http://localhost/a b", "no spaces"),
        ("http://localhost/a\nb", "no spaces"),
        ("pg_isready", "is not an address of a server"),
        ("", "is not an address of a server"),
    ],
)
def test_what_is_no_target(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        parse_target(text)
    assert refused.value.remedy


def test_orders_have_all_of_the_load() -> None:
    spec = parse_load(MIX).at_level(2)
    made = make_orders(spec, LoadTarget(port=8000), seed=7, bodies={"cart.json": b"{}"}, start_file="/start")
    assert made == {
        "format": 1,
        "target": {"host": "localhost", "port": 8000},
        "requests": [
            {"method": "GET", "path": "/{1..9}", "headers": [], "body": None, "weight": 2},
            {
                "method": "POST",
                "path": "/",
                "headers": [["A", "b"], ["Content-Type", "application/json"]],
                "body": base64.b64encode(b"{}").decode(),
                "weight": 1,
            },
        ],
        "count": 4000,
        "rate": 400.0,
        "concurrency": 20,
        "keep_alive": True,
        "timeout_seconds": 10.0,
        "seed": 7,
        "start_file": "/start",
    }


@pytest.mark.parametrize("target", [LoadTarget(), LoadTarget(unix="/s")])
def test_the_client_understands_them(target: LoadTarget) -> None:
    made = make_orders(parse_load(MIX), target, seed=7, bodies={"cart.json": b"{}"})
    report = Client(json.loads(json.dumps(made))).report()
    assert (report["requests"], report["rate"]) == (2000, 200.0)


@pytest.mark.parametrize(
    ("words", "content_type"),
    [
        ("body=a.json header='content-type: x/y'", ["content-type", "x/y"]),
        ("body=a.txt", ["Content-Type", "text/plain"]),
        ("body=a", ["Content-Type", "application/octet-stream"]),
    ],
)
def test_a_body_has_one_type(words: str, content_type: list[str]) -> None:
    spec = parse_load(f"POST / {words} rate=1 for 1s")
    bodies = {"a": b"", "a.json": b"", "a.txt": b""}
    assert make_orders(spec, LoadTarget(), seed=1, bodies=bodies)["requests"][0]["headers"] == [content_type]
