"""What kinds of memory filled the cap when the kernel killed a process. Pure."""

from __future__ import annotations

from memcap.model import AT_THE_CAP, MemoryKind, MemorySplit
from memcap.probe.report import Report
from memcap.units import format_bytes

_WHEN_LAST_SEEN = "when last seen: "
_NEAR = 0.9  # of the cap: below it, what filled the rest between two samples is not known
_SMALL = 0.05  # of what is named: less is left out


def what_filled(report: Report) -> str:
    """Return the kinds of memory that were in use before the kill, the largest first; empty where nothing is known."""
    split = report.at_kill or report.at_peak
    kinds = _kinds(split)
    total = sum(kinds.values())
    if not total:
        return ""
    seen = AT_THE_CAP if total >= _NEAR * (report.cap_bytes or 0) else _WHEN_LAST_SEEN
    largest_first = sorted(kinds.items(), key=lambda kind: -kind[1])
    return seen + ", ".join(
        f"{format_bytes(size)} {kind.value}" for kind, size in largest_first if size >= _SMALL * total
    )


def _kinds(split: MemorySplit) -> dict[MemoryKind, int]:
    """Return bytes by kind; what the kernel does not tell apart is in the kind that it is part of."""
    huge = split.huge or 0
    return {
        MemoryKind.ANONYMOUS: max(0, (split.anon or 0) - huge),
        MemoryKind.HUGE: huge,
        MemoryKind.SHARED: split.shmem or 0,
        MemoryKind.KERNEL: split.kernel or 0,
        MemoryKind.SOCKETS: split.sock or 0,
        MemoryKind.FILE: split.file or 0,
    }
