"""The usual rule for a leak, and its figures: the first tenth of the samples against the last, and a straight line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.leaks.memory_series import Series

FEWEST: Final = 5
THRESHOLD: Final = 50 * 1000 * 1000
_HOUR: Final = 3600


@dataclass(frozen=True, kw_only=True)
class TwoEnds:
    """The means of the first and the last tenth of ``samples``, and the slope of the line of least squares.

    ``first`` and ``last`` are bytes, ``growth_percent`` is relative to the first, None where that is 0. Each is None
    for fewer than 5 samples. ``over`` tells whether the growth is above ``threshold``.
    """

    samples: int
    threshold: float
    first: float | None = None
    last: float | None = None
    bytes_per_hour: float | None = None

    @property
    def enough(self) -> bool:
        """Tell whether there are enough samples for this rule."""
        return self.samples >= FEWEST

    @property
    def growth(self) -> float | None:
        """Return how many bytes more there are at the end than at the beginning."""
        return None if self.first is None or self.last is None else self.last - self.first

    @property
    def growth_percent(self) -> float | None:
        """Return the growth by the first tenth, in per cent."""
        return 100 * self.growth / self.first if self.growth is not None and self.first else None

    @property
    def over(self) -> bool | None:
        """Tell whether more was gained than the threshold; None for too few samples."""
        return None if self.growth is None else self.growth > self.threshold


def two_ends(series: Series, *, threshold: float = THRESHOLD) -> TwoEnds:
    """Return the figures of the usual rule; those that need 5 samples are None for fewer."""
    samples = len(series.values)
    if samples < FEWEST:
        return TwoEnds(samples=samples, threshold=threshold)
    tenth = max(1, samples // 10)
    slope = least_squares(series.seconds, series.values)
    return TwoEnds(
        samples=samples,
        threshold=threshold,
        first=math.fsum(series.values[:tenth]) / tenth,
        last=math.fsum(series.values[-tenth:]) / tenth,
        bytes_per_hour=None if slope is None else slope * _HOUR,
    )


def least_squares(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Return the slope of the line of least squares; None where all ``x`` are equal."""
    middle, mean = math.fsum(x) / len(x), math.fsum(y) / len(y)
    spread = math.fsum((each - middle) ** 2 for each in x)
    return math.fsum((a - middle) * (b - mean) for a, b in zip(x, y, strict=True)) / spread if spread else None
