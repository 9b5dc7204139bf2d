"""The lower envelope of a series: the least value of each window, so that what is given back does not count."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]
    Places = NDArray[np.int_]

PAGE: Final = 4096
WINDOWS: Final = (48, 36, 28, 20, 16, 12, 8)
_SAMPLES_A_WINDOW: Final = 2
_TWICE: Final = 2.0
_LITTLE: Final = 0.05  # of all that the series moves; to fall back by less does no harm
_FAR: Final = 5.0  # times the usual difference
_TENTHS: Final = 10
_FASTER: Final = 3.0  # than the rest of the run


def lower_envelope(values: Array) -> Places:
    """Return where the least value of each window is; there are 8 to 48 windows with the same number of samples.

    Raises ValueError for fewer than 8 values.

    A window must be so long that a garbage collector's sawtooth, or a job, comes down once in it. So the narrowest
    windows are taken whose envelope falls back at most twice as far as that of any wider ones do.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    count = len(values)
    if count < WINDOWS[-1]:
        raise ValueError(f"{count} values are too few for {WINDOWS[-1]} windows")
    most = max(count // _SAMPLES_A_WINDOW, WINDOWS[-1])
    tried = [_least_of_each(values, windows) for windows in WINDOWS if windows <= most]
    falls = [fall_back(values[places]) for places in tried]
    enough = max(_TWICE * min(falls), _LITTLE * float(np.ptp(values)))
    return next(places for places, fall in zip(tried, falls, strict=True) if fall <= enough)


def _least_of_each(values: Array, windows: int) -> Places:
    import numpy as np  # noqa: PLC0415 - takes long

    bounds = window_bounds(len(values), windows)
    return np.array([begin + int(values[begin:end].argmin()) for begin, end in pairwise(bounds)])


def window_bounds(count: int, windows: int) -> Places:
    """Return where each of ``windows`` windows of ``count`` values begins, and where the last one ends."""
    import numpy as np  # noqa: PLC0415 - takes long

    return np.linspace(0, count, windows + 1).astype(int)


def without_peaks(values: Array) -> Array:
    """Return the series with single values far above both neighbours cut down to the higher one.

    Requests that came together leave such a window; far is five times the usual difference between neighbours.
    """
    import numpy as np  # noqa: PLC0415 - takes long

    beside = np.maximum(values[:-2], values[2:])
    far = values[1:-1] > beside + _FAR * float(np.median(np.abs(np.diff(values))))
    lower: Array = values.copy()
    lower[1:-1] = np.where(far, beside, values[1:-1])
    return lower


def fall_back(values: Array) -> float:
    """Return the most that a series ever lost of what it had gained."""
    import numpy as np  # noqa: PLC0415 - takes long

    return float((np.maximum.accumulate(values) - values).max())


def start_of(values: Array) -> int:
    """Return how many of the first samples are the program's start: those of the first tenth that lie below all later.

    0 where the rise after the first tenth is as much as a leak would make it.
    """
    tenth = len(values) // _TENTHS
    if not tenth:
        return 0
    later = float(values[tenth:].min())
    missing = later - float(values[0])
    rise = float(values[-tenth:].min()) - later
    if missing <= _FASTER * max(0.0, rise) / (_TENTHS - 2):
        return 0
    below = [place for place in range(tenth) if values[place] < later - PAGE]
    return below[-1] + 1 if below else 0
