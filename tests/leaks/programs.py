"""Programs whose truth is known, for ``leaks.record``: ``python programs.py NAME``. Each runs until it is ended."""

from __future__ import annotations

import random
import sys
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any

MB = 1_000_000
TICKS = 20  # a second
LEAK_A_SECOND = 3 * MB / 60


def ticks() -> Iterator[int]:
    """Yield the number of each tick, at its time."""
    began = time.monotonic()
    for number in range(sys.maxsize):
        yield number
        time.sleep(max(0.0, began + (number + 1) / TICKS - time.monotonic()))


def idle() -> None:
    """Work, and keep nothing."""
    for number in ticks():
        sum(value * number for value in range(2000))


def leak_bytes() -> None:
    """Keep 3 MB a minute in blocks of 1000 bytes, which the C library allocates."""
    kept, due = [], 0.0
    for _ in ticks():
        due += LEAK_A_SECOND / TICKS
        while due >= 1033:
            kept.append(bytes(1000))
            due -= 1033


def leak_objects() -> None:
    """Keep about 3 MB a minute in small objects, which lie in arenas of Python's own allocator."""
    kept, due = [], 0.0
    for number in ticks():
        due += LEAK_A_SECOND / TICKS
        while due >= 400:
            kept.append({"id": number, "text": f"message {number} {due}", "tags": [number, due]})
            due -= 400


def leak_dict() -> None:
    """Keep a table that only grows: it doubles now and then."""
    kept: dict[int, float] = {}
    key = 0
    for number in ticks():
        for _ in range(40):
            key += 1
            kept[key] = float(number)


def leak_and_cycles() -> None:
    """Leak as ``leak_bytes`` does, under the sawtooth of the garbage collector."""
    kept, due = [], 0.0
    for _ in ticks():
        due += LEAK_A_SECOND / TICKS
        while due >= 1033:
            kept.append(bytes(1000))
            due -= 1033
        make_cycles(10)


def cycles() -> None:
    """Leave cycles to the garbage collector."""
    for _ in ticks():
        make_cycles(10)


def make_cycles(count: int) -> None:
    """Make objects that only the garbage collector frees."""
    for _ in range(count):
        node: dict[str, Any] = {"payload": bytearray(20_000)}
        node["self"] = node


def bounded_deque() -> None:
    """Keep the last 3000 messages of 1000 bytes; they are 3000 after a minute."""
    kept: deque[bytes] = deque(maxlen=3000)
    due = 0.0
    for _ in ticks():
        due += LEAK_A_SECOND / TICKS
        while due >= 1033:
            kept.append(bytes(1000))
            due -= 1033


def lru_cache() -> None:
    """Look random keys up in a cache: it fills quickly, then ever more slowly."""
    kept: OrderedDict[int, bytes] = OrderedDict()
    draw = random.Random(1)
    for _ in ticks():
        for _ in range(10):
            key = draw.randrange(4000)
            kept.setdefault(key, bytes(2500))
            kept.move_to_end(key)


def churn() -> None:
    """Make, change and drop tables of many sizes, as a data pipeline does."""
    draw = random.Random(2)
    frames: dict[int, list[bytearray]] = {}
    for number in ticks():
        if number % 5 == 0:
            columns = draw.randrange(2, 30)
            frames[draw.randrange(4)] = [bytearray(draw.randrange(1000, 200_000)) for _ in range(columns)]


def jobs(size: int = 40 * MB) -> None:
    """Run a job every 15 seconds, which holds 40 MB for 4 seconds."""
    held = b""
    for number in ticks():
        place = number % (15 * TICKS)
        if place == 10 * TICKS:
            held = b"x" * size
        elif place == 14 * TICKS:
            held = b""
    del held


def jobs_kept() -> None:
    """Run smaller jobs: the C library keeps the memory of those after the first, as it may below 32 MiB."""
    jobs(20 * MB)


PROGRAMS: dict[str, Callable[[], None]] = {
    program.__name__: program
    for program in (
        idle, leak_bytes, leak_objects, leak_dict, leak_and_cycles, cycles, bounded_deque, lru_cache, churn, jobs,
        jobs_kept,
    )
}  # fmt: skip

if __name__ == "__main__":
    PROGRAMS[sys.argv[1]]()
