"""Simulated time, and what is done again and again in it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


class Clock:
    """Seconds since the start in simulated time, of which ``rate`` pass in a second."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._start = time.monotonic()

    def now(self) -> float:
        return (time.monotonic() - self._start) * self._rate

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self._rate)


class Scheduler:
    """Does each job once in its interval, in simulated time. A job that fails is logged, and done again next time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False

    def every(self, seconds: float, job: Callable[[], Awaitable[object]]) -> None:
        """Begin to do a job each ``seconds``, the first time after as many."""
        self._tasks.append(asyncio.create_task(self._repeat(seconds, job)))

    async def stop(self) -> None:
        """End all jobs, and wait until they have."""
        # A job may take the cancellation for an error of the database, and a task is cancelled once.
        self._is_over = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, seconds: float, job: Callable[[], Awaitable[object]]) -> None:
        while not self._is_over:
            await self._clock.sleep(seconds)
            try:
                await job()
            except Exception:
                log.exception("a job failed")
