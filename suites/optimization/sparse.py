"""Belief states: what agents believe of peers and propositions; more than 90 % of it is 0. Python 3.8+, numpy."""

from __future__ import annotations

from typing import Tuple

import numpy as np


class DenseBeliefs:
    """One number for every pair of peer and proposition: the plain way."""

    def __init__(self, shape: Tuple[int, int], dtype: type = np.float64) -> None:
        self._values = np.zeros(shape, dtype)

    def update(self, peers: np.ndarray, propositions: np.ndarray, values: np.ndarray) -> None:
        """Believe each value of its pair from now on; where a pair comes twice the last one holds."""
        self._values[peers, propositions] = values

    def get(self, peer: int, proposition: int) -> float:
        """Return the belief, 0 if there is none."""
        return float(self._values[peer, proposition])

    def expectations(self, weights: np.ndarray) -> np.ndarray:
        """Return for each peer the sum of its beliefs, each times the weight of its proposition."""
        return np.asarray(self._values @ weights)

    def dense(self) -> np.ndarray:
        """Return all of it, a row for each peer."""
        return self._values.copy()

    @property
    def nonzero(self) -> int:
        """Return how many beliefs are not 0."""
        return int(np.count_nonzero(self._values))

    @property
    def nbytes(self) -> int:
        """Return the bytes of the numbers."""
        return self._values.nbytes


class SparseBeliefs:
    """The beliefs that are not 0, with their places, ordered by these. -0.0 is 0, NaN is not.

    A place counts the cells of the dense form row by row, in 32 bits while they suffice.
    """

    def __init__(self, shape: Tuple[int, int], dtype: type = np.float64) -> None:
        self.shape = shape
        self._places = np.empty(0, np.uint32 if shape[0] * shape[1] <= 2**32 else np.uint64)
        self._values = np.empty(0, dtype)

    @classmethod
    def from_dense(cls, dense: np.ndarray) -> SparseBeliefs:
        """Return the beliefs of a two-dimensional array, in its type."""
        beliefs = cls((dense.shape[0], dense.shape[1]), dense.dtype.type)
        places = np.flatnonzero(dense)
        beliefs._places = places.astype(beliefs._places.dtype)
        beliefs._values = dense.ravel()[places]
        return beliefs

    def update(self, peers: np.ndarray, propositions: np.ndarray, values: np.ndarray) -> None:
        """Believe each value of its pair from now on; where a pair comes twice the last one holds.

        Costs as much as there are beliefs, so many should come at once. Raises IndexError outside of the shape.
        """
        places = self._placed(np.asarray(peers), np.asarray(propositions))
        places, last = np.unique(places[::-1], return_index=True)
        new = np.asarray(values)[::-1][last].astype(self._values.dtype)
        kept = np.isin(self._places, places, assume_unique=True, invert=True)
        places = np.concatenate((self._places[kept], places))
        new = np.concatenate((self._values[kept], new))
        order = np.argsort(places)
        order = order[new[order] != 0]
        self._places, self._values = places[order], new[order]

    def get(self, peer: int, proposition: int) -> float:
        """Return the belief, 0 if there is none; raises IndexError outside of the shape."""
        place = self._placed(np.array([peer]), np.array([proposition]))[0]
        at = int(np.searchsorted(self._places, place))
        return float(self._values[at]) if at < len(self._places) and self._places[at] == place else 0.0

    def expectations(self, weights: np.ndarray) -> np.ndarray:
        """Return for each peer the sum of its beliefs, each times the weight of its proposition."""
        peers, propositions = np.divmod(self._places, self.shape[1])
        return np.bincount(peers.astype(np.intp), weights=self._values * weights[propositions], minlength=self.shape[0])

    def dense(self) -> np.ndarray:
        """Return all of it, a row for each peer."""
        dense = np.zeros(self.shape[0] * self.shape[1], self._values.dtype)
        dense[self._places] = self._values
        return dense.reshape(self.shape)

    @property
    def nonzero(self) -> int:
        """Return how many beliefs are not 0."""
        return len(self._values)

    @property
    def nbytes(self) -> int:
        """Return the bytes of places and numbers."""
        return self._places.nbytes + self._values.nbytes

    def _placed(self, peers: np.ndarray, propositions: np.ndarray) -> np.ndarray:
        rows, columns = self.shape
        if ((peers < 0) | (peers >= rows) | (propositions < 0) | (propositions >= columns)).any():
            raise IndexError(f"not all pairs are within {rows} peers x {columns} propositions")
        return (peers.astype(np.uint64) * np.uint64(columns) + propositions.astype(np.uint64)).astype(
            self._places.dtype
        )
