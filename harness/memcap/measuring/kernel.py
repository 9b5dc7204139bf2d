"""What the kernel's accounting cannot tell apart, in bytes."""

from __future__ import annotations

from typing import Final

from memcap.model import RunSpec, charged_ahead
from memcap.probe.report import Report

SOME_FILE_BYTES: Final = 1024 * 1024  # less page cache than this moves no figure that anyone judges
THP_BYTES: Final = 2 * 1024 * 1024  # a transparent huge page is charged at once


def supervisor_bytes(report: Report, spec: RunSpec) -> int | None:
    """Return what the supervisor needed: what it saw of itself in this run, and what only a calibration shows."""
    return None if report.supervisor_bytes is None else report.supervisor_bytes + spec.supervisor_unseen_bytes


def killed_at_this_cap(report: Report, *, cpus: int | None) -> bool:
    """Tell whether the kills were for want of memory under this cgroup's own cap.

    Cgroup v2 counts that apart (`oom` of memory.events), but Podman's containers read 0 there even so, and v1 has no
    such counter: then the peak must have come near the cap.
    """
    if report.oom_events or report.peak_bytes is None or report.cap_bytes is None:
        return True
    return report.peak_bytes >= report.cap_bytes - charged_ahead(cpus) - THP_BYTES
