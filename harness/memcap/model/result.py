"""What is stored: the cells of a campaign with their runs, and baselines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from memcap.model.container import ContainerPolicy
from memcap.model.ending import Ending
from memcap.model.matrix import Budget, Cap, Cell, Metric, Quiet, Thresholds, Tolerance
from memcap.model.measurement import FIELDS, Measurement
from memcap.model.names import image_name, tagged_image_name
from memcap.model.run import ImageFacts
from memcap.model.server import PhaseName
from memcap.model.shard import ShardFacts
from memcap.stats import median
from memcap.units import format_bytes

PROCESS_ENGINE: Final = "process"  # Environment.engine where runs are no containers
# What the metrics mean. It goes up when one of them is defined anew, so that figures of both meanings are not compared.
METRICS_VERSION: Final = 2


@dataclass(frozen=True, kw_only=True)
class CellSummary:
    """What must be known of a cell to judge and print it without its configuration.

    ``quiet`` is what was asked for; ``policy`` that of its containers, None where it is the campaign's. ``is_soak``: it
    is run once, and judged by whether that run leaks.
    """

    id: str
    suite: str
    benchmark: str
    image: str
    cap: Cap
    expected_ending: Ending = Ending.COMPLETED
    budget: Budget | None = None
    tolerances: Mapping[Metric, Tolerance] = field(default_factory=dict)
    extra_metrics: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    alerts: Mapping[str, float] = field(default_factory=dict)
    advice: Mapping[str, str] = field(default_factory=dict)
    variant: str = ""
    quiet: Quiet = field(default_factory=Quiet)
    policy: ContainerPolicy | None = None
    phase_budgets: Mapping[PhaseName, Budget] = field(default_factory=dict)
    expected_phase: PhaseName | None = None
    is_soak: bool = False

    @classmethod
    def of(cls, cell: Cell) -> CellSummary:
        """Return what results keep of ``cell``."""
        benchmark = cell.benchmark
        return cls(
            id=cell.id,
            suite=benchmark.suite,
            benchmark=benchmark.name,
            image=cell.image.name,
            cap=cell.cap,
            expected_ending=cell.expected_ending,
            budget=benchmark.budget,
            tolerances=benchmark.tolerances,
            extra_metrics=benchmark.extra_metrics,
            thresholds=benchmark.thresholds,
            alerts=benchmark.alerts,
            advice=benchmark.advice,
            variant=cell.variant,
            quiet=benchmark.quiet,
            policy=benchmark.policy,
            phase_budgets=benchmark.phase_budgets,
            expected_phase=benchmark.expected_phase,
            is_soak=benchmark.is_soak,
        )


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """All runs of one cell; warm-ups are not among ``runs``.

    ``host`` is the machine that measured it, in a result whose cells were measured by several; None in others, where
    the environment of the result names it.
    """

    cell: CellSummary
    runs: tuple[Measurement, ...]
    warmups: tuple[Measurement, ...] = ()
    host: str | None = None

    @property
    def seconds(self) -> float | None:
        """Return how long a run takes: the median of all, however they ended. None if that was not measured."""
        found = [run.wall_seconds for run in self.runs if run.wall_seconds is not None]
        return median(found) if found else None

    def values(self, metric: Metric) -> tuple[float, ...]:
        """Return the figures of ``metric`` of the runs that have one and ended as expected."""
        expected, field = self.cell.expected_ending, FIELDS[metric]  # a report asks this a million times
        found = [getattr(run, field) for run in self.runs if run.ending is expected]
        return tuple([value for value in found if value is not None])

    def highest_values(self, metric: Metric) -> tuple[float, ...]:
        """Return the upper ends of what ``values`` returns."""
        if metric is not Metric.UNRECLAIMABLE_PEAK:
            return self.values(metric)
        expected = self.cell.expected_ending
        runs = [run for run in self.runs if run.ending is expected]
        return tuple([upper for run in runs if (upper := run.highest(metric)) is not None])

    def extra_values(self, name: str) -> tuple[float, ...]:
        """Return the figures of the extra metric ``name`` of the runs that have one and ended as expected."""
        found = (run.extra.get(name) for run in self.runs if run.ending is self.cell.expected_ending)
        return tuple(value for value in found if value is not None)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a campaign ran: the daemon's machine, which need not be this one.

    ``host`` is its name; None in older files, and in results of several machines. ``cpu_model`` is known only where the
    daemon's machine is this one. In a result of several machines, text that differs is joined, and numbers are None.
    """

    engine: str
    engine_version: str
    cgroup_version: int | None
    cgroup_driver: str
    kernel: str
    operating_system: str
    architecture: str
    cpus: int | None
    memory_bytes: int | None
    swap_accounting: bool | None
    memcap_version: str
    host: str | None = None
    cpu_model: str | None = None


