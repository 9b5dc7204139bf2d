"""How the load client reads answers, whichever way they arrive in pieces."""

from __future__ import annotations

import asyncio
import itertools
import socket
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.probe.memcap_load.connection import (
    Answer,
    Connection,
    ExchangeError,
    Pool,
    Request,
    Template,
    UnreadError,
)

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
COMPLETE = {
    "length": OK,
    "no body": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
    "chunks and a trailer": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n1\r\n\r\r\n0\r\nA: b\r\n\r\n",
    "204": b"HTTP/1.1 204 No Content\r\n\r\n",
    "304 with a length": b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "interim answers": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK,
    "the same length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\ncontent-length: 1\r\n\r\nx",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
    "an empty reason": b"HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
}
BAD = {
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "an alert of TLS": b"\x15\x03\x01\x00\x02\x02\x16",
    "HTTP/2": b"HTTP/2 200 OK\r\n\r\n",
    "no status": b"HTTP/1.1 abc OK\r\n\r\n",
    "another protocol from now on": b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "no length": b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello",
    "no chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\n",
    "a head without end": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 12000,
    "a chunk's size without end": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 70000,
}


def fed(pieces: list[bytes], *, is_head: bool = False) -> tuple[Answer, bool]:
    answer = Answer(is_head)
    return answer, [answer.feed(piece) for piece in pieces][-1]


@pytest.mark.parametrize("name", COMPLETE)
@given(cuts=st.lists(st.integers(min_value=1, max_value=200), max_size=8))
def test_an_answer_is_complete_with_its_last_byte(name: str, cuts: list[int]) -> None:
    text = COMPLETE[name]
    ends = [0, *sorted({cut for cut in cuts if cut < len(text)}), len(text)]
    pieces = [text[start:end] for start, end in itertools.pairwise(ends)]
    answer = Answer(is_head=False)
    assert [answer.feed(piece) for piece in pieces] == [False] * (len(pieces) - 1) + [True]
    assert answer.rest == b""
    assert answer.keeps_open
    assert not answer.ends_with_connection()


@pytest.mark.parametrize("name", COMPLETE)
def test_what_comes_after_an_answer_is_left(name: str) -> None:
    answer, is_complete = fed([COMPLETE[name] + b"more"])
    assert is_complete
    assert answer.rest == b"more"


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("size", [1000000, 99])
def test_what_is_not_http_1(name: str, size: int) -> None:
    text = BAD[name]
    with pytest.raises(ExchangeError) as caught:
        fed([text[start : start + size] for start in range(0, len(text), size)])
    assert caught.value.kind == "bad_answer"
    assert len(str(caught.value)) < 300


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=5), st.booleans())
def test_anything_is_read_or_refused(pieces: list[bytes], starts_well: bool) -> None:
    answer = Answer(is_head=False)
    try:
        for piece in [b"HTTP/1.1 200 OK\r\n", *pieces] if starts_well else pieces:
            if answer.feed(piece):
                break
    except ExchangeError as error:
        assert error.kind == "bad_answer"  # noqa: PT017 - either way is right


