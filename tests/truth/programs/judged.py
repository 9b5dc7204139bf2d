"""What memcap says of a program, beside its truth: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from truth.programs.model import KIB, MIB, Program
from truth.programs.plainly import Truth

from memcap.model import Ending, Measurement

NARROW_BYTES = MIB
NARROW_SHARE = 0.02


@dataclass(frozen=True, kw_only=True)
class Interval:
    """Where memcap says that the smallest cap is, in bytes; ``high`` is None where nothing bounds it."""

    low: int
    high: int | None

    def holds(self, truth: Truth, *, allowance: int = 0) -> bool:
        """Tell whether it has a cap in common with what Docker alone showed."""
        is_below = self.high is not None and self.high + allowance < truth.dies
        return self.low - allowance <= truth.lives and not is_below

    def is_narrow(self) -> bool:
        """Tell whether the interval says enough."""
        return self.high is not None and self.high - self.low <= max(NARROW_BYTES, NARROW_SHARE * self.high)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One row: the program's truth, memcap's runs with room to spare, at the smallest cap, and far below it."""

    program: Program
    truth: Truth
    at_ease: Sequence[Measurement]
    at_cap: Sequence[Measurement]
    below: Measurement | None
    allowance: int

    @property
    def is_slope(self) -> bool:
        """Tell whether the program lives at its smallest cap at the price of much time."""
        return self.program.slope

    def problems(self) -> list[str]:
        """Return what is wrong, allowing for what the kernel charges ahead."""
        found = []
        for where, runs in (("", self.at_ease), (" at the cap", self.at_cap)):
            known = intervals(runs)
            wrong = sum(not one.holds(self.truth, allowance=self.allowance) for one in known)
            found += [f"{wrong} of {len(known)} outside{where}"] if wrong else []
        if any(run.ending is not Ending.COMPLETED for run in self.at_ease):
            found.append(f"ended at ease: {endings(self.at_ease)}")
        if not intervals(self.at_ease):
            found.append("no figure")
        if self.below is not None and not is_for_want_of_memory(self.below.ending):
            found.append(f"ending below: {self.below.ending.value}")
        return found

    def row(self) -> list[str]:
        """Return the cells of the table."""
        truth, ease = self.truth, intervals(self.at_ease)
        typical = middle(ease)
        exact = sum(one.holds(truth) for one in ease)
        with_allowance = sum(one.holds(truth, allowance=self.allowance) for one in ease)
        return [
            self.program.name,
            self.program.what,
            f"{truth.dies / MIB:.2f} to {truth.lives / MIB:.2f}" + (" slope" if self.is_slope else ""),
            f"{truth.slowdown:.1f}x",
            _shown(typical),
            "" if typical is None else _error(typical, truth),
            f"{exact} of {len(ease)}",
            f"{with_allowance} of {len(ease)}",
            "" if typical is None else "yes" if typical.is_narrow() else "no",
            _shown(middle(intervals(self.at_cap))),
            endings(self.at_cap),
            "" if self.below is None else self.below.ending.value,
            "; ".join(self.problems()) or "ok",
        ]


COLUMNS = (
    "program", "what", "dies to lives", "slower at it", "memcap", "error", "right", "right ± ahead", "narrow",
    "memcap at the cap", "ends", "ends at 60 %", "verdict",
)  # fmt: skip


def intervals(runs: Sequence[Measurement]) -> list[Interval]:
    """Return the intervals of the runs that have a figure, without what the supervisor needed."""
    found = []
    for run in runs:
        low, high, own = run.unreclaimable_peak_low_bytes, run.unreclaimable_peak_high_bytes, run.supervisor_bytes or 0
        if low is not None:
            found.append(Interval(low=low - own, high=None if high is None else high - own))
    return found


def middle(found: Sequence[Interval]) -> Interval | None:
    """Return the interval between the median ends."""
    if not found:
        return None
    ends = [one.high for one in found]
    high = None if None in ends else int(median(end for end in ends if end is not None))
    return Interval(low=int(median(one.low for one in found)), high=high)


def endings(runs: Sequence[Measurement]) -> str:
    """Return how runs ended, each way once."""
    return ", ".join(sorted({run.ending.value for run in runs}))


def is_for_want_of_memory(ending: Ending) -> bool:
    """Tell whether an ending says that memory was short: the kernel's word, or the program's."""
    return ending.is_oom or ending is Ending.MEMORY_ERROR


def _shown(interval: Interval | None) -> str:
    if interval is None:
        return "none"
    low = f"{interval.low / MIB:.2f}"
    high = "no end" if interval.high is None else f"{interval.high / MIB:.2f}"
    return low if low == high else f"{low} to {high}"


def _error(interval: Interval, truth: Truth) -> str:
    """Return how far the interval is from the truth's."""
    if interval.high is not None and interval.high < truth.dies:
        return f"{(interval.high - truth.dies) / KIB:+,.0f} KiB"
    if interval.low > truth.lives:
        return f"{(interval.low - truth.lives) / KIB:+,.0f} KiB"
    return "0"
