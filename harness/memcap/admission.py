"""Admit runs to the daemon's machine: so many at once, within its memory, pinned to CPUs of their own, or alone."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

LEAST_RESERVE_BYTES: Final = 256 * 1024**2
RESERVED: Final = 0.05  # of the machine's memory, for the daemon and everything else that runs there


@dataclass(frozen=True, kw_only=True)
class Demand:
    """What a run takes of the machine: its cap with those of its services, and CPUs of its own (None: none).

    ``is_alone``: nothing else of the campaign may be done meanwhile, for times would show it.
    """

    memory_bytes: int
    cpus: int | None = None
    is_alone: bool = False


class Seat:
    """What one run was admitted to; `free` it when the workload has ended, and `close` it when all is over."""

    def __init__(self, owner: Admission, demand: Demand) -> None:
        self._owner = owner
        self.demand = demand
        self.cpus: frozenset[int] = frozenset()

    @property
    def cpuset(self) -> str:
        """Return the names of the CPUs that nobody else has, as "0,1"; empty where the run may use all."""
        return ",".join(map(str, sorted(self.cpus)))

    @property
    def is_busy(self) -> bool:
        """Tell whether the workload may still run."""
        return self._owner.has_busy(self)

    def free(self) -> None:
        """Give everything back that the workload took; who runs alone keeps it until the end."""
        if not self.demand.is_alone:
            self._owner.free(self)

    def take_again(self) -> None:
        """Wait until there is room for another attempt."""
        self._owner.take_again(self)

    def close(self) -> None:
        """Give everything back."""
        self._owner.close(self)


class Admission:
    """The machine's room: ``jobs`` runs at once, on ``cpus``, within ``memory_bytes`` (None: not known, no bound).

    A run is always admitted where no other is, so that nothing waits for ever.
    """

    def __init__(self, *, jobs: int, cpus: Iterable[int], memory_bytes: int | None) -> None:
        self.jobs = jobs
        self._cpus = frozenset(cpus)
        self._room = None if memory_bytes is None else memory_bytes - reserve_bytes(memory_bytes)
        self._busy: set[Seat] = set()
        self._open: set[Seat] = set()
        self._changes = 0
        self._changed = threading.Condition()

    @property
    def cpu_count(self) -> int:
        """Return how many CPUs runs may be pinned to."""
        return len(self._cpus)

    @property
    def is_full(self) -> bool:
        """Tell whether no run at all can be admitted now."""
        with self._changed:
            return len(self._busy) >= self.jobs

    def admit(self, demand: Demand) -> Seat | None:
        """Return a seat for a run, None if there is no room now. Raises ValueError for CPUs that there never are."""
        if demand.cpus is not None and not 0 < demand.cpus <= self.cpu_count:
            raise ValueError(f"{demand.cpus} of {self.cpu_count} CPUs cannot be had")
        seat = Seat(self, demand)
        with self._changed:
            if not self._has_room(seat):
                return None
            self._take(seat)
        return seat

    @property
    def changes(self) -> int:
        """Return how often something was given back."""
        return self._changes

    def wait_for_change(self, since: int, *, seconds: float) -> None:
        """Return when something was given back after it had been ``since`` times, after ``seconds`` at the latest."""
        with self._changed:
            self._changed.wait_for(lambda: self._changes != since, seconds)

    def note_change(self) -> None:
        """Wake who waits."""
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def has_busy(self, seat: Seat) -> bool:
        """Tell whether the workload of ``seat`` may still run."""
        with self._changed:
            return seat in self._busy

    def free(self, seat: Seat) -> None:
        """Take back what the workload of ``seat`` took."""
        with self._changed:
            self._busy.discard(seat)
        self.note_change()

    def take_again(self, seat: Seat) -> None:
        """Wait until ``seat`` has what it needs; it may have other CPUs then."""
        with self._changed:
            if seat not in self._busy:
                self._changed.wait_for(lambda: self._has_room(seat))
                self._take(seat)

    def close(self, seat: Seat) -> None:
        """Take back everything of ``seat``."""
        with self._changed:
            self._busy.discard(seat)
            self._open.discard(seat)
        self.note_change()

    def _has_room(self, seat: Seat) -> bool:
        demand, others = seat.demand, self._open - {seat}
        if any(other.demand.is_alone for other in others):
            return False
        if demand.is_alone:
            return not others
        if not self._busy:
            return True
        memory = sum(other.demand.memory_bytes for other in self._busy) + demand.memory_bytes
        return (
            len(self._busy) < self.jobs
            and (self._room is None or memory <= self._room)
            and (demand.cpus or 0) <= len(self._free_cpus())
        )

    def _take(self, seat: Seat) -> None:
        seat.cpus = frozenset(sorted(self._free_cpus())[: seat.demand.cpus or 0])
        self._busy.add(seat)
        self._open.add(seat)

    def _free_cpus(self) -> frozenset[int]:
        return self._cpus.difference(*(seat.cpus for seat in self._busy))


def reserve_bytes(memory_bytes: int) -> int:
    """Return how much of a machine's memory is left to others than runs."""
    return max(LEAST_RESERVE_BYTES, round(memory_bytes * RESERVED))
