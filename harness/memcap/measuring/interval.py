"""Say how much unreclaimable memory a run needed, as an estimate and the interval that holds the truth."""

from __future__ import annotations

from dataclasses import dataclass

from memcap.measuring.kernel import THP_BYTES, killed_at_this_cap
from memcap.model import PAGE_BYTES, Processors, charged_ahead
from memcap.probe.report import Report

MUCH_HUGE_BYTES = 4 * 1024 * 1024
MUCH_HUGE_SHARE = 0.1


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The unreclaimable peak in bytes: the best estimate and its two ends.

    All three are equal where there is no doubt. ``high`` is None where nothing bounds it. ``from_peak`` says that the
    estimate is what the kernel's high-water mark proves, as no sample showed as much.
    """

    estimate: int
    low: int
    high: int | None
    from_peak: bool = False


def unreclaimable_interval(report: Report, cpus: Processors) -> Interval | None:
    """Return the interval of the unreclaimable peak; None where nothing was measured.

    The estimate is always the larger of the largest sample and what the high-water mark proves, so figures of two runs
    can be compared. Ends that differ by no more than the kernel charges ahead, and samples lag behind, are one figure.
    docs/measuring.md has the evidence behind both ends.
    """
    sampled = report.unreclaimable_peak_bytes
    if sampled is None:
        return None
    if report.oom_kills and report.peak_bytes is not None and killed_at_this_cap(report, cpus=cpus.run):
        # The kernel kills when it could take nothing back: all that was left at the cap was unreclaimable.
        at_cap = max(sampled, report.peak_bytes)
        return Interval(estimate=at_cap, low=at_cap, high=at_cap)
    proven = (report.low_from_peak_bytes or 0) - charged_ahead(cpus.run)
    estimate = max(sampled, proven)
    high = _upper_end(report, estimate)
    if high is not None and high - estimate <= cpus.indistinct_bytes:
        high = estimate
    low = max(0, estimate - untouched_at_least(report))
    return Interval(estimate=estimate, low=low, high=high, from_peak=proven > sampled)


def untouched_at_least(report: Report) -> int:
    """Return the bytes of huge pages that may not be needed, where they decide the figure; else 0.

    Without huge pages the kernel gives a small one for the first byte touched in each, and it falls back to that where
    the cap leaves no room.
    """
    huge, total = report.at_peak.huge or 0, report.unreclaimable_peak_bytes or 0
    if huge <= MUCH_HUGE_BYTES or huge <= MUCH_HUGE_SHARE * total:
        return 0
    return huge - huge // THP_BYTES * PAGE_BYTES


def _upper_end(report: Report, estimate: int) -> int | None:
    """Return the most that can have been needed, None if nothing bounds it."""
    if report.high_from_peak_bytes is None:
        return None
    return max(estimate, report.high_from_peak_bytes, report.doubted_peak_bytes or 0)
