"""Many connections held open by asyncio tasks: each has sent a request and waits for its turn."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Dict, List

AT_ONCE = 100


async def _connection(number: int, start: asyncio.Event, turns: asyncio.Semaphore, log: List[bytes]) -> int:
    """Hold a request until all have come, then answer it; return the length of the answer."""
    request = b"GET /orders/%d HTTP/1.1\r\nhost: shop.example\r\n\r\n" % number + bytes(256)
    await start.wait()
    async with turns:
        await asyncio.sleep(0)
        answer = hashlib.sha256(request).digest() * 256
        log.append(answer)
        return len(answer)


async def _serve(connections: int, keep_all: bool) -> Dict[str, float]:
    start, turns = asyncio.Event(), asyncio.Semaphore(AT_ONCE)
    log: List[bytes] = []
    tasks = [asyncio.create_task(_connection(number, start, turns, log)) for number in range(connections)]
    await asyncio.sleep(0)  # let each of them come
    waiting = sum(not task.done() for task in tasks)
    start.set()
    total = 0
    for task in tasks:
        total += await task
        if not keep_all:
            log.clear()
    return {"connections": waiting, "bytes_answered": total, "answers_held": len(log)}


def serve(connections: int, keep_all: bool = False) -> Dict[str, float]:
    """Hold ``connections`` requests at once, then answer them; with ``keep_all`` keep the answers in a log."""
    return asyncio.run(_serve(connections, keep_all))
