"""What is judged: times, bytes, and where it is counted the work that was done until then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, kw_only=True)
class Series:
    """Memory over time: ``values`` are bytes that cannot be reclaimed, ``seconds`` their times in ascending order.

    ``work`` is how many cycles or requests were done at each time, None where nothing is counted.
    """

    seconds: Sequence[float]
    values: Sequence[float]
    work: Sequence[float] | None = None

    def __post_init__(self) -> None:
        for name, numbers in (("values", self.values), ("work", self.work)):
            if numbers is not None and len(numbers) != len(self.seconds):
                raise ValueError(f"{len(self.seconds)} times and {len(numbers)} {name} are no series")
        for name, numbers in (("seconds", self.seconds), ("work", self.work)):
            if numbers is not None and any(after < before for before, after in pairwise(numbers)):
                raise ValueError(f"the {name} of a series must not fall")
        if not all(math.isfinite(number) for number in (*self.seconds, *self.values, *(self.work or ()))):
            raise ValueError("a series has finite numbers only")
