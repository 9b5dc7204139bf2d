"""Model parameters that agents share until they change them. Python 3.8+, numpy."""

from __future__ import annotations

from typing import Dict, Iterator, Mapping

import numpy as np


class SharedParameters(Mapping[str, np.ndarray]):
    """One agent's view of parameters that all agents start with: read-only and shared, its own copy once it writes.

    ``common`` is made read-only, so that nobody changes it by mistake for all.
    """

    def __init__(self, common: Mapping[str, np.ndarray]) -> None:
        for array in common.values():
            array.flags.writeable = False
        self._common = common
        self._own: Dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        return self._own[name] if name in self._own else self._common[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._common)

    def __len__(self) -> int:
        return len(self._common)

    def own(self, name: str) -> np.ndarray:
        """Return this agent's own copy of a parameter, to be written; it is made at the first call."""
        if name not in self._own:
            self._own[name] = self._common[name].copy()
        return self._own[name]

    @property
    def own_nbytes(self) -> int:
        """Return the bytes of the copies."""
        return sum(array.nbytes for array in self._own.values())
