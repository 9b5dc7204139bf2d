"""What is said of a series."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from memcap.leaks.simple import TwoEnds


class LeakClass(str, Enum):
    """The shape of a memory series. Only the two leaks go on forever."""

    FLAT = "flat"
    STEP = "step"
    BOUNDED_CACHE = "bounded_cache"
    SAWTOOTH = "sawtooth"
    PERIODIC = "periodic"
    LINEAR_LEAK = "linear_leak"
    SUPERLINEAR_LEAK = "superlinear_leak"
    NOT_ENOUGH_DATA = "not_enough_data"

    @property
    def label(self) -> str:
        """Return the name for readers, such as ``linear leak``."""
        return self.value.replace("_", " ")

    @property
    def leak(self) -> bool | None:
        """Tell whether this is a leak; None where the data do not say."""
        if self is LeakClass.NOT_ENOUGH_DATA:
            return None
        return self in (LeakClass.LINEAR_LEAK, LeakClass.SUPERLINEAR_LEAK)


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Bytes by hour, or by unit of work: the best estimate, and the ends between which the truth lies."""

    estimate: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class EnvelopePoint:
    """The least memory of one window, when that was, and when the window began."""

    seconds: float
    bytes: float
    window_seconds: float


@dataclass(frozen=True, kw_only=True)
class LeakVerdict:
    """The class of a series, and the figures behind it.

    ``per_hour`` and ``per_work`` are the growth after the warm-up, ``detectable_bytes_per_hour`` is the smallest growth
    that this run would have called a leak 19 times of 20; each is None where it is not known.
    ``detectable_bytes_per_work`` is the same by cycle or request.
    ``seconds_to_cap`` is when the cap is reached if a leak goes on, counted from the end of the series. ``two_ends``
    are the figures of the usual rule, for comparison.
    """

    kind: LeakClass
    reason: str
    two_ends: TwoEnds
    per_hour: Rate | None = None
    per_work: Rate | None = None
    detectable_bytes_per_hour: float | None = None
    detectable_bytes_per_work: float | None = None
    seconds_to_cap: float | None = None
    warm_up_seconds: float | None = None
    windows: int = 0
    envelope: tuple[EnvelopePoint, ...] = ()

    @property
    def leak(self) -> bool | None:
        """Tell whether memory leaks; None where the data do not say."""
        return self.kind.leak
