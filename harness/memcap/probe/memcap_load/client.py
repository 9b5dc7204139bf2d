"""The open loop: what is sent when, by which worker, and the report of it."""

from __future__ import annotations

import asyncio
import json
import math
import os
import random
import signal
import sys
import time
from bisect import bisect, bisect_left
from itertools import accumulate

from . import FORMAT
from .connection import Answer, Connection, ExchangeError, Pool, Request, UnreadError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EXIT_BAD_ORDERS = 2
LONGEST_EXAMPLE = 200  # characters
LOOK_SECONDS = 0.01  # how often the start mark is looked for
LEAD_SECONDS = 0.05  # from the start mark to the first request, so that workers are ready for it
BUCKET_WIDTH = 1.02  # a factor: the middle of a bucket is within 1 % of everything in it
SHORTEST = 1e-6  # seconds; shorter ones are in the first bucket
BUCKETS = 1 + int(math.log(10000 / SHORTEST, BUCKET_WIDTH))  # longer than 10 000 s are in the last


class Histogram:
    """Count durations in buckets that are 2 % wide, so that memory does not grow with their number."""

    def __init__(self) -> None:
        self._counts = [0] * BUCKETS
        self._total = 0
        self._largest = 0.0

    def add(self, seconds: float) -> None:
        bucket = int(math.log(seconds / SHORTEST, BUCKET_WIDTH)) if seconds > SHORTEST else 0
        self._counts[min(bucket, BUCKETS - 1)] += 1
        self._total += 1
        self._largest = max(self._largest, seconds)

    def quantiles(self, *percents: int) -> dict[str, float] | None:
        """Return the percentiles (nearest rank, within 1 %) and the exact maximum; None if there is nothing."""
        if not self._total:
            return None
        found = {"p%d" % percent: self._at(-(-percent * self._total // 100)) for percent in percents}
        return dict(found, max=self._largest)

    def _at(self, rank: int) -> float:
        bucket = bisect_left(list(accumulate(self._counts)), rank)
        return float(min(SHORTEST * BUCKET_WIDTH ** (bucket + 0.5), self._largest))


class Tally:
    """What was done in the whole load; its size does not depend on how long that is."""

    def __init__(self) -> None:
        self.started: float | None = None
        self.ended = 0.0
        self.completed = self.queued = self.sent = 0
        self.latency, self.lateness = Histogram(), Histogram()
        self._recent = Histogram()  # latency since the last progress
        self._errors: dict[str, dict[str, Any]] = {}
        self._first_sent = self._last_sent = 0.0

    def begin(self, now: float) -> None:
        self.started = self.ended = now

    def add_sent(self, now: float) -> None:
        if not self.sent:
            self._first_sent = now
        self._last_sent = now
        self.sent += 1

    def add_latency(self, seconds: float) -> None:
        self.latency.add(seconds)
        self._recent.add(seconds)

    def add_completed(self, now: float) -> None:
        self.completed += 1
        self.ended = now

    def add_error(self, now: float, kind: str, words: str) -> None:
        self._errors.setdefault(kind, {"count": 0, "example": words[:LONGEST_EXAMPLE]})["count"] += 1
        self.ended = now

    def progress(self) -> dict[str, float | None]:
        """Return what was done until now, and the latency of what has ended since this was last asked for."""
        times = self._recent.quantiles(50, 95, 99) or {}
        self._recent = Histogram()
        found: dict[str, float | None] = {"done": self.completed}
        found["failed"] = sum(error["count"] for error in self._errors.values())
        for name in ("p50", "p95", "p99", "max"):
            found[name] = round(times[name], 6) if name in times else None
        return found

    def report(self) -> dict[str, Any]:
        spread = self._last_sent - self._first_sent
        return {
            "sent": self.sent,
            "completed": self.completed,
            "errors": self._errors,
            "queued": self.queued,
            "started": None if self.started is None else moment(self.started),
            "ended": None if self.started is None else moment(self.ended),
            "achieved_rate": (self.sent - 1) / spread if spread > 0 else None,
            "latency_seconds": self.latency.quantiles(50, 95, 99),
            "lateness_seconds": self.lateness.quantiles(50, 99),
        }


def moment(when: float) -> dict[str, float]:
    """Return a time of the monotonic clock in both clocks."""
    return {"monotonic_seconds": when, "wall_seconds": time.time() - (time.monotonic() - when)}


class Client:
    """Does what the orders say."""

    def __init__(self, orders: dict[str, Any]) -> None:
        if orders["format"] != FORMAT:
            raise ValueError("the orders are of format %r, not %d" % (orders["format"], FORMAT))
        target, keep_alive = orders["target"], orders["keep_alive"]
        host = target.get("host", "localhost")
        host += "" if target.get("port", 80) == 80 else ":%d" % target["port"]
        self._requests = [Request(order, host, keep_alive) for order in orders["requests"]]
        self._weights = list(accumulate(order["weight"] for order in orders["requests"]))
        self._count, self._rate = int(orders["count"]), float(orders["rate"])
        self._concurrency = min(int(orders["concurrency"]), self._count)
        self._timeout = float(orders["timeout_seconds"])
        self._start_file: str | None = orders["start_file"]
        self._source = random.Random(orders["seed"])  # noqa: S311 - of a load, not of a secret
        self._pool = Pool(target, keep_alive)
        self._tally = Tally()
        self._taken = 0
        self._is_stopped = False

    async def run(self) -> None:
        """Send all requests. When this task is cancelled, stop early."""
        loop = asyncio.get_running_loop()
        try:
            while self._start_file and not os.path.exists(self._start_file):
                await asyncio.sleep(LOOK_SECONDS)
            self._pool.resolve()
            started = loop.time() + LEAD_SECONDS
            self._tally.begin(started)
            await asyncio.gather(*(self._work(started) for _ in range(self._concurrency)))
        except asyncio.CancelledError:
            self._is_stopped = True

    async def _work(self, started: float) -> None:
        """Take one request after the other, until there are none."""
        connection: Connection | None = None
        try:
            while self._taken < self._count:
                due = started + self._taken / self._rate
                self._taken += 1
                connection = await self._send(connection, due)
        finally:
            if connection is not None:
                connection.close()

    async def _send(self, connection: Connection | None, due: float) -> Connection | None:
        """Send the next request when it is due, count what came of it, and return the connection it was sent on."""
        loop = asyncio.get_running_loop()
        request = self._requests[bisect(self._weights, self._source.random() * self._weights[-1])]
        message = request.draw(self._source)
        if loop.time() < due:
            await asyncio.sleep(due - loop.time())
            self._tally.lateness.add(loop.time() - due)
        else:
            self._tally.queued += 1
            await asyncio.sleep(0)  # a client that cannot keep up still hears signals
        try:
            connection, answer = await self._exchange(connection, message, request.is_head, due + self._timeout)
        except ExchangeError as failure:
            if failure.kind == "timeout":
                self._tally.add_latency(loop.time() - due)
            self._tally.add_error(loop.time(), failure.kind, "%s: %s" % (request.name, failure))
            return connection
        self._tally.add_latency(loop.time() - due)
        if answer.status < 400:
            self._tally.add_completed(loop.time())
        else:
            self._tally.add_error(loop.time(), "status", "%s: %s" % (request.name, answer.words))
        return connection

    async def _exchange(
        self, connection: Connection | None, message: tuple[bytes, bytes], is_head: bool, deadline: float
    ) -> tuple[Connection, Answer]:
        """Send a request on ``connection`` if that is still open, otherwise on a new one. Raises ExchangeError."""
        loop = asyncio.get_running_loop()
        if loop.time() >= deadline:
            raise ExchangeError("timeout", "no connection was free in time to send it")
        is_kept = connection is not None and connection.is_usable()
        if connection is None or not is_kept:
            connection = await self._pool.connect(deadline)
        self._tally.add_sent(loop.time())
        try:
            return connection, await connection.exchange(message, is_head, deadline)
        except UnreadError:
            if not is_kept:
                raise
        self._pool.retried += 1
        connection = await self._pool.connect(deadline)
        return connection, await connection.exchange(message, is_head, deadline)

    def progress(self) -> dict[str, float | None]:
        """Return how far the load is; see `Tally.progress`."""
        return self._tally.progress()

    def report(self) -> dict[str, Any]:
        pool = self._pool
        return dict(
            self._tally.report(),
            format=FORMAT,
            requests=self._count,
            rate=self._rate,
            stopped=self._is_stopped,
            cpu_seconds=time.process_time(),
            connections={
                "opened": pool.opened,
                "closed_by_server": pool.closed_by_server,
                "most_open": pool.most_open,
                "retried": pool.retried,
            },
        )


async def obey(client: Client) -> None:
    """Let the client run until it is done, or a signal ends it."""
    running = asyncio.ensure_future(client.run())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    await running


def option(arguments: list[str], name: str) -> str | None:
    """Return the word after ``name``."""
    return arguments[arguments.index(name) + 1] if name in arguments[:-1] else None


def main(arguments: list[str]) -> int:
    orders, report = option(arguments, "--orders"), option(arguments, "--report")
    try:
        with open(orders, encoding="utf-8") if orders else sys.stdin as file:
            client = Client(json.load(file))
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        sys.stderr.write("memcap_load: the orders cannot be read: %r\n" % error)
        return EXIT_BAD_ORDERS
    asyncio.run(obey(client))
    with open(report, "w", encoding="utf-8") if report else sys.stdout as file:
        file.write(json.dumps(client.report()) + "\n")
    return 0
