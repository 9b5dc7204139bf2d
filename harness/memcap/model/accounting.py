"""How far the kernel's accounting can tell figures apart, in bytes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PAGE_BYTES: Final = 4096
# The kernel charges a cgroup 64 pages a CPU ahead (MEMCG_CHARGE_BATCH in mm/memcontrol.c), so its counter and its
# high-water mark may read that much above what was in use.
CHARGE_BATCH_BYTES: Final = 64 * PAGE_BYTES
STALE_BYTES: Final = 20 * PAGE_BYTES  # how far a sample lags behind for each CPU of the machine: docs/measuring.md


def charged_ahead(cpus: int | None) -> int:
    """Return how far the kernel's counter may run ahead of use on a machine with ``cpus`` CPUs."""
    return CHARGE_BATCH_BYTES * (cpus or 1)


@dataclass(frozen=True, kw_only=True)
class Processors:
    """How many CPUs the daemon's machine has, and how many of them the run could use."""

    machine: int | None
    run: int | None

    @classmethod
    def of(cls, cpuset: str, *, machine: int | None) -> Processors:
        """Return those of a run that was pinned to ``cpuset``, which is empty where it was not."""
        return cls(machine=machine, run=cpuset.count(",") + 1 if cpuset else machine)

    @property
    def indistinct_bytes(self) -> int:
        """Return how far two figures of the same need may lie apart."""
        return charged_ahead(self.run) + STALE_BYTES * (self.machine or 1)
