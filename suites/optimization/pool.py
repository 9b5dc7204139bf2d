"""Scratch buffers that go from hand to hand. Python 3.8+, numpy."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import Dict, Iterator, List

import numpy as np

_SMALLEST = 4096


class BufferPool:
    """Lend buffers and take them back for the next; at most ``most_idle`` bytes wait for a borrower.

    Buffers are made in powers of two from 4 KiB, so that requests of about the same size share them. Safe for threads.
    What a borrower finds in a buffer is whatever the last one left.
    """

    def __init__(self, most_idle: int = 64 * 1024 * 1024) -> None:
        self._most_idle = most_idle
        self._idle: Dict[int, List[np.ndarray]] = {}
        self._lock = threading.Lock()
        self.idle_bytes = 0
        self.made = 0

    @contextmanager
    def borrow(self, count: int, dtype: type = np.float64) -> Iterator[np.ndarray]:
        """Yield an array of ``count`` numbers, which nobody else has until the block is left."""
        needed = count * np.dtype(dtype).itemsize
        size = max(_SMALLEST, 1 << (needed - 1).bit_length()) if needed else _SMALLEST
        buffer = self._take(size)
        try:
            yield buffer[:needed].view(dtype)
        finally:
            self._give_back(size, buffer)

    def _take(self, size: int) -> np.ndarray:
        with self._lock:
            waiting = self._idle.get(size)
            if waiting:
                self.idle_bytes -= size
                return waiting.pop()
            self.made += 1
        return np.empty(size, np.uint8)

    def _give_back(self, size: int, buffer: np.ndarray) -> None:
        with self._lock:
            if self.idle_bytes + size <= self._most_idle:
                self._idle.setdefault(size, []).append(buffer)
                self.idle_bytes += size
