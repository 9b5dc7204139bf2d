"""A cache with a bound in bytes. Python 3.8+, standard library only."""

from __future__ import annotations

import sys
from collections import OrderedDict
from typing import Optional

from strategy import Strategy

KEPT = {Strategy.TRIM: 0.5, Strategy.COMPACT: 0.25, Strategy.SHED: 0.1, Strategy.EMERGENCY: 0.0}


class LruCache:
    """Keep at most ``limit`` bytes of values; the least recently used make room."""

    bounded = True

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0
        self._values: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> Optional[bytes]:
        """Return the value of ``key`` and count it as used, or None."""
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: str, value: bytes) -> None:
        """Keep ``value``; one that is larger than the whole cache is not kept."""
        self._drop(key)
        size = sys.getsizeof(value)
        if size > self.limit:
            return
        self.shrink(self.limit - size)
        self._values[key] = value
        self.bytes += size

    def shrink(self, to_bytes: int) -> int:
        """Evict until at most ``to_bytes`` are held; return the bytes that were let go."""
        before = self.bytes
        while self.bytes > to_bytes:
            self._drop(next(iter(self._values)))
        return before - self.bytes

    def release(self, strategy: Strategy) -> int:
        """Let go of half of what is held, or more; return the bytes."""
        return self.shrink(int(self.bytes * KEPT[strategy]))

    def recount(self) -> int:
        """Return the bytes counted anew, for the health check."""
        return sum(sys.getsizeof(value) for value in self._values.values())

    def _drop(self, key: str) -> None:
        value = self._values.pop(key, None)
        if value is not None:
            self.bytes -= sys.getsizeof(value)

    def __len__(self) -> int:
        return len(self._values)
