"""What the kernel's accounting cannot tell apart, in bytes."""

from __future__ import annotations

from typing import Final

from memcap.probe.report import Report

PAGE_BYTES: Final = 4096
SOME_FILE_BYTES: Final = 1024 * 1024  # less page cache than this moves no figure that anyone judges
THP_BYTES: Final = 2 * 1024 * 1024  # a transparent huge page is charged at once
# The kernel charges a cgroup 64 pages a CPU ahead (MEMCG_CHARGE_BATCH in mm/memcontrol.c), so its counter and its
# high-water mark may read that much above what was in use.
CHARGE_BATCH_BYTES: Final = 64 * PAGE_BYTES


def charged_ahead(cpus: int | None) -> int:
    """Return how far the kernel's counter may run ahead of use on a machine with ``cpus`` CPUs."""
    return CHARGE_BATCH_BYTES * (cpus or 1)


def proven_by_peak(report: Report, *, cpus: int | None) -> int | None:
    """Return the unreclaimable bytes that the kernel's high-water mark proves, if the page cache was steady.

    At that moment everything that was not page cache was unreclaimable, so `peak - page cache - charge batches` is a
    lower bound that a spike between two samples cannot escape. After an OOM kill at the cap the page cache is what was
    left of it, as the kernel had dropped the rest. None if the mark was reached before the workload's start.
    """
    file = report.at_end.file if report.oom_kills else report.max_file_bytes
    peak, at_start = report.peak_bytes, report.peak_at_start_bytes
    if peak is None or at_start is None or file is None or peak <= at_start:
        return None
    return peak - file - charged_ahead(cpus)


def page_cache_is_steady(report: Report) -> bool:
    """Tell whether page cache cannot have come and gone between two samples by so much that anyone would mind."""
    return bool(report.oom_kills) or (report.max_file_bytes or 0) <= SOME_FILE_BYTES
