"""What is to be measured: caps, benchmarks, suites, images, profiles, and the cells that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import MappingProxyType
from typing import Final

from memcap.model.container import ContainerPolicy
from memcap.model.ending import Ending
from memcap.model.image_source import ImageSource
from memcap.model.server import PhaseName, ServerWorkload
from memcap.model.workload import CallWorkload, CommandWorkload
from memcap.units import format_bytes, format_seconds

OF_NO_SUITE: Final = "measure"  # what stands for the suite of a command that belongs to none
BASE_MARK: Final = ".base"  # behind the name of an image of another revision; names of images have no dots
COLD: Final = "cold"  # the variant of a cell whose runs read the image's files from disk
UNCAPPED: Final = "uncapped"  # what is shown in place of a memory limit that is none
# From here on a memory limit is none: cgroup v1 spells "no limit" as the largest number of whole pages, 2**63 - 4096.
NO_CAP_BYTES: Final = 2**62
MINIMUM_CAP_BYTES: Final = 6 * 1024**2  # Docker refuses less


def limit_of(size: int | None) -> int | None:
    """Return a memory limit as a kernel, Docker or a stored cap spells it; None where ``size`` stands for no limit."""
    return size if size and size < NO_CAP_BYTES else None


TIME_UNITS: Final = frozenset({"second", "seconds", "s", "ms", "us", "µs", "ns", "minutes", "min", "hours", "h"})


class Metric(str, Enum):
    """A figure that is stored, judged and printed under this one name."""

    PEAK = "peak"
    UNRECLAIMABLE_PEAK = "unreclaimable_peak"
    RSS_PEAK = "rss_peak"
    WALL = "wall"
    CPU = "cpu"

    @property
    def unit(self) -> str:
        """Name the unit the way pyperf does."""
        return "second" if self in (Metric.WALL, Metric.CPU) else "byte"

    def shown(self, value: float) -> str:
        """Return ``value`` of this metric with its unit, for a reader."""
        return format_bytes(value) if self.unit == "byte" else format_seconds(value)


@dataclass(frozen=True, kw_only=True)
class Cap:
    """A named memory limit in bytes; a cell without a limit has NO_CAP_BYTES or more."""

    name: str
    bytes: int

    @property
    def limit_bytes(self) -> int | None:
        """Return the limit, None where there is none. Whatever is shown or written for others is this."""
        return limit_of(self.bytes)


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far a median may move: a change counts when it exceeds both parts.

    ``relative`` is a fraction (0.02 = 2 %), ``absolute`` is in the metric's unit (bytes or seconds).
    """

    relative: float
    absolute: float


# How far a metric may move where limits.toml has no [tolerances]; docs/statistics.md says what these find.
DEFAULT_TOLERANCES: Final[Mapping[Metric, Tolerance]] = MappingProxyType(
    {
        Metric.PEAK: Tolerance(relative=0.01, absolute=512 * 1024),
        Metric.UNRECLAIMABLE_PEAK: Tolerance(relative=0.0025, absolute=256 * 1024),
        Metric.RSS_PEAK: Tolerance(relative=0.01, absolute=512 * 1024),
    }
)


class Grade(str, Enum):
    """How good a figure is by its thresholds; ``marginal`` lies between acceptable and poor."""

    EXCELLENT = "excellent"
    GOOD = "good"
    ACCEPTABLE = "acceptable"
    MARGINAL = "marginal"
    POOR = "poor"


@dataclass(frozen=True, kw_only=True)
class Thresholds:
    """The figures up to which a metric is excellent, good, acceptable, and beyond which it is poor.

    They rise where less is better and fall where more is better.
    """

    excellent: float
    good: float
    acceptable: float
    poor: float

    def grade(self, value: float) -> Grade:
        """Return the grade of ``value``. A value on a threshold has the better grade."""
        sign = 1 if self.excellent <= self.poor else -1
        for limit, grade in (
            (self.excellent, Grade.EXCELLENT),
            (self.good, Grade.GOOD),
            (self.acceptable, Grade.ACCEPTABLE),
            (self.poor, Grade.MARGINAL),
        ):
            if sign * value <= sign * limit:
                return grade
        return Grade.POOR


