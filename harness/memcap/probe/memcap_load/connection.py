"""HTTP/1.1 as the client needs it: requests, answers, and connections that carry one after the other."""

from __future__ import annotations

import asyncio
import base64
import os
import random
import re
import select
import socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MOST_LINE_BYTES = 65536  # of an answer's head, too
RANGE = re.compile(rb"\{([0-9]+)\.\.([0-9]+)\}")
STATUS_LINE = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9][0-9])(?: (.*))?", re.DOTALL)
WITH_LENGTH = (b"POST", b"PUT", b"PATCH")  # they have a length even if there is no body
WITHOUT_BODY = (204, 304)


class ExchangeError(Exception):
    """A request that was not answered: the kind of error, and words for its example."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(words)
        self.kind = kind


class UnreadError(ExchangeError):
    """The server had closed the connection before it read the request, so that this can be sent again."""


class Template:
    """Bytes in which each ``{a..b}`` stands for a whole number from a to b."""

    def __init__(self, text: bytes) -> None:
        parts = RANGE.split(text)
        self._fixed = parts[::3]
        self._ranges = [(int(low), int(high)) for low, high in zip(parts[1::3], parts[2::3])]

    def draw(self, source: random.Random) -> bytes:
        if not self._ranges:
            return self._fixed[0]
        drawn = [self._fixed[0]]
        for (low, high), text in zip(self._ranges, self._fixed[1:]):
            drawn += [b"%d" % (low + int(source.random() * (high - low + 1))), text]  # random() is the same everywhere
        return b"".join(drawn)


class Request:
    """One of the requests that the orders name; ``draw`` makes the next one of its kind."""

    def __init__(self, order: dict[str, Any], host: str, keep_alive: bool) -> None:
        self.name = "%s %s" % (order["method"], order["path"])
        self.is_head = order["method"] == "HEAD"
        self._method, self._path = order["method"].encode("ascii"), Template(order["path"].encode("ascii"))
        has_length = order["body"] is not None or self._method in WITH_LENGTH
        self._body = Template(base64.b64decode(order["body"] or "")) if has_length else None
        given = {name.lower() for name, _ in order["headers"]}
        usual = (("Host", host), ("User-Agent", "memcap"), ("Accept", "*/*"))
        headers = [each for each in usual if each[0].lower() not in given] + order["headers"]
        headers += [] if keep_alive else [("Connection", "close")]
        self._headers = "".join("%s: %s\r\n" % tuple(each) for each in headers).encode("latin-1")

    def head(self) -> bytes:
        """Return the head of a request whose path is fixed, and which has no body."""
        return self.draw(random.Random(0))[0]  # noqa: S311 - nothing is drawn

    def draw(self, source: random.Random) -> tuple[bytes, bytes]:
        """Return head and body."""
        head = b"%s %s HTTP/1.1\r\n%s" % (self._method, self._path.draw(source), self._headers)
        if self._body is None:
            return head + b"\r\n", b""
        body = self._body.draw(source)
        return b"%sContent-Length: %d\r\n\r\n" % (head, len(body)), body


class Answer:
    """One answer, read as it arrives."""

    def __init__(self, is_head: bool) -> None:
        self.status = 0
        self.words = ""
        self.keeps_open = False
        self.has_begun = False
        self.rest = b""  # what was not read yet; of a complete answer, what was too much
        self._is_head = is_head
        self._left = 0
        self._is_complete = False
        self._step = self._read_head  # takes from the rest; returns whether another step may take more

    def feed(self, data: bytes) -> bool:
        """Take what arrived, and return whether the answer is complete. Raises ExchangeError for what is not HTTP/1."""
        self.has_begun = True
        self.rest += data
        while not self._is_complete and self._step():
            pass
        return self._is_complete

    def ends_with_connection(self) -> bool:
        return self._step == self._read_to_end

    def where_cut(self) -> str:
        """Say where an answer that is not complete was cut off."""
        if not self.has_begun:
            return "before the answer"
        return "in the body of the answer" if self.status >= 200 else "in the head of the answer"

    def _take_line(self, end: bytes = b"\r\n") -> bytes | None:
        line, separator, rest = self.rest.partition(end)
        if separator:
            self.rest = rest
            return line
        if len(line) > MOST_LINE_BYTES:
            raise bad_answer(line)
        return None

    def _read_head(self) -> bool:
        if not self.rest.startswith(b"HTTP/1."[: len(self.rest)]):
            raise bad_answer(self.rest)
        head = self._take_line(b"\r\n\r\n")
        if head is None:
            return False
        first, *lines = head.split(b"\r\n")
        match = STATUS_LINE.fullmatch(first)
        if match is None or match.group(2) == b"101":
            raise bad_answer(first)
        self.status = int(match.group(2))
        if self.status >= 200:  # before it, there may be interim answers
            self.words = "%d %s" % (self.status, (match.group(3) or b"").decode("latin-1"))
            self._begin_body(lines, is_new=match.group(1) == b"1")
        return True

    def _begin_body(self, lines: list[bytes], is_new: bool) -> None:
        headers: dict[bytes, bytes] = {}
        for line in lines:
            name, _, value = line.lower().partition(b":")
            headers[name] = headers[name] + b"," + value if name in headers else value
        options = [each.strip() for each in headers.get(b"connection", b"").split(b",")]
        self.keeps_open = b"close" not in options if is_new else b"keep-alive" in options
        coding = headers.get(b"transfer-encoding", b"").strip()
        lengths = {each.strip() for each in headers.get(b"content-length", b"").split(b",")} - {b""}
        if self._is_head or self.status in WITHOUT_BODY:
            self._is_complete = True
        elif coding.endswith(b"chunked"):
            self._step = self._read_chunk_size
        elif coding or not lengths:
            self.keeps_open = False
            self._step = self._read_to_end
        else:
            length = lengths.pop()
            if lengths or not length.isdigit() or len(length) > 18:
                raise bad_answer(b"content-length: " + headers[b"content-length"].strip())
            self._left = int(length)
            self._step = self._read_body

    def _read_body(self) -> bool:
        taken = min(len(self.rest), self._left)
        self.rest = self.rest[taken:]
        self._left -= taken
        self._is_complete = not self._left
        return False

    def _read_to_end(self) -> bool:
        self.rest = b""
        return False

    def _read_chunk_size(self) -> bool:
        line = self._take_line()
        if line is None:
            return False
        digits = line.partition(b";")[0].strip()
        if not 0 < len(digits) < 16 or digits.strip(b"0123456789abcdefABCDEF"):
            raise bad_answer(b"a chunk of size " + line)
        size = int(digits, 16)
        self._left = size + 2  # with the end of its line
        self._step = self._read_chunk if size else self._read_trailer
        return True

    def _read_chunk(self) -> bool:
        self._read_body()
        if self._left:
            return False
        self._is_complete = False
        self._step = self._read_chunk_size
        return True

    def _read_trailer(self) -> bool:
        line = self._take_line()
        self._is_complete = line == b""
        return line is not None


def bad_answer(text: bytes) -> ExchangeError:
    return ExchangeError("bad_answer", ascii(text[:60])[1:])


class Connection(asyncio.Protocol):
    """One connection, on which requests are sent one after the other."""

    def __init__(self, pool: Pool) -> None:
        self.is_open = False
        self._pool = pool
        self._poll = select.poll()
        self._transport: Any = None
        self._answer = Answer(is_head=False)
        self._waiter: asyncio.Future[Answer] | None = None

    async def exchange(self, message: tuple[bytes, bytes], is_head: bool, deadline: float) -> Answer:
        """Send a request and return its answer. Raises ExchangeError."""
        loop = asyncio.get_running_loop()
        self._answer, self._waiter = Answer(is_head), loop.create_future()
        timer = loop.call_at(deadline, self._fail, ExchangeError("timeout", "no complete answer in time"))
        try:
            for part in message:
                self._transport.write(part)
            answer = await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            timer.cancel()
            self._waiter = None
        if self.is_open and not answer.keeps_open:
            self._pool.closed_by_server += self._pool.keep_alive
            self.close()
        elif answer.rest or not self._pool.keep_alive:
            self.close()
        return answer

    def close(self) -> None:
        if self.is_open:
            self.is_open = False
            self._transport.abort()

    def is_usable(self) -> bool:
        """Tell whether a request can be sent; close a connection that the server has ended since the last answer."""
        if self.is_open and self._poll.poll(0):
            self._pool.closed_by_server += 1
            self.close()
        return self.is_open

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        self.is_open = True
        self._pool.count_open(1)

    def data_received(self, data: bytes) -> None:
        if self._waiter is None or self._waiter.done():
            self.close()  # nothing was asked for
            return
        try:
            if self._answer.feed(data):
                self._waiter.set_result(self._answer)
        except ExchangeError as failure:
            self._fail(failure)

    def connection_lost(self, error: Exception | None) -> None:
        self._pool.count_open(-1)
        self._pool.closed_by_server += self.is_open
        self.is_open = False
        if self._waiter is None or self._waiter.done():
            return
        if self._answer.ends_with_connection():
            self._waiter.set_result(self._answer)
        else:
            # Without an error the server closed after it had read all that was sent. The end of the connection may hide
            # that error, if the server closed first.
            is_unread = error or self._transport.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            kind = UnreadError if is_unread and not self._answer.has_begun else ExchangeError
            words = "the connection ended %s" % self._answer.where_cut()
            self._fail(kind("reset", "%s: %s" % (words, error) if error else words))

    def _fail(self, failure: ExchangeError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(failure)


class Pool:
    """Makes connections and counts them."""

    def __init__(self, target: dict[str, Any], keep_alive: bool) -> None:
        self.keep_alive = keep_alive
        self.opened = self.closed_by_server = self.most_open = self.retried = self._now_open = 0
        self._unix: str | None = target.get("unix")
        self._host: str = target["host"] if self._unix is None else ""
        self._port: int = target["port"] if self._unix is None else 0
        self._address: tuple[Any, ...] = ()
        self._unknown = ""

    def resolve(self) -> None:
        """Look up the target once; if that fails, so does each connection."""
        if self._unix is None:
            try:
                found = socket.getaddrinfo(self._host, self._port, socket.AF_INET, socket.SOCK_STREAM)
                self._address = found[0][4]
            except (OSError, UnicodeError) as error:  # the latter is a name that no host can have
                self._unknown = "%s: %s" % (self._host, error)

    def count_open(self, change: int) -> None:
        self.opened += change > 0
        self._now_open += change
        self.most_open = max(self.most_open, self._now_open)

    async def connect(self, deadline: float) -> Connection:
        """Return a new connection. Raises ExchangeError."""
        loop = asyncio.get_running_loop()
        if self._unknown:
            raise ExchangeError("connect", self._unknown)
        try:
            if self._unix is not None:
                made: Any = loop.create_unix_connection(lambda: Connection(self), self._unix)
            else:
                made = loop.create_connection(lambda: Connection(self), *self._address)
            _, connection = await asyncio.wait_for(made, deadline - loop.time())
        except asyncio.TimeoutError:
            raise ExchangeError("timeout", "no connection in time") from None
        except OSError as error:
            raise ExchangeError("connect", os.strerror(error.errno) if error.errno else str(error)) from None
        return connection  # type: ignore[no-any-return]