def test_an_answer_to_head_has_no_body() -> None:
    answer, is_complete = fed([b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"], is_head=True)
    assert is_complete
    assert answer.keeps_open


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n"])
def test_a_body_without_length_ends_with_the_connection(head: bytes) -> None:
    answer, is_complete = fed([head, b"hello"])
    assert not is_complete
    assert answer.ends_with_connection()
    assert not answer.keeps_open


@pytest.mark.parametrize(
    ("head", "keeps_open"),
    [
        (b"HTTP/1.1 200 OK\r\nConnection: Close", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x , close", False),
        (b"HTTP/1.1 200 OK\r\nConnection: x", True),
        (b"HTTP/1.0 200 OK", False),
        (b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive", True),
    ],
)
def test_who_keeps_the_connection(head: bytes, *, keeps_open: bool) -> None:
    answer, _ = fed([head + b"\r\nContent-Length: 0\r\n\r\n"])
    assert answer.keeps_open is keeps_open


def test_the_status_has_its_words() -> None:
    answer, _ = fed([b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"])
    assert (answer.status, answer.words) == (503, "503 Service Unavailable")


@given(st.integers(min_value=0, max_value=1000), st.integers(min_value=0, max_value=2**40), st.integers())
def test_a_drawn_number_is_in_its_range(low: int, more: int, seed: int) -> None:
    template = Template(b"/a/{%d..%d}/b" % (low, low + more))
    drawn = template.draw(Random(seed))
    assert drawn.startswith(b"/a/")
    assert drawn.endswith(b"/b")
    assert low <= int(drawn[3:-2]) <= low + more


def test_all_numbers_of_a_range_are_drawn() -> None:
    template, source = Template(b"{1..3}-{0..1}"), Random(1)
    drawn = {template.draw(source) for _ in range(200)}
    assert drawn == {b"%d-%d" % (first, second) for first in (1, 2, 3) for second in (0, 1)}


def order(**changes: Any) -> dict[str, Any]:
    return {"method": "GET", "path": "/", "headers": [], "body": None, **changes}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, b"GET / HTTP/1.1\r\nHost: h:80\r\nUser-Agent: memcap\r\nAccept: */*\r\n\r\n"),
        (
            {"method": "POST"},
            b"POST / HTTP/1.1\r\nHost: h:80\r\nUser-Agent: memcap\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n",
        ),
        (
            {"headers": [["host", "x"], ["ACCEPT", "a"], ["User-agent", "b"], ["A", "1"], ["A", "2"]]},
            b"GET / HTTP/1.1\r\nhost: x\r\nACCEPT: a\r\nUser-agent: b\r\nA: 1\r\nA: 2\r\n\r\n",
        ),
    ],
)
def test_heads(changes: dict[str, Any], expected: bytes) -> None:
    assert Request(order(**changes), "h:80", True).draw(Random(0)) == (expected, b"")


def test_the_length_is_that_of_the_drawn_body() -> None:
    request = Request(order(method="PUT", body="eyJpZCI6IHsxLi4xMDAwMDB9fQ=="), "h", False)
    for seed in range(20):
        head, body = request.draw(Random(seed))
        assert body.startswith(b'{"id": ')
        assert head.endswith(b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body))


class Transport:
    """Keeps what is written, and ends the connection in the next turn of the loop, as asyncio's do."""

    def __init__(self, connection: Connection, endpoint: socket.socket) -> None:
        self.written = b""
        self._connection, self._endpoint = connection, endpoint

    def get_extra_info(self, name: str) -> socket.socket:
        assert name == "socket"
        return self._endpoint

    def write(self, data: bytes) -> None:
        self.written += data

    def abort(self) -> None:
        asyncio.get_running_loop().call_soon(self._connection.connection_lost, None)


Event = bytes | OSError | None


async def exchanged(*events: Event, keep_alive: bool = True) -> tuple[Pool, Connection, Answer]:
    """Exchange one request, during which ``events`` arrive; None and errors are the end of the connection."""
    pool = Pool({"host": "localhost", "port": 80}, keep_alive)
    connection = Connection(pool)
    ends = socket.socketpair()
    transport = Transport(connection, ends[0])
    connection.connection_made(transport)
    loop = asyncio.get_running_loop()
    for event in events:
        if isinstance(event, bytes):
            loop.call_soon(connection.data_received, event)
        else:
            loop.call_soon(connection.connection_lost, event)
    try:
        answer = await connection.exchange((b"head", b"body"), False, loop.time() + 0.05)
    finally:
        for end in ends:
            end.close()
    await asyncio.sleep(0)
    assert transport.written == b"headbody"
    return pool, connection, answer


def test_a_connection_is_kept() -> None:
    pool, connection, answer = asyncio.run(exchanged(OK[:20], OK[20:]))
    assert answer.status == 200
    assert connection.is_open
    assert (pool.opened, pool.most_open, pool.closed_by_server) == (1, 1, 0)


def test_a_connection_that_the_server_ended_while_it_was_idle() -> None:
    async def ended() -> tuple[bool, bool, int]:
        pool = Pool({"host": "localhost", "port": 80}, True)
        connection = Connection(pool)
        own, others = socket.socketpair()
        connection.connection_made(Transport(connection, own))
        before = connection.is_usable()
        others.close()
        after = connection.is_usable()
        own.close()
        return before, after, pool.closed_by_server

    assert asyncio.run(ended()) == (True, False, 1)


def test_a_connection_that_the_server_will_close_is_closed() -> None:
    pool, connection, _ = asyncio.run(exchanged(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"))
    assert not connection.is_open
    assert pool.closed_by_server == 1


def test_without_keep_alive_the_client_closes() -> None:
    pool, connection, _ = asyncio.run(exchanged(OK, keep_alive=False))
    assert not connection.is_open
    assert pool.closed_by_server == 0


def test_the_end_of_the_connection_ends_a_body_without_length() -> None:
    pool, _, answer = asyncio.run(exchanged(b"HTTP/1.1 200 OK\r\n\r\n", b"hello", None))
    assert answer.status == 200
    assert pool.closed_by_server == 1


def test_too_much_closes_the_connection() -> None:
    pool, connection, answer = asyncio.run(exchanged(OK + b"more"))
    assert answer.status == 200
    assert not connection.is_open
    assert pool.closed_by_server == 0


@pytest.mark.parametrize(
    ("events", "kind", "is_unread"),
    [
        ((None,), "reset", False),
        ((ConnectionResetError("reset by peer"),), "reset", True),
        ((OK[:20], None), "reset", False),
        ((OK[:20], ConnectionResetError("reset by peer")), "reset", False),
        ((b"SSH-2.0-x\r\n",), "bad_answer", False),
        ((), "timeout", False),
        ((OK[:20],), "timeout", False),
    ],
)
def test_errors(events: tuple[Event, ...], kind: str, *, is_unread: bool) -> None:
    with pytest.raises(ExchangeError) as caught:
        asyncio.run(exchanged(*events))
    assert caught.value.kind == kind
    assert isinstance(caught.value, UnreadError) is is_unread


RESET = ConnectionResetError(104, "Connection reset by peer")


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ((None,), "the connection ended before the answer"),
        ((b"HTTP/1.1 200 OK\r\n", None), "the connection ended in the head of the answer"),
        ((b"HTTP/1.1 103 Early Hints\r\n\r\n", None), "the connection ended in the head of the answer"),
        ((OK[:-1], None), "the connection ended in the body of the answer"),
        ((COMPLETE["chunks"][:-2], None), "the connection ended in the body of the answer"),
        ((RESET,), f"the connection ended before the answer: {RESET}"),
        ((OK[:-1], RESET), f"the connection ended in the body of the answer: {RESET}"),
    ],
)
def test_where_an_answer_was_cut_off(events: tuple[Event, ...], words: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        asyncio.run(exchanged(*events))
    assert str(caught.value) == words


def test_a_name_that_no_host_can_have_is_a_failed_connection() -> None:
    pool = Pool({"host": "a" * 64, "port": 80}, True)
    pool.resolve()
    with pytest.raises(ExchangeError, match="aaa: ") as refused:
        asyncio.run(pool.connect(0))
    assert refused.value.kind == "connect"