@dataclass(frozen=True, kw_only=True)
class AlertLimits:
    """When to alert: the part of the cap that is needed, growth over a run's cycles, the part of the time spent in GC.

    ``growth_bytes`` counts for generator workloads only. None turns an alert off.
    """

    cap_share: float | None = 0.8
    growth_bytes: int | None = 10 * 1024 * 1024
    gc_share: float | None = 0.1


@dataclass(frozen=True, kw_only=True)
class Rules:
    """By what results are judged; the keys of ``tolerances`` are the metrics compared.

    ``false_alarms`` is how often a check of unchanged code may call something changed (0.01: once in a hundred checks).
    ``looks`` is how often the same runs are judged while more are added; each look gets its part of that. The first
    ``early_looks`` of them (0 or 1) may call a cell unchanged, and nothing else.
    ``same_image`` compares figures of the very same image only, not of another build of it. ``allow_new`` lets a cell
    without a baseline pass although its benchmark has others.
    """

    tolerances: Mapping[Metric, Tolerance] = field(default_factory=lambda: DEFAULT_TOLERANCES)
    minimum_runs: int = 5
    false_alarms: float = 0.01
    alerts: AlertLimits = field(default_factory=AlertLimits)
    looks: int = 1
    early_looks: int = 0
    same_image: bool = False
    allow_new: bool = False


# A ServerWorkload is a CommandWorkload.
Workload = CallWorkload | CommandWorkload


@dataclass(frozen=True, kw_only=True)
class Budget:
    """An absolute limit for one metric; over ``limit_bytes * (1 + margin)`` it is broken."""

    metric: Metric
    limit_bytes: int
    margin: float = 0.0

    @property
    def ceiling_bytes(self) -> int:
        """Return the bytes above which the budget is broken."""
        return int(self.limit_bytes * (1 + self.margin))


def projected_names(metric: str, cycle: int) -> tuple[str, str, str]:
    """Return the names of what ``metric`` will be after ``cycle`` cycles: the estimate, and the interval's two ends."""
    name = f"{metric}_at_{cycle}"
    return name, f"{name}_low", f"{name}_high"


