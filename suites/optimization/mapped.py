"""The latest observations, in a file that is mapped into memory. Python 3.8+, numpy.

What is read and written goes through the page cache, which the kernel takes back when it needs room (what was written,
after it has gone to the disk). It counts for the container's peak, not for what must fit.
"""

from __future__ import annotations

import tempfile
from collections import deque
from typing import Deque, Optional

import numpy as np


class ObservationsInMemory:
    """The latest ``most`` observations, a row of numbers each: the plain way."""

    def __init__(self, most: int, features: int, dtype: type = np.float64) -> None:
        self._features, self._dtype = features, dtype
        self._rows: Deque[np.ndarray] = deque(maxlen=most)

    def append(self, row: np.ndarray) -> None:
        """Add a row; the oldest makes room."""
        self._rows.append(np.array(row, self._dtype))

    def latest(self, count: int) -> np.ndarray:
        """Return the latest ``count`` rows, or as many as there are, the oldest first."""
        count = min(count, len(self._rows))
        found = np.empty((count, self._features), self._dtype)
        for place in range(count):
            found[place] = self._rows[len(self._rows) - count + place]
        return found

    def __len__(self) -> int:
        return len(self._rows)


class MappedObservations:
    """The same in a ring of rows in a file, which has no name, so that nothing is left whatever happens."""

    def __init__(self, most: int, features: int, dtype: type = np.float64, directory: Optional[str] = None) -> None:
        with tempfile.TemporaryFile(dir=directory) as file:
            # Written, not only made so long: a full disk is an error here, and not a SIGBUS at some later row.
            blank = bytes(features * np.dtype(dtype).itemsize)
            for _ in range(most):
                file.write(blank)
            file.flush()
            # The mapping holds the file open.
            self._ring = np.memmap(file, dtype=dtype, mode="r+", shape=(most, features))
        self._seen = 0

    def append(self, row: np.ndarray) -> None:
        """Add a row; the oldest makes room."""
        self._ring[self._seen % len(self._ring)] = row
        self._seen += 1

    def latest(self, count: int) -> np.ndarray:
        """Return a copy of the latest ``count`` rows, or as many as there are, the oldest first."""
        count = min(count, len(self))
        places = np.arange(self._seen - count, self._seen) % len(self._ring)
        return np.asarray(self._ring[places])

    def __len__(self) -> int:
        return min(self._seen, len(self._ring))
