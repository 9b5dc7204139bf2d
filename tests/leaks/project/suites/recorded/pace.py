"""The pace of programs that are recorded: little work, evenly spread."""

from __future__ import annotations

import itertools
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
