"""The cells of one campaign, and how often each is run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from memcap.model.container import ContainerPolicy
from memcap.model.matrix import Cell
from memcap.model.server import ServerWorkload, Service


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The cells of one campaign in the order they are run; neighbours differ in the image only."""

    profile: str
    cells: tuple[Cell, ...]
    runs: int
    warmups: int

    @cached_property
    def soaks(self) -> frozenset[str]:
        """Return the ids of the cells that are soaks."""
        return frozenset(cell.id for cell in self.cells if cell.benchmark.is_soak)

    def runs_of(self, cell_id: str) -> int:
        """Return how often a cell is run: a soak once."""
        return 1 if cell_id in self.soaks else self.runs

    def warmups_of(self, cell_id: str) -> int:
        """Return how often a cell is run before that."""
        return 0 if cell_id in self.soaks else self.warmups

    @property
    def total_runs(self) -> int:
        """Return the runs of all cells together, without warm-ups."""
        return sum(self.runs_of(cell.id) for cell in self.cells)

    @property
    def total_warmups(self) -> int:
        """Return the warm-ups of all cells together."""
        return sum(self.warmups_of(cell.id) for cell in self.cells)

    def policies(self, usual: ContainerPolicy) -> tuple[ContainerPolicy, ...]:
        """Return the policies of its containers; cells without one of their own have the ``usual`` one."""
        found: list[ContainerPolicy] = []
        for cell in self.cells:
            policy = cell.benchmark.policy or usual
            if policy not in found:
                found.append(policy)
        return tuple(found)

    @property
    def servers(self) -> tuple[ServerWorkload, ...]:
        """Return the workloads that are servers."""
        found: list[ServerWorkload] = []
        for cell in self.cells:
            workload = cell.benchmark.workload
            if isinstance(workload, ServerWorkload) and workload not in found:
                found.append(workload)
        return tuple(found)

    @property
    def services(self) -> tuple[Service, ...]:
        """Return what its servers need next to them."""
        found: list[Service] = []
        for server in self.servers:
            found += [service for service in server.services if service not in found]
        return tuple(found)

    @property
    def configured_seconds(self) -> float:
        """Return how long the runs and warm-ups last whose length is configured, one after the other."""
        return sum(cell.configured_seconds * (self.runs_of(cell.id) + self.warmups_of(cell.id)) for cell in self.cells)


@dataclass(frozen=True, kw_only=True)
class PlanProblem:
    """A reason why the daemon cannot honour a cell or an image of the plan."""

    subject: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}. {self.remedy}"
