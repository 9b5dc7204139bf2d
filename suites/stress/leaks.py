"""Tell a structure that only ever grows. Python 3.8+, standard library only."""

from __future__ import annotations

from collections import deque
from typing import Deque, Dict, List, Mapping

WINDOW = 6  # cycles


class LeakDetector:
    """Watch the sizes of structures that have no bound, a sample a cycle."""

    def __init__(self, smallest: int) -> None:
        self._smallest = smallest
        self._samples: Dict[str, Deque[int]] = {}

    def watch(self, sizes: Mapping[str, int]) -> List[str]:
        """Take in the size of each structure; return the names of those that leak, and begin anew with these.

        One leaks when it grew in each of the last six cycles, and by ``smallest`` bytes in all.
        """
        found = []
        for name, size in sizes.items():
            samples = self._samples.setdefault(name, deque(maxlen=WINDOW + 1))
            samples.append(size)
            values = list(samples)
            rising = all(values[at] < values[at + 1] for at in range(len(values) - 1))
            if len(values) > WINDOW and rising and values[-1] - values[0] >= self._smallest:
                found.append(name)
                samples.clear()
        return found
