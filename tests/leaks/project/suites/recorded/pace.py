"""The pace of programs that are recorded: little work, evenly spread."""

from __future__ import annotations

import itertools
import mmap
import time
from collections.abc import Iterator


def paced(a_second: float = 10.0) -> Iterator[int]:
    """Yield the number of each step, at its time; a step that comes late is made up for."""
    began = time.monotonic()
    for number in itertools.count():
        yield number
        time.sleep(max(0.0, began + (number + 1) / a_second - time.monotonic()))


def block(size: int) -> bytes:
    """Return ``size`` bytes that are written to: memory that never was needs none."""
    return b"\1" * size


def mapping(size: int) -> mmap.mmap:
    """Return ``size`` bytes that are mapped for themselves, so that they are given back at once when it is dropped."""
    mapped = mmap.mmap(-1, size)
    mapped.write(block(size))
    return mapped