@dataclass(frozen=True, kw_only=True)
class CampaignResult:
    """What one invocation measured; the stored file holds exactly this.

    ``started`` is an ISO 8601 time in UTC; ``plan_cells`` are the ids that were asked for. ``looks`` says after how
    many runs of a cell it was to be judged while more were added (see ``Rules.looks``), the first being ``runs``;
    ``early_looks`` of them (0 or 1) are early.
    ``metrics_version`` is METRICS_VERSION as it was when they were measured. ``shard`` is set where only a part of a
    plan was measured; ``merged_from`` has the ids of the shards that a merged result was made of.
    """

    id: str
    started: str
    command: tuple[str, ...]
    profile: str
    runs: int
    warmups: int
    environment: Environment
    images: Mapping[str, ImageFacts]
    plan_cells: tuple[str, ...]
    cells: tuple[CellResult, ...]
    policy: ContainerPolicy = field(default_factory=ContainerPolicy)
    looks: tuple[int, ...] = ()
    early_looks: int = 0
    metrics_version: int = 1
    shard: ShardFacts | None = None
    merged_from: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """Tell whether every planned cell has its runs."""
        return {cell.cell.id for cell in self.cells} >= set(self.plan_cells)

    @property
    def is_run(self) -> bool:
        """Tell whether `memcap run` measured it: a comparison, or a single command, is not what a check is about."""
        return self.command[:2] == ("memcap", "run")

    @cached_property
    def side_by_side(self) -> frozenset[str]:
        """Return the names of images that were measured beside another tag of theirs, and have the tag in the name."""
        counts = Counter(image_name(facts.reference) for facts in self.images.values())
        return frozenset(
            name
            for name, facts in self.images.items()
            if counts[image_name(facts.reference)] > 1 and name == tagged_image_name(facts.reference)
        )

    @property
    def has_base(self) -> bool:
        """Tell whether another revision was measured beside it: later runs would be no neighbours of its own."""
        return any(word.partition("=")[0] == "--base-ref" for word in self.command)

    def fingerprint(self, image: str) -> Fingerprint:
        """Return what must be alike for figures of ``image`` to be compared with these."""
        facts = self.images.get(image)
        python = facts.python if facts else None
        return Fingerprint(
            image=image,
            architecture=facts.architecture if facts else self.environment.architecture,
            cgroup_version=self.environment.cgroup_version,
            image_origin=facts.origin if facts else None,
            image_digest=facts.content_name if facts else None,
            python_implementation=python.implementation if python else None,
            python_version=python.version if python else None,
            python_build=python.build if python else None,
            libc=python.libc if python else None,
            isolation=PROCESS_ENGINE if self.environment.engine == PROCESS_ENGINE else "container",
            page_size_bytes=self._page_size_bytes,
            metrics_version=self.metrics_version,
        )

    @cached_property
    def _page_size_bytes(self) -> int | None:
        """Return what the supervisor found; all runs are on the machine of one daemon."""
        found = (run.page_size_bytes for cell in self.cells for run in cell.runs)
        return next((size for size in found if size is not None), None)


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What must be alike for two figures of one image to be compared; see ImageFacts.content_name for the digest.

    ``isolation`` is "container", or "process" for plain processes of a machine; ``metrics_version`` that of what the
    metrics mean; ``page_size_bytes`` is unknown in older files.
    """

    image: str
    architecture: str
    cgroup_version: int | None
    image_origin: str | None
    image_digest: str | None
    python_implementation: str | None
    python_version: str | None
    python_build: str | None
    libc: str | None
    isolation: str = "container"
    page_size_bytes: int | None = None
    metrics_version: int = 1


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Why figures were made a baseline, by whom (as git knows them), and the id of the campaign that measured them."""

    reason: str | None = None
    by: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The lowest and the highest end of the intervals of a metric; ``high`` is None where nothing bounds it."""

    low: float
    high: float | None


@dataclass(frozen=True, kw_only=True)
class AcceptedGrowth:
    """What a soak was when it was accepted: the class of its memory (see `LeakClass`), and whether that is a leak.

    ``rate`` is in bytes by ``unit`` and lies between ``low`` and ``high``; None where it is not known.
    """

    kind: str
    leak: bool
    unit: str
    rate: float | None = None
    low: float | None = None
    high: float | None = None

    @property
    def words(self) -> str:
        """Return the class, and the rate of a leak with its interval."""
        label = self.kind.replace("_", " ")
        if not self.leak or self.rate is None or self.low is None or self.high is None:
            return label
        between = f"{format_bytes(self.low)} to {format_bytes(self.high)}"
        return f"{label}, {format_bytes(self.rate)} per {self.unit} ({between})"


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The accepted figures of one cell: how it ends, and the sorted values of each metric that was measured.

    ``intervals`` has the metrics of which a value is in doubt. ``growth`` is of soaks only, which have no values.
    ``seconds`` is about how long a run takes, by which plans are divided into shards; nothing is judged by it.
    """

    cell_id: str
    suite: str
    ending: Ending
    runs: int
    cap_bytes: int
    fingerprint: Fingerprint
    values: Mapping[Metric, tuple[float, ...]]
    intervals: Mapping[Metric, Ends] = field(default_factory=dict)
    growth: AcceptedGrowth | None = None
    accepted: Accepted = Accepted()
    seconds: float | None = None

    def says_the_same_as(self, other: Baseline) -> bool:
        """Tell whether the figures and all that belongs to them are the same, whoever accepted them, whenever."""
        return replace(self, accepted=other.accepted, seconds=other.seconds) == other


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """All accepted cells by their id; ``origin`` says what they are where they are not the project's own baselines."""

    cells: Mapping[str, Baseline] = field(default_factory=dict)
    origin: str = field(default="", compare=False)
