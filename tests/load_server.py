"""An HTTP server on localhost that counts what arrives, for tests of the load client."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
CLOSING = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


class LoadServer:
    """Answers each request with what ``answer`` makes of its number, counted from 0; closes the connection on None.

    With ``hangs_up`` it closes the connection after each answer, announced or not. With ``stalls_at`` it does nothing
    at all for a second when that request arrives. An answer comes ``delay`` seconds after its request. It listens on
    ``unix``, or on ``port``.
    """

    def __init__(
        self,
        answer: Callable[[int], bytes | None] = lambda _: ANSWER,
        *,
        hangs_up: bool = False,
        stalls_at: int | None = None,
        delay: Callable[[int], float] = lambda _: 0.0,
        unix: Path | None = None,
    ) -> None:
        self.heads: list[bytes] = []
        self.bodies: list[bytes] = []
        self.times: list[float] = []
        self.connections = 0
        self.port = 0
        self._answer, self._hangs_up, self._stalls_at, self._unix = answer, hangs_up, stalls_at, unix
        self._delay = delay
        self._loop = asyncio.new_event_loop()
        self._listens = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))

    def __enter__(self) -> LoadServer:
        self._thread.start()
        self._listens.wait()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()
        self._loop.close()

    @property
    def target(self) -> dict[str, Any]:
        return {"unix": str(self._unix)} if self._unix else {"host": "localhost", "port": self.port}

    async def _serve(self) -> None:
        self._end = asyncio.Event()
        if self._unix is not None:
            server = await asyncio.start_unix_server(self._handle, self._unix, backlog=500)
        else:
            server = await asyncio.start_server(self._handle, "127.0.0.1", 0, backlog=500)
            self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._end.wait()
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while await self._answer_one(reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def _answer_one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        number = len(self.heads)
        self.times.append(time.monotonic())
        self.heads.append(head)
        _, found, rest = head.partition(b"Content-Length: ")
        self.bodies.append(await reader.readexactly(int(rest.split(b"\r\n")[0])) if found else b"")
        if number == self._stalls_at:
            time.sleep(1)
        await asyncio.sleep(self._delay(number))
        answer = self._answer(number)
        if answer is None:
            return False
        writer.write(answer)
        await writer.drain()
        return not self._hangs_up
