"""The load client against real servers on localhost: what it says is what arrived there."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from load_server import ANSWER, CLOSING, LoadServer

import memcap

CLIENT = Path(memcap.__file__).parent / "probe" / "memcap_load"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def made_orders(target: dict[str, Any], **changes: Any) -> dict[str, Any]:
    usual = {
        "format": 1, "target": target, "count": 400, "rate": 1000.0, "concurrency": 20, "keep_alive": True,
        "timeout_seconds": 30.0, "seed": 1, "start_file": None,
        "requests": [{"method": "GET", "path": "/items/{1..50}", "headers": [], "body": None, "weight": 1}],
    }  # fmt: skip
    return {**usual, **changes}


def loaded(target: dict[str, Any], executable: str = sys.executable, **changes: Any) -> dict[str, Any]:
    """Return the report of a load."""
    ended = subprocess.run(
        [executable, "-B", str(CLIENT)], input=json.dumps(made_orders(target, **changes)), text=True,
        stdout=subprocess.PIPE, timeout=120, check=True,
    )  # fmt: skip
    report: dict[str, Any] = json.loads(ended.stdout)
    done = report["completed"] + sum(error["count"] for error in report["errors"].values())
    assert done == report["requests"]
    return report


@pytest.fixture
def nowhere() -> dict[str, Any]:
    """Return a target where nothing listens."""
    with socket.socket() as endpoint:
        endpoint.bind(("127.0.0.1", 0))
        return {"host": "127.0.0.1", "port": endpoint.getsockname()[1]}


def test_the_server_gets_the_number_of_requests(interpreter: str) -> None:
    with LoadServer() as server:
        report = loaded(server.target, interpreter, count=2000)
    assert len(server.heads) == report["sent"] == report["completed"] == 2000
    assert report["errors"] == {}
    assert server.connections == report["connections"]["opened"] == report["connections"]["most_open"] == 20
    assert (report["connections"]["closed_by_server"], report["connections"]["retried"]) == (0, 0)
    assert set(report["latency_seconds"]) == {"p50", "p95", "p99", "max"}
    assert set(report["lateness_seconds"]) == {"p50", "p99", "max"}
    assert not report["stopped"]


def test_the_seed_decides_what_is_asked() -> None:
    asked = []
    for seed in (1, 1, 2):
        with LoadServer() as server:
            loaded(server.target, concurrency=1, count=100, seed=seed)
        asked.append([head.split()[1] for head in server.heads])
    assert asked[0] == asked[1] != asked[2]
    assert {int(path.rpartition(b"/")[2]) for path in asked[0]} <= set(range(1, 51))


@pytest.mark.parametrize("answer", [CLOSING, ANSWER], ids=["announced", "unannounced"])
def test_a_server_that_closes_each_connection(answer: bytes, interpreter: str) -> None:
    with LoadServer(lambda _: answer, hangs_up=True) as server:
        report = loaded(server.target, interpreter)
    assert report["completed"] == 400
    assert len(server.heads) == 400
    assert report["connections"]["opened"] == server.connections == 400
    assert report["connections"]["retried"] <= 380
    assert report["connections"]["closed_by_server"] >= 380, "a worker may close its last connection first"


def test_bodies_of_every_kind() -> None:
    answers = (ANSWER, CHUNKED, b"HTTP/1.1 204 No Content\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\n\r\n" + ANSWER)
    with LoadServer(lambda number: answers[number % 4]) as server:
        report = loaded(server.target)
    assert (report["completed"], server.connections) == (400, 20)


def test_large_bodies_both_ways() -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 3000000\r\n\r\n" + bytes(3000000)
    body = base64.b64encode(bytes(range(256)) * 4000).decode()
    post = {"method": "POST", "path": "/", "headers": [], "body": body, "weight": 1}
    with LoadServer(lambda _: large) as server:
        report = loaded(server.target, count=20, concurrency=3, requests=[post])
    assert report["completed"] == 20
    assert {len(each) for each in server.bodies} == {1024000}


def test_a_body_that_ends_with_the_connection() -> None:
    with LoadServer(lambda _: b"HTTP/1.0 200 OK\r\n\r\nhello", hangs_up=True) as server:
        report = loaded(server.target)
    assert report["completed"] == len(server.heads) == 400


def test_a_unix_socket(tmp_path: Path, interpreter: str) -> None:
    with LoadServer(unix=tmp_path / "s") as server:
        report = loaded(server.target, interpreter)
    assert report["completed"] == len(server.heads) == 400
    assert b"Host: localhost\r\n" in server.heads[0]


def test_without_keep_alive() -> None:
    with LoadServer() as server:
        report = loaded(server.target, keep_alive=False)
    assert report["completed"] == len(server.heads) == server.connections == 400
    assert all(b"Connection: close\r\n" in head for head in server.heads)
    assert report["connections"]["closed_by_server"] == 0


def test_a_mix() -> None:
    requests = [
        {"method": "GET", "path": "/a", "headers": [["X-Kind", "first"]], "body": None, "weight": 3},
        {"method": "POST", "path": "/b", "headers": [], "body": base64.b64encode(b"{7..7}").decode(), "weight": 1},
    ]
    with LoadServer() as server:
        loaded(server.target, requests=requests)
    asked = Counter(head.split()[1] for head in server.heads)
    assert 260 <= asked[b"/a"] <= 340
    assert asked[b"/b"] == 400 - asked[b"/a"]
    assert all((b"X-Kind: first" in head) == head.startswith(b"GET") for head in server.heads)
    assert set(server.bodies) == {b"", b"7"}


def test_nothing_listens(nowhere: dict[str, Any], interpreter: str) -> None:
    report = loaded(nowhere, interpreter)
    assert (report["sent"], report["completed"], report["achieved_rate"]) == (0, 0, None)
    assert list(report["errors"]) == ["connect"]
    assert report["errors"]["connect"]["count"] == 400
    assert "GET /items/{1..50}: " in report["errors"]["connect"]["example"]


@pytest.mark.parametrize("target", [{"host": "no-such-host.invalid", "port": 80}, {"unix": "/no/such/socket"}])
def test_a_target_that_does_not_exist(target: dict[str, Any]) -> None:
    report = loaded(target, count=5)
    assert (report["completed"], list(report["errors"])) == (0, ["connect"])


def test_errors_are_counted_by_kind() -> None:
    answers: tuple[bytes | None, ...] = (
        ANSWER,
        b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\nhello",
        b"hello\r\n\r\n",
    )
    with LoadServer(lambda number: answers[number % 4], hangs_up=True) as server:
        report = loaded(server.target, concurrency=1)
    counts = {kind: error["count"] for kind, error in report["errors"].items()}
    assert counts == {"status": 100, "reset": 100, "bad_answer": 100}
    assert report["errors"]["status"]["example"] == "GET /items/{1..50}: 500 Internal Server Error"
    assert report["errors"]["reset"]["example"].endswith(": the connection ended in the body of the answer")
    assert "hello" in report["errors"]["bad_answer"]["example"]


@pytest.mark.parametrize("by_unix_socket", [False, True])
def test_a_request_that_was_read_is_not_sent_again(tmp_path: Path, *, by_unix_socket: bool) -> None:
    """A worker that dies of its request closes the connection like one that found it idle."""
    with LoadServer(
        lambda number: None if number % 10 == 9 else ANSWER, unix=tmp_path / "s" if by_unix_socket else None
    ) as server:
        report = loaded(server.target)
    assert len(server.heads) == report["sent"] == 400
    assert {kind: error["count"] for kind, error in report["errors"].items()} == {"reset": 40}
    assert report["connections"]["retried"] == 0


def test_a_server_that_never_answers() -> None:
    with LoadServer(lambda _: b"") as server:
        report = loaded(server.target, count=50, rate=100000.0, concurrency=5, timeout_seconds=1.0)
    assert report["completed"] == 0
    assert list(report["errors"]) == ["timeout"]
    assert 5 <= len(server.heads) <= report["sent"] < 50, "the rest found no free connection in time"
    assert report["latency_seconds"]["p50"] >= 0.98


def test_latency_counts_from_the_due_time() -> None:
    with LoadServer(stalls_at=100) as server:
        report = loaded(server.target, count=400, rate=100.0, concurrency=5)
    assert report["completed"] == len(server.heads) == 400
    assert report["queued"] >= 90
    assert report["latency_seconds"]["p95"] >= 0.75, "a quarter of the requests were due in the stall, one every 10 ms"
    assert report["latency_seconds"]["max"] >= 0.99


def stopped_load(tmp_path: Path, target: dict[str, Any], begun: Callable[[], bool], **changes: Any) -> dict[str, Any]:
    """Return the report of a load that SIGTERM ends once it has ``begun``."""
    orders, report = tmp_path / "orders.json", tmp_path / "report.json"
    orders.write_text(json.dumps(made_orders(target, **changes)))
    command = [sys.executable, "-B", str(CLIENT), "--orders", str(orders), "--report", str(report)]
    with subprocess.Popen(command) as process:
        while not begun():
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
    found: dict[str, Any] = json.loads(report.read_text())
    return found


def test_a_stopped_load_reports_what_it_did(tmp_path: Path) -> None:
    with LoadServer() as server:
        report = stopped_load(tmp_path, server.target, lambda: len(server.heads) > 20, count=100000, rate=100.0)
    assert report["stopped"]
    assert 20 < report["completed"] <= report["sent"] == len(server.heads) < 100000


def test_a_load_waits_for_its_start_mark(tmp_path: Path) -> None:
    mark = tmp_path / "start"
    arrived: list[int] = []

    def set_mark() -> None:
        arrived.append(len(server.heads))
        mark.touch()

    with LoadServer() as server:
        threading.Timer(1, set_mark).start()
        report = loaded(server.target, start_file=str(mark))
    assert arrived == [0]
    assert report["completed"] == 400


def test_a_load_stopped_before_its_start(tmp_path: Path, nowhere: dict[str, Any]) -> None:
    since = time.monotonic()
    report = stopped_load(tmp_path, nowhere, lambda: time.monotonic() > since + 2, start_file=str(tmp_path / "never"))
    assert report["stopped"]
    assert (report["sent"], report["completed"], report["started"]) == (0, 0, None)


@pytest.mark.parametrize("orders", ["", "[]", "{}", json.dumps(made_orders({"host": "h"})), '{"format": 99}'])
def test_orders_that_cannot_be_read(orders: str) -> None:
    command = [sys.executable, "-B", str(CLIENT)]
    ended = subprocess.run(command, input=orders, text=True, capture_output=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("memcap_load: the orders cannot be read: ")
    assert ended.stderr.count("\n") == 1
