"""Embeddings by random projection, and an exact index of them. Python 3.8+, numpy.

The embedding of a text is the sum, over its words, of a fixed random vector for the hash of each word, scaled to
length 1: a random projection of its bag of words. It needs no model and no network; texts that share words are near.
"""

from __future__ import annotations

import zlib
from itertools import islice
from typing import List, Tuple

import numpy as np

DIMENSIONS = 64
BUCKETS = 4096
BLOCK = 256  # rows


class RandomProjection:
    """Embed texts. The projection follows from ``seed`` alone."""

    def __init__(self, seed: int) -> None:
        numbers = np.random.default_rng(seed)
        self._directions = numbers.standard_normal((BUCKETS, DIMENSIONS), dtype=np.float32)

    def embed(self, text: bytes) -> np.ndarray:
        """Return the vector of ``text``, of length 1; all zeros if it has no words."""
        buckets = [zlib.crc32(word) % BUCKETS for word in text.split()]
        if not buckets:
            return np.zeros(DIMENSIONS, dtype=np.float32)
        total: np.ndarray = self._directions[buckets].sum(axis=0)
        return total / np.float32(np.linalg.norm(total))

    @property
    def bytes(self) -> int:
        """Return what the directions take."""
        return self._directions.nbytes


class VectorIndex:
    """Search by cosine, exactly. Rows are in blocks; removed ones are holes until `compact`."""

    def __init__(self) -> None:
        self._blocks: List[np.ndarray] = []
        self._names: List[str] = []  # of each row; empty for a hole

    @property
    def bytes(self) -> int:
        """Return what the blocks take."""
        return sum(block.nbytes for block in self._blocks)

    def add(self, name: str, vector: np.ndarray) -> None:
        """Append one row."""
        row = len(self._names) % BLOCK
        if row == 0:
            self._blocks.append(np.zeros((BLOCK, DIMENSIONS), dtype=np.float32))
        self._blocks[-1][row] = vector
        self._names.append(name)

    def remove(self, prefix: str) -> None:
        """Make holes of all rows whose name begins with ``prefix``."""
        for row, name in enumerate(self._names):
            if name.startswith(prefix):
                self._names[row] = ""
                self._blocks[row // BLOCK][row % BLOCK] = 0

    def compact(self) -> None:
        """Close the holes."""
        rows = [(name, self._blocks[row // BLOCK][row % BLOCK]) for row, name in enumerate(self._names) if name]
        self._blocks, self._names = [], []
        for name, vector in rows:
            self.add(name, vector)

    def search(self, vector: np.ndarray, most: int) -> List[Tuple[str, float]]:
        """Return the names and cosines of the ``most`` nearest rows, the nearest first."""
        if not self._blocks:
            return []
        cosines = np.concatenate([block @ vector for block in self._blocks])[: len(self._names)]
        order = np.argsort(-cosines, kind="stable")
        found = ((self._names[row], float(cosines[row])) for row in order if self._names[row])
        return list(islice(found, most))

    @property
    def holes(self) -> int:
        """Return how many rows were removed and still take memory."""
        return self._names.count("")

    def __len__(self) -> int:
        return len(self._names) - self.holes
