"""Arrays that are made when they are first used. Python 3.8+, numpy.

numpy's zeros of 128 KiB and more are lazy already: the kernel gives the pages when they are written. Arrays that
start as anything else are not, and these are for them.
"""

from __future__ import annotations

from typing import Callable, Dict, Iterator, Mapping

import numpy as np

Maker = Callable[[], np.ndarray]


class EagerArrays(Mapping[str, np.ndarray]):
    """All arrays, made at once: the plain way."""

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        self._made = {name: make() for name, make in makers.items()}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._made)

    def __len__(self) -> int:
        return len(self._made)

    @property
    def nbytes(self) -> int:
        """Return the bytes of the arrays that were made."""
        return sum(array.nbytes for array in self._made.values())


class LazyArrays(Mapping[str, np.ndarray]):
    """The same arrays, each made when it is first asked for; a maker is called once, and again if it failed."""

    def __init__(self, makers: Mapping[str, Maker]) -> None:
        self._makers = dict(makers)
        self._made: Dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self._made:
            self._made[name] = self._makers[name]()
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)

    def __contains__(self, name: object) -> bool:
        return name in self._makers  # Mapping's own asks for the array, and so would make it

    @property
    def nbytes(self) -> int:
        """Return the bytes of the arrays that were made."""
        return sum(array.nbytes for array in self._made.values())
