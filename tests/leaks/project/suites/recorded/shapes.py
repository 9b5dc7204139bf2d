"""Programs that take memory by a formula, so that the shape of their series is known."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Any

from pace import block, mapping, paced

KIB = 1024
MB = 1_000_000


def leak(size: int = 16 * KIB, below: str = "", start: int = 0) -> Iterator[None]:
    """Keep ``size`` bytes a cycle, below garbage (``cycles``), jobs (``jobs``) or noise; load ``start`` MB at first."""
    kept: list[Any] = []
    held: list[bytes] = []
    draw = random.Random(3)
    for number in paced():
        if number < 100:  # the start takes ten seconds
            kept.append(block(start * MB // 100))
        kept.append(block(size))
        if below == "cycles":
            make_cycles(10)
        elif below == "jobs":
            held = [block(40 * MB)] if number % 150 >= 100 else []
        elif below == "noise":
            held = [block(draw.randrange(200_000)) for _ in range(20)]
        yield
    del held


def uneven_load(size: int = 16 * KIB) -> Iterator[None]:
    """Keep ``size`` bytes a cycle; there are 2 to 20 cycles a second, as the load rises and falls each 50 seconds."""
    kept, began = [], time.monotonic()
    while True:
        kept.append(block(size))
        yield
        time.sleep(1 / (11 + 9 * math.sin((time.monotonic() - began) * math.tau / 50)))


def quadratic(total: int = 40 * MB, cycles: int = 1500) -> Iterator[None]:
    """Keep more each cycle than in the one before: after ``cycles`` it is ``total``."""
    kept, before = [], 0
    for number in paced():
        due = round(total * ((number + 1) / cycles) ** 2)
        kept.append(block(due - before))
        before = due
        yield


def doubling(first: int = MB, every: int = 300) -> Iterator[None]:
    """Hold ``first`` bytes and twice as much after each ``every`` cycles."""
    kept, before = [], 0
    for number in paced():
        due = round(first * 2 ** (number / every))
        kept.append(block(due - before))
        before = due
        yield


def steps(places: str, size: int = 20 * MB) -> Iterator[None]:
    """Load ``size`` bytes at each of the cycles ``places``: a model, or a module that is imported late."""
    kept, due = [], [int(place) for place in places.split()]
    for number in paced():
        if number in due:
            kept.append(block(size))
        yield


def filled(until: int = 750, size: int = 24 * KIB) -> Iterator[None]:
    """Keep the last ``until`` blocks."""
    kept: deque[bytes] = deque(maxlen=until)
    for _ in paced():
        kept.append(block(size))
        yield


def random_keys(keys: int = 4000, a_cycle: int = 20, size: int = 6 * KIB) -> Iterator[None]:
    """Look random keys up in a cache that has room for all: it fills quickly, then ever more slowly."""
    kept: OrderedDict[int, bytes] = OrderedDict()
    draw = random.Random(1)
    for _ in paced():
        for _ in range(a_cycle):
            key = draw.randrange(keys)
            if key not in kept:
                kept[key] = block(size)
        yield


def cycles(size: int = 20_000) -> Iterator[None]:
    """Leave cycles to the garbage collector."""
    for _ in paced():
        make_cycles(10, size)
        yield


def make_cycles(count: int, size: int = 20_000) -> None:
    """Make objects that only the garbage collector frees."""
    for _ in range(count):
        node: dict[str, Any] = {"payload": bytearray(block(size))}
        node["self"] = node


def jobs(every: int = 120, size: int = 40 * MB) -> Iterator[None]:
    """Hold ``size`` bytes for the last third of each ``every`` cycles."""
    held = b""
    for number in paced():
        held = block(size) if number % every == every * 2 // 3 else b"" if number % every == 0 else held
        yield
    del held


def waves(mapped: bool, every: int = 250, most: int = 400, size: int = 200 * KIB) -> Iterator[None]:
    """Hold up to ``most`` sessions, fewer and more, as the load of a day does; in mappings or in blocks."""
    held: list[object] = []
    for number in paced():
        due = round(most * (1 - math.cos(number * math.tau / every)) / 2)
        while len(held) < due:
            held.append(mapping(size) if mapped else block(size))
        del held[due:]
        yield


def fragments(live: int = 3000) -> Iterator[None]:
    """Replace random ones of ``live`` blocks by others of 64 bytes to 16 KiB: holes level off."""
    draw = random.Random(5)
    kept: list[bytes] = [b""] * live
    for _ in paced():
        for _ in range(60):
            kept[draw.randrange(live)] = block(int(2 ** draw.uniform(6, 14)))
        yield


def teeth(mapped: bool, every: int = 200, size: int = 32 * KIB) -> Iterator[None]:
    """Collect blocks, or mappings, and drop all of them after each ``every`` cycles."""
    kept: list[object] = []
    for number in paced():
        if number % every == 0:
            kept.clear()
        kept.append(mapping(size) if mapped else block(size))
        yield


def thread_each(size: int = 512 * KIB) -> Iterator[None]:
    """Start a thread each cycle, which holds ``size`` bytes in a ``threading.local`` and ends."""
    own = threading.local()

    def work() -> None:
        own.buffer = block(size)

    for _ in paced():
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        yield


def threads_waiting(most: int = 400) -> Iterator[None]:
    """Start two threads a second that wait forever, with 32 KiB each: nobody sets the event."""
    event = threading.Event()

    def work(buffer: bytes) -> None:
        event.wait()
        del buffer

    for number in paced():
        if number % 5 == 0 and number // 5 < most:
            threading.Thread(target=work, args=(block(32 * KIB),), daemon=True).start()
        yield
