"""What the kernel's accounting cannot tell apart, in bytes."""

from __future__ import annotations

from typing import Final

PAGE_BYTES: Final = 4096
THP_BYTES: Final = 2 * 1024 * 1024  # a transparent huge page is charged at once
# The kernel charges a cgroup 64 pages a CPU ahead (MEMCG_CHARGE_BATCH in mm/memcontrol.c), so its counter and its
# high-water mark may read that much above what was in use.
CHARGE_BATCH_BYTES: Final = 64 * PAGE_BYTES


def charged_ahead(cpus: int | None) -> int:
    """Return how far the kernel's counter may run ahead of use on a machine with ``cpus`` CPUs."""
    return CHARGE_BATCH_BYTES * (cpus or 1)
