"""The last 1000 entries of a history, compressed. Python 3.8+, standard library only."""

from __future__ import annotations

import json
import zlib
from collections import deque
from itertools import islice
from typing import Any, Deque, Iterator, List

MOST_ENTRIES = 1000
LEVEL = 6
_BLOCK = 50  # single entries are too short to compress well: zlib finds repetition in what it has seen


class CompressedHistory:
    """A ring buffer of JSON values: the newest few as they are, all others in compressed blocks of 50.

    It holds what ``deque(maxlen=…)`` would. Entries come out as new objects, equal to what was put in, as far as JSON
    can tell them apart (a tuple comes out as a list, a key is text).
    """

    def __init__(self, maxlen: int = MOST_ENTRIES, level: int = LEVEL) -> None:
        if maxlen < 1:
            raise ValueError(f"maxlen must be 1 or more, not {maxlen}")
        self._maxlen = maxlen
        self._level = level
        self._blocks: Deque[bytes] = deque()
        self._recent: List[Any] = []
        self._dropped = 0  # of the oldest block

    def append(self, entry: Any) -> None:
        """Add ``entry``, a JSON value; the oldest makes room."""
        self._recent.append(entry)
        if len(self._recent) == _BLOCK:
            text = "\n".join(json.dumps(each, separators=(",", ":")) for each in self._recent)
            self._blocks.append(zlib.compress(text.encode(), self._level))
            self._recent.clear()
        if self._length() > self._maxlen:
            self._drop_oldest()

    def __iter__(self) -> Iterator[Any]:
        """Go through the entries, the oldest first; one block at a time is unpacked."""
        return islice(self._all(), self._dropped, None)

    def __len__(self) -> int:
        return self._length()

    @property
    def nbytes(self) -> int:
        """Return the bytes of the compressed blocks."""
        return sum(map(len, self._blocks))

    def _all(self) -> Iterator[Any]:
        for block in self._blocks:
            yield from map(json.loads, zlib.decompress(block).decode().split("\n"))
        yield from self._recent

    def _length(self) -> int:
        return len(self._blocks) * _BLOCK + len(self._recent) - self._dropped

    def _drop_oldest(self) -> None:
        if not self._blocks:
            del self._recent[0]
            return
        self._dropped += 1
        if self._dropped == _BLOCK:
            self._blocks.popleft()
            self._dropped = 0
