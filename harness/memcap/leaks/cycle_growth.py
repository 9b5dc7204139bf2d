"""Does a workload that works in cycles hold more after each of them?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from memcap.leaks.judge import FEWEST_SAMPLES, judge_series
from memcap.leaks.memory_series import Series
from memcap.leaks.verdict import LeakClass, LeakVerdict
from memcap.stats import parts_of_rise, steady_rise
from memcap.stats.rise import TENTHS, TENTHS_OF_A_PART

FEWEST_CYCLES: Final = FEWEST_SAMPLES  # for a verdict; further samples within a cycle do not make it more than one


@dataclass(frozen=True, kw_only=True)
class CycleGrowth:
    """How much more a workload held after its cycles.

    ``amount`` is the rise in bytes from the end of the first cycle to the last tenth of them, ``per_cycle`` that of one
    cycle. ``verdict`` is None for a run that is too short for one. Unless it says a leak, the rule of thirds decided.
    """

    amount: float
    per_cycle: float
    verdict: LeakVerdict | None

    @property
    def is_leak(self) -> bool:
        """Tell whether the verdict says that it is a leak."""
        return self.verdict is not None and self.verdict.leak is True


def cycle_growth(
    seconds: Sequence[float], values: Sequence[float], marks: Sequence[float], cycles: float, *, above: float = 0
) -> CycleGrowth | None:
    """Return the growth if it goes on up to the last cycle; None if it does not, or if it is at most ``above`` bytes.

    ``marks`` are when the first of ``cycles`` had ended, and each tenth of the others, as `tenths` returns them; the
    samples lie between. The verdict on the series by cycles decides, unless it says not enough data, or no leak of
    what grew by less than it could have found. Then, and where there are fewer samples or cycles than it needs, each
    third of the cycles must have left something behind.
    """
    if not values or not marks:
        return None
    marks = sorted(marks)  # a damaged result may have all of it in any order
    seconds, values = zip(*sorted(zip(seconds, values, strict=True)), strict=True)
    parts = parts_of_rise(seconds, values, marks[::TENTHS_OF_A_PART])
    amount = sum(part.amount for part in parts)
    if amount <= above:
        return None
    verdict = None
    if len(values) >= FEWEST_SAMPLES and cycles >= FEWEST_CYCLES:
        verdict = judge_series(by_cycles(seconds, values, marks, cycles))
        if verdict.leak and verdict.per_work is not None:
            return CycleGrowth(amount=amount, per_cycle=verdict.per_work.estimate, verdict=verdict)
    if steady_rise(seconds, values, marks) is None:
        return None
    share = sum(part.seconds for part in parts) / (marks[-1] - marks[0])
    per_cycle = amount / share / (cycles - 1)
    if verdict is not None and _is_final(verdict, per_cycle):
        return None
    return CycleGrowth(amount=amount, per_cycle=per_cycle, verdict=verdict)


def _is_final(verdict: LeakVerdict, per_cycle: float) -> bool:
    """Tell whether it is certainly no leak: it would have been found, or it came in steps."""
    found = verdict.kind is LeakClass.STEP or per_cycle >= (verdict.detectable_bytes_per_work or 0)
    return verdict.leak is False and found


def by_cycles(seconds: Sequence[float], values: Sequence[float], marks: Sequence[float], cycles: float) -> Series:
    """Return the samples, which are in order, with the cycles done at each; ``marks`` are those of `cycle_growth`."""
    ordered = sorted(marks)
    done = [_cycles_at(second, ordered, cycles) for second in seconds]
    return Series(seconds=seconds, values=values, work=done)


def _cycles_at(second: float, marks: Sequence[float], cycles: float) -> float:
    """Return how many cycles had ended by then, with the part of the one that ran."""
    before = min(max(bisect_right(marks, second) - 1, 0), TENTHS - 1)
    length = marks[before + 1] - marks[before]
    part = (second - marks[before]) / length if length else 1.0
    return 1 + (cycles - 1) * (before + min(max(part, 0.0), 1.0)) / TENTHS
