"""Documents that are streamed from files, cut into chunks, embedded, indexed and searched. Python 3.8+, numpy."""

from __future__ import annotations

import random
from collections import deque
from pathlib import Path
from typing import Deque, Dict

import numpy as np
from manager import MemoryManager
from strategy import Strategy
from vectors import RandomProjection, VectorIndex

PIECE = 64 * 1024  # what of a document is in memory at once
CHUNK = 2048
WORDS = 2000


class Library:
    """Keep the ``kept`` newest documents. It is a component of the manager."""

    bounded = True

    def __init__(self, manager: MemoryManager, folder: str, seed: int, kept: int) -> None:
        self.found = self.queries = self.largest_piece = 0
        self._manager, self._folder, self._kept = manager, Path(folder), kept
        self._random = random.Random(seed)
        self._vocabulary = [b"%06x" % self._random.getrandbits(24) for _ in range(WORDS)]
        self._projection, self._index = RandomProjection(seed), VectorIndex()
        self._documents: Deque[str] = deque()
        self._chunks: Dict[str, int] = {}
        self._count = 0

    @property
    def bytes(self) -> int:
        """Return what the index takes."""
        return self._index.bytes

    def recount(self) -> int:
        """Return the same: arrays know their size."""
        return self._index.bytes

    def release(self, strategy: Strategy) -> int:
        """Close the holes of the index, from COMPACT on; return the bytes."""
        before = self.bytes
        if strategy >= Strategy.COMPACT:
            self._index.compact()
        return before - self.bytes

    def add(self, size: int) -> None:
        """Write a document of about ``size`` bytes to a file, then read it piece by piece into store and index."""
        self._count += 1
        name = f"book-{self._count}"
        path = self._folder / name
        with path.open("wb") as file:
            for _ in range(size // CHUNK):
                file.write(self._text())
        self._manager.make_room(2 * size)
        number = 0
        with path.open("rb") as file:
            while True:
                piece = file.read(PIECE)
                if not piece:
                    break
                self.largest_piece = max(self.largest_piece, len(piece))
                for offset in range(0, len(piece), CHUNK):
                    chunk = piece[offset : offset + CHUNK]
                    label = f"{name}/{number}"
                    self._manager.store(label, [chunk], pinned=True)
                    self._index.add(label, self._projection.embed(chunk))
                    number += 1
                self._manager.check_use()
        path.unlink()
        self._documents.append(name)
        self._chunks[name] = number
        if self._manager.care.bounded and len(self._documents) > self._kept:
            self._forget(self._documents.popleft())

    def _forget(self, name: str) -> None:
        with self._manager.lock:
            for number in range(self._chunks.pop(name)):
                self._manager.documents.remove(f"{name}/{number}")
        self._index.remove(f"{name}/")
        if self._index.holes > len(self._index):
            self._index.compact()

    def _text(self) -> bytes:
        words = b" ".join(self._random.choices(self._vocabulary, k=CHUNK // 7 + 1))
        return words[: CHUNK - 1] + b"\n"

    def query(self) -> bool:
        """Search for half of the words of a chunk that is there; return whether that chunk is the nearest."""
        document = self._random.choice(self._documents)
        label = f"{document}/{self._random.randrange(self._chunks[document])}"
        chunk = b"".join(self._manager.documents.pieces(label))
        words = chunk.split()[::2]
        # Popular questions are asked again: their embeddings come from the cache.
        key = f"query {label}"
        vector = np.frombuffer(
            self._manager.read(key, lambda: self._projection.embed(b" ".join(words)).tobytes()), dtype=np.float32
        )
        nearest = self._index.search(vector, 1)
        self.queries += 1
        right = bool(nearest) and nearest[0][0] == label
        self.found += right
        return right
