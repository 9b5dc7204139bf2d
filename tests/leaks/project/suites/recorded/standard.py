"""Programs of the standard library: what it keeps, what it bounds, and what is left behind by mistake."""

from __future__ import annotations

import asyncio
import ctypes
import functools
import logging
import logging.handlers
import multiprocessing
import re
import sqlite3
import sys
import time
import weakref
from collections.abc import Iterator
from multiprocessing import shared_memory
from typing import Any

from pace import block, paced

KIB = 1024
MB = 1_000_000


class Service:
    """Has caches on its methods, as many services do."""

    @functools.lru_cache(maxsize=None)  # noqa: B019, UP033 - the mistake
    def unbounded(self, key: int) -> bytes:
        """Return what is kept forever."""
        return block(16 * KIB)

    @functools.lru_cache(maxsize=600)  # noqa: B019 - bounded
    def bounded(self, key: int) -> bytes:
        """Return what is kept until 600 others came."""
        return block(32 * KIB)


def lru_cache(bounded: bool) -> Iterator[None]:
    """Ask for a new key each cycle."""
    service = Service()
    for number in paced():
        (service.bounded if bounded else service.unbounded)(number)
        yield


def finalizers() -> Iterator[None]:
    """Register a finalizer with 16 KiB for objects that live on: ``weakref.finalize`` keeps its arguments."""

    class Job:
        pass

    living = []
    for _ in paced():
        job = Job()
        weakref.finalize(job, print, block(16 * KIB))
        living.append(job)
        yield


def memory_handler(has_target: bool) -> Iterator[None]:
    """Log 32 KiB a cycle to a ``MemoryHandler`` of 200 records. Without a target it is never emptied."""
    target = logging.NullHandler() if has_target else None
    handler = logging.handlers.MemoryHandler(200, flushLevel=logging.CRITICAL, target=target)
    log = logging.getLogger("recorded")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    for _ in paced():
        log.info("%s", block(32 * KIB if has_target else 16 * KIB))
        yield


def patterns() -> Iterator[None]:
    """Search by a new pattern each cycle: ``re`` keeps the last 512."""
    for number in paced():
        words = "|".join(f"{number}{word}" for word in range(300))
        re.search(f"(?:{words})x", "no such text")
        yield


def tasks(awaited: bool) -> Iterator[None]:
    """Start an asyncio task each cycle, which holds 32 KiB; those that wait for an answer that never comes live on."""
    loop = asyncio.new_event_loop()
    started = set()

    async def ask(buffer: bytes, answer: asyncio.Future[None]) -> int:
        await answer
        return len(buffer)

    async def cycle() -> None:
        answer: asyncio.Future[None] = loop.create_future()
        task = loop.create_task(ask(block(32 * KIB), answer))
        started.add(task)
        task.add_done_callback(started.discard)
        if awaited:
            answer.set_result(None)
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    for _ in paced():
        loop.run_until_complete(cycle())
        yield


def full_queue() -> Iterator[None]:
    """Put two messages of 24 KiB a cycle into a queue for 1000, of which a slow consumer takes one; then wait."""
    queue: asyncio.Queue[bytes] = asyncio.Queue(maxsize=1000)
    for _ in paced():
        for _ in range(2):
            if not queue.full():
                queue.put_nowait(block(24 * KIB))
        queue.get_nowait()
        yield


def database(rows: int | None = None) -> Iterator[None]:
    """Insert 16 KiB a cycle into an SQLite database in memory; ``rows`` is how many are kept."""
    connection = sqlite3.connect(":memory:")
    connection.execute("create table log (id integer primary key, payload blob)")
    for number in paced():
        connection.execute("insert into log values (?, ?)", (number, block(16 * KIB)))
        if rows is not None:
            connection.execute("delete from log where id <= ?", (number - rows,))
        connection.commit()
        yield


def processes() -> Iterator[None]:
    """Start a process each 12 seconds, which holds 24 MB for 4 seconds."""
    context = multiprocessing.get_context("fork")
    running: list[Any] = []
    for number in paced():
        if number % 120 == 60:
            running = [context.Process(target=_job)]
            running[0].start()
        elif number % 120 == 110:
            running[0].join()
        yield


def _job() -> None:
    held = block(24 * MB)
    time.sleep(4)
    del held


def malloc(freed: bool) -> Iterator[None]:
    """Allocate and write 16 KiB a cycle by the C library, as an extension module does; free them or do not."""
    library = ctypes.CDLL(None)
    library.malloc.restype = ctypes.c_void_p
    library.free.argtypes = [ctypes.c_void_p]
    for _ in paced():
        place = library.malloc(16 * KIB)
        ctypes.memset(place, 1, 16 * KIB)
        if freed:
            library.free(place)
        yield


def segments(unlinked: bool) -> Iterator[None]:
    """Write 16 KiB a cycle to shared memory, which lives in a file until it is unlinked."""
    for number in paced():
        segment = shared_memory.SharedMemory(f"recorded-{number}", create=True, size=16 * KIB)
        segment.buf[:] = block(16 * KIB)
        segment.close()
        if unlinked:
            segment.unlink()
        yield


def errors() -> Iterator[None]:
    """Keep the last exception of each cycle for a report: its traceback has the frames, and they their variables."""
    kept = []

    def fail() -> None:
        request = block(16 * KIB)
        raise ValueError(len(request))

    for _ in paced():
        try:
            fail()
        except ValueError as error:
            kept.append(error)
        yield


def classes() -> Iterator[None]:
    """Make 10 classes a cycle with 8 KiB each, and forget them: only the garbage collector frees a class."""
    for number in paced():
        for place in range(10):
            type(f"Made{number}x{place}", (), {"table": block(8 * KIB)})
        yield


def threads_of_executor() -> Iterator[None]:
    """Send jobs of 64 KiB to an executor whose results are dropped."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        for _ in paced():
            list(pool.map(block, [64 * KIB] * 8))
            yield


def interned() -> Iterator[None]:
    """Intern 40 names of 400 characters a cycle, and keep them as keys: a table of tenants that nobody prunes."""
    table = {}
    for number in paced():
        for place in range(40):
            table[sys.intern(f"{number}/{place}/" + "x" * 400)] = None
        yield
