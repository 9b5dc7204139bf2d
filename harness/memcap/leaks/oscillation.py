"""What comes and goes: a garbage collector's sawtooth, or something regular."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from memcap.leaks.verdict import LeakClass

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

FEWEST_CYCLES: Final = 3
_AT_ONCE: Final = 0.4  # of its height, from one sample to the next: what a sawtooth falls and does not rise
_ALIKE: Final = 0.35  # how much one period resembles the next, at least
_ALIKE_LATER: Final = 0.2  # and the one after that
_LEAST: Final = 256 * 1024


@dataclass(frozen=True, kw_only=True)
class Oscillation:
    """SAWTOOTH, PERIODIC, or FLAT where a series only scatters; and how high it goes, single spikes aside."""

    kind: LeakClass
    height: float


def oscillation(values: Array, envelope: Array) -> Oscillation:
    """Tell what ``values`` do above their ``envelope``."""
    import numpy as np  # noqa: PLC0415 - takes long

    above = _without_spikes(values - envelope)
    low, high = np.quantile(above, (0.05, 0.95)).tolist()
    above = np.clip(above, low, high)
    return Oscillation(kind=_kind(above, high - low), height=high - low)


def _kind(above: Array, height: float) -> LeakClass:
    import numpy as np  # noqa: PLC0415 - takes long

    cycles = _swings(above, height / 2)
    if cycles < FEWEST_CYCLES or height < _LEAST:
        return LeakClass.FLAT
    changes = np.diff(above)
    falls, rises = (int((sign * changes > _AT_ONCE * height).sum()) for sign in (-1, 1))
    if falls - rises > cycles / 2:
        return LeakClass.SAWTOOTH
    return LeakClass.PERIODIC if _repeats(above) else LeakClass.FLAT


def _without_spikes(values: Array) -> Array:
    """Return the middle one of each three values in turn, so that what lasts for one sample is left out."""
    import numpy as np  # noqa: PLC0415 - takes long

    middle: Array = np.median([values[:-2], values[1:-1], values[2:]], axis=0)
    return middle


def _swings(values: Array, least: float) -> int:
    """Return how often the series turned upwards after it had fallen by ``least``.

    Turning points as in rainflow counting. Source: M. Matsuishi and T. Endo, "Fatigue of Metals Subjected to Varying
    Stress", Japan Soc. Mech. Engineers (1968).
    """
    count, falling = 0, False
    extreme = float(values[0])
    for value in values.tolist():
        if falling:
            extreme = min(extreme, value)
            if value - extreme > least:
                count, falling, extreme = count + 1, False, value
        else:
            extreme = max(extreme, value)
            if extreme - value > least:
                falling, extreme = True, value
    return count


def _repeats(above: Array) -> bool:
    """Tell whether the series resembles itself one period later, for any period that is in it three times."""
    import numpy as np  # noqa: PLC0415 - takes long

    centred = above - above.mean()
    count = len(centred)
    spectrum = np.fft.rfft(centred, 2 * count)
    alike = np.fft.irfft(np.abs(spectrum) ** 2)[:count]
    if alike[0] <= 0:
        return False
    alike = alike / alike[0] * count / np.arange(count, 0, -1)  # each lag has fewer pairs
    negative = np.flatnonzero(alike < 0)
    if not len(negative):
        return False
    lag = int(negative[0])
    lag += int(alike[lag : count // FEWEST_CYCLES + 1].argmax()) if lag <= count // FEWEST_CYCLES else 0
    return float(alike[lag]) > _ALIKE and 2 * lag < count and float(alike[2 * lag]) > _ALIKE_LATER
