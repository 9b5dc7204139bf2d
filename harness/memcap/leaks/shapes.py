"""Which simple shape comes nearest to an envelope: a line, one that fills up, or one that bends upwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memcap.leaks.envelope import PAGE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEWEST_WINDOWS: Final = 16  # in fewer the end of a long warm-up looks like a leak
_ENDS: Final = 3  # windows on each side of a break
_TIMES: Final = tuple(0.03 * 1.35**power for power in range(9))  # of a filling, as shares of the run: 0.03 to 0.33
_POWERS: Final = (1.5, 2.0, 3.0)
_DOUBLINGS: Final = (2.0, 4.0, 6.0, 10.0)
_CLEARLY: Final = 0.7  # of the squared deviations of one curve
_MUCH: Final = 10.0  # times as much as chance explains: the F of two lines against one


@dataclass(frozen=True, kw_only=True)
class Fits:
    """The squared deviations from the best curve of each shape, never less than what rounding to pages makes."""

    line: float
    filling: float
    bending: float


def fits(x: Array, y: Array) -> Fits:
    """Return how near the best curve of each shape comes, by least squares; ``x`` runs from 0 to 1.

    Each curve is a level and a multiple of something that goes from 0 to 1, so that they differ in nothing but how they
    bend. What fills up is a line that becomes level (D. V. Hinkley, "Inference in Two-Phase Regression", JASA 66, 1971)
    or an exponential approach; what bends is a power or doubles again and again.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    breaks = [each for each in x[_ENDS:-_ENDS] if each > 0]
    filling = [*(np.minimum(1, x / each) for each in breaks), *(1 - np.exp(-x / time) for time in _TIMES)]
    bending = [*(x**power for power in _POWERS), *(2 ** (times * x) for times in _DOUBLINGS)]
    return Fits(line=_squares([x], y), filling=_squares(filling, y), bending=_squares(bending, y))


def _squares(curves: list[Array], y: Array) -> float:
    """Return the squared deviations from the nearest of these curves, each with a level and a factor of its own."""
    import numpy as np  # noqa: PLC0415 - takes long

    matrix = np.array(curves)
    matrix = matrix - matrix.mean(axis=1, keepdims=True)
    centred = y - y.mean()
    lengths = (matrix**2).sum(axis=1)
    explained = (matrix @ centred)[lengths > 0] ** 2 / lengths[lengths > 0]
    return max(float(centred @ centred - explained.max(initial=0.0)), _rounding(y))


def _rounding(y: Array) -> float:
    return len(y) * PAGE**2 / 12


def warm_up_windows(x: Array, y: Array) -> int:
    """Return how many of the first windows are warm-up, at most half of them: where two lines beat any one curve.

    The lines need not meet. A start is a warm-up if it rises faster than what follows, falls, is level before a rise
    (nothing was asked of the program yet), or is short. So a step later is none, nor is a bend upwards. Source:
    Hinkley (1971).
    """
    count = len(y)
    if count < FEWEST_WINDOWS:
        return 0
    curves = fits(x, y)
    best, short, chosen = curves.line, count // 16, 0
    for place in range(1, count // 2 + 1):
        before, pace, _ = _line(x[:place], y[:place])
        after, slope, level = _line(x[place:], y[place:])
        squares = max(before + after, _rounding(y))
        missing = float((level + slope * x[:place] - y[:place]).mean())
        settles = pace > 2 * abs(slope) if missing > 0 else pace < -abs(slope) or abs(pace) < slope / 4
        if squares < best and (settles or place <= short):
            best, chosen = squares, place
    if chosen > short and best > _CLEARLY * min(curves.filling, curves.bending):
        return 0
    return chosen if (curves.line - best) / 3 > _MUCH * best / (count - 5) else 0


def _line(x: Array, y: Array) -> tuple[float, float, float]:
    """Return the squared deviations from the line of least squares, its slope and its value at 0."""
    centred, apart = y - y.mean(), x - x.mean()
    spread = float(apart @ apart)
    slope = float(apart @ centred) / spread if spread else 0.0
    squares = max(0.0, float(centred @ centred) - slope * slope * spread)
    return squares, slope, float(y.mean()) - slope * float(x.mean())