@dataclass(frozen=True, kw_only=True)
class Quiet:
    """How still the surroundings of a workload are kept; what quiets one workload can disturb another.

    ``pin_cpus`` pins each run to that many CPUs (None: not pinned); ``thp`` and ``aslr`` False turn transparent huge
    pages and address space randomisation off. Hash seed and malloc arenas are environment variables.
    """

    pin_cpus: int | None = None
    thp: bool = True
    aslr: bool = True


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One workload of a suite, with what is expected of it.

    ``cap_names`` empty means: the caps of the profile. ``expect`` maps a cap's name to the expected ending;
    ``"*"`` stands for all other caps. ``extra_metrics`` maps the names that the workload returns to their units;
    ``thresholds`` and ``alerts`` (a figure above which to alert) are of these, or of a Metric by its name, and so is
    ``advice``: what to do where its grade is less than acceptable, or its budget broken.
    ``projections`` says for which later cycles an extra metric of a generator is projected; see projected_names.
    ``policy`` is of its own containers (None: that of the project), and ``env`` is added to that.
    ``phase_budgets`` are of a server's phases; ``expected_phase`` is the one in which it should end (None: any).
    ``is_soak``: one long run, of which is judged whether it leaks.
    """

    suite: str
    name: str
    workload: Workload
    description: str = ""
    cap_names: tuple[str, ...] = ()
    budget: Budget | None = None
    tolerances: Mapping[Metric, Tolerance] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    expect: Mapping[str, Ending] = field(default_factory=dict)
    extra_metrics: Mapping[str, str] = field(default_factory=dict)
    thresholds: Mapping[str, Thresholds] = field(default_factory=dict)
    alerts: Mapping[str, float] = field(default_factory=dict)
    advice: Mapping[str, str] = field(default_factory=dict)
    projections: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    policy: ContainerPolicy | None = None
    quiet: Quiet = field(default_factory=Quiet)
    time_limit_seconds: float | None = None
    phase_budgets: Mapping[PhaseName, Budget] = field(default_factory=dict)
    expected_phase: PhaseName | None = None
    is_soak: bool = False

    @property
    def returned_metrics(self) -> tuple[str, ...]:
        """Return the extra metrics that the workload itself has to return: those that are not projected."""
        projected = {
            name
            for metric, cycles in self.projections.items()
            for cycle in cycles
            for name in projected_names(metric, cycle)
        }
        return tuple(name for name in self.extra_metrics if name not in projected)

    @property
    def judges_time(self) -> bool:
        """Tell whether a time of the workload's is judged, which other runs beside it would change."""
        judged = {metric.value: metric.unit for metric in Metric} | dict(self.extra_metrics)
        return any(judged.get(name) in TIME_UNITS for name in (*self.tolerances, *self.thresholds, *self.alerts))

    def expected_ending(self, cap_name: str) -> Ending:
        """Return how the workload should end under the cap."""
        return self.expect.get(cap_name, self.expect.get("*", Ending.COMPLETED))


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A folder of benchmarks; ``requirements`` is its lock file, if it has one.

    ``total_seconds`` is how long one run of each of its cells in one image may take together, by their time limits.
    """

    name: str
    directory: Path
    description: str
    benchmarks: tuple[Benchmark, ...]
    requirements: Path | None = None
    total_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Which suites, images and caps to run, how often, and how long that may take. An empty tuple means all."""

    name: str
    suites: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    runs: int = 5
    warmups: int = 1
    within_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class Config:
    """All configuration files of a project, validated."""

    root: Path
    caps: Mapping[str, Cap]
    profiles: Mapping[str, Profile]
    rules: Rules
    suites: Mapping[str, Suite]
    images: Mapping[str, ImageSource]
    policy: ContainerPolicy
    run_time_limit_seconds: float

    @property
    def baseline_directory(self) -> Path:
        """Return the folder of the committed baselines."""
        return self.root / "results" / "baselines"

    @property
    def results_directory(self) -> Path:
        """Return the folder that campaigns write to."""
        return self.root / "results"


@dataclass(frozen=True, kw_only=True)
class Cell:
    """Benchmark x image x cap: what is measured and judged as one.

    ``variant`` tells several ways to run one benchmark apart. Names have no dots, so no benchmark has a variant's id.
    """

    benchmark: Benchmark
    image: ImageSource
    cap: Cap
    variant: str = ""

    @property
    def id(self) -> str:
        """Return the one string that names this cell everywhere: ``suite.benchmark[.variant]-image-cap``."""
        variant = f".{self.variant}" if self.variant else ""
        return f"{self.benchmark.suite}.{self.benchmark.name}{variant}-{self.image.name}-{self.cap.name}"

    @property
    def memory_bytes(self) -> int:
        """Return how much memory a run may take together with the services next to it."""
        workload = self.benchmark.workload
        services = workload.services if isinstance(workload, ServerWorkload) else ()
        return self.cap.bytes + sum(service.cap_bytes for service in services)

    @property
    def is_cold(self) -> bool:
        """Tell whether the page cache is emptied of the image's files before each run."""
        return COLD in self.variant.split(".")

    @property
    def configured_seconds(self) -> float:
        """Return how long a run lasts by the workload's `duration`; 0 if nobody knows."""
        workload = self.benchmark.workload
        if isinstance(workload, ServerWorkload):
            return workload.configured_seconds
        return (workload.duration_seconds or 0.0) if isinstance(workload, CallWorkload) else 0.0

    @property
    def expected_ending(self) -> Ending:
        """Return how the workload should end in this cell."""
        return self.benchmark.expected_ending(self.cap.name)
