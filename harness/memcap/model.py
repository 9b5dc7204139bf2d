"""The frozen types that travel between the stages: configuration, plan, run, measurement, result.

Bytes are whole numbers, unrounded; seconds are floats; ``None`` means "was not measured", never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path, PurePosixPath

Scalar = str | int | float | bool | None


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


class Ending(str, Enum):
    """How the workload ended. OOM endings are proven by the cgroup's kill counter, never by exit code 137."""

    COMPLETED = "completed"
    FAILED = "failed"
    LOAD_FAILED = "load_failed"
    MEMORY_ERROR = "memory_error"
    CRASHED = "crashed"
    TIMED_OUT = "timed_out"
    OOM_KILLED = "oom_killed"
    OOM_CHILD_NOTICED = "oom_child_noticed"
    OOM_CHILD_SWALLOWED = "oom_child_swallowed"
    OOM_HUNG = "oom_hung"
    KILLED_FROM_OUTSIDE = "killed_from_outside"
    NOT_STARTED = "not_started"
    LOST = "lost"

    @property
    def is_oom(self) -> bool:
        """Tell whether the kernel killed a process of the container at its cap."""
        return self.value.startswith("oom_")

    @property
    def is_infrastructure(self) -> bool:
        """Tell whether the run says nothing about the workload: it may be tried again."""
        return self in (Ending.KILLED_FROM_OUTSIDE, Ending.NOT_STARTED, Ending.LOST)

    @property
    def explanation(self) -> str:
        """Say in one line what happened."""
        return _ENDINGS[self][0]

    @property
    def remedy(self) -> str:
        """Say in one line what to do about it."""
        return _ENDINGS[self][1]


_ENDINGS: dict[Ending, tuple[str, str]] = {
    Ending.COMPLETED: ("the workload ended by itself with exit code 0", ""),
    Ending.FAILED: ("the workload ended with an error of its own", "Read its output."),
    Ending.LOAD_FAILED: (
        "the workload could not be loaded or started",
        "Check `call` or `command` in suite.toml, and that the image has what it needs.",
    ),
    Ending.MEMORY_ERROR: ("the workload raised MemoryError and ended", "Raise the cap or lower the need."),
    Ending.CRASHED: ("the workload was ended by a signal that was not ours", "Read its output; try it alone."),
    Ending.TIMED_OUT: ("the time limit ended the workload", "Raise `time_limit` or shorten the workload."),
    Ending.OOM_KILLED: ("the kernel killed the main process at the cap", "Raise the cap or lower the need."),
    Ending.OOM_CHILD_NOTICED: (
        "the kernel killed a child process at the cap, and the workload ended with an error",
        "Raise the cap or lower the need of the children.",
    ),
    Ending.OOM_CHILD_SWALLOWED: (
        "the kernel killed a child process at the cap, and the workload ended with exit code 0 all the same",
        "Check the exit status of children; results may be incomplete.",
    ),
    Ending.OOM_HUNG: (
        "the kernel killed a child process at the cap, and the workload then hung until its time limit",
        "multiprocessing.Pool waits for ever for a killed worker; use concurrent.futures.",
    ),
    Ending.KILLED_FROM_OUTSIDE: ("somebody else stopped the container", "Run it again."),
    Ending.NOT_STARTED: ("the container never started", "Read the daemon's message; run `memcap doctor`."),
    Ending.LOST: ("the container ended without a report", "Run `memcap doctor`; run it again."),
}


class CaveatKind(str, Enum):
    """A reason to doubt a figure."""

    COLD_PAGE_CACHE = "cold_page_cache"
    SWAP_USED = "swap_used"
    CAP_NOT_AS_ASKED = "cap_not_as_asked"
    PEAK_MISSING = "peak_missing"
    PEAK_NEAR_FLOOR = "peak_near_floor"
    SUPERVISOR_BYTES_DIFFER = "supervisor_bytes_differ"
    OUTPUT_TRUNCATED = "output_truncated"
    MUTABLE_TAG = "mutable_tag"
    EMULATED = "emulated"
    DOCKER_DISAGREES = "docker_disagrees"
    UNLIKE_ENVIRONMENT = "unlike_environment"

    @property
    def remedy(self) -> str:
        """Say in one line how to get rid of the doubt."""
        return _CAVEATS[self]


_CAVEATS: dict[CaveatKind, str] = {
    CaveatKind.COLD_PAGE_CACHE: "Keep at least one warm-up run; close other memory-hungry programs.",
    CaveatKind.SWAP_USED: "Turn swap accounting on, or swap off, on the daemon's machine.",
    CaveatKind.CAP_NOT_AS_ASKED: "Run `memcap doctor`; the daemon's kernel rounds or refuses the cap.",
    CaveatKind.PEAK_MISSING: "Use a kernel of 5.19 or newer (cgroup v2 memory.peak), or judge unreclaimable_peak.",
    CaveatKind.PEAK_NEAR_FLOOR: "Use a larger workload, or judge unreclaimable_peak.",
    CaveatKind.SUPERVISOR_BYTES_DIFFER: "Run again; the cap was raised by another run's supervisor bytes.",
    CaveatKind.OUTPUT_TRUNCATED: "Print less, or raise `container.output_limit` in limits.toml.",
    CaveatKind.MUTABLE_TAG: "Refer to the image by digest, so that the same image is measured next time.",
    CaveatKind.EMULATED: "Use an image of the daemon's own architecture.",
    CaveatKind.DOCKER_DISAGREES: "None needed: the cgroup's counter is the proof; the daemon's word is support.",
    CaveatKind.UNLIKE_ENVIRONMENT: "Accept a baseline made in this environment (`memcap baseline accept`).",
}


@dataclass(frozen=True, kw_only=True)
class Caveat:
    """One doubt about one run's or comparison's figures."""

    kind: CaveatKind
    detail: str


@dataclass(frozen=True, kw_only=True)
class Cap:
    """A named memory limit in bytes."""

    name: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """How far a median may move: a change counts when it exceeds both parts.

    ``relative`` is a fraction (0.02 = 2 %), ``absolute`` is in the metric's unit (bytes or seconds).
    """

    relative: float
    absolute: float


@dataclass(frozen=True, kw_only=True)
class CallWorkload:
    """A Python function or generator function: ``module:function`` with keyword parameters.

    A generator is stopped after ``cycles`` yields or ``duration_seconds``, whichever is first.
    """

    call: str
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    warmups: int = 0
    cycles: int | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class CommandWorkload:
    """Any program with its arguments, as in `docker run IMAGE ARGV`; empty means the image's own command."""

    argv: tuple[str, ...]


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


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """One workload of a suite, with what is expected of it.

    ``cap_names`` empty means: the caps of the profile. ``expect`` maps a cap's name to the expected ending;
    ``"*"`` stands for all other caps. ``extra_metrics`` maps the names that the workload returns to their units.
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
    env: Mapping[str, str] = field(default_factory=dict)
    time_limit_seconds: float | None = None

    def expected_ending(self, cap_name: str) -> Ending:
        """Return how the workload should end under the cap."""
        return self.expect.get(cap_name, self.expect.get("*", Ending.COMPLETED))


@dataclass(frozen=True, kw_only=True)
class Suite:
    """A folder of benchmarks; ``requirements`` is its lock file, if it has one."""

    name: str
    directory: Path
    description: str
    benchmarks: tuple[Benchmark, ...]
    requirements: Path | None = None


@dataclass(frozen=True, kw_only=True)
class ImageSource:
    """An image to run workloads in: a folder with a Dockerfile, or a reference to an existing image."""

    name: str
    directory: Path | None = None
    reference: str | None = None


@dataclass(frozen=True, kw_only=True)
class ContainerPolicy:
    """What every container is allowed; the defaults allow almost nothing."""

    network: bool = False
    pids: int = 512
    output_limit_bytes: int = 1024 * 1024
    sample_interval_seconds: float = 0.010
    hostname: str = "memcap"
    env: Mapping[str, str] = field(default_factory=lambda: {"PYTHONHASHSEED": "0"})


@dataclass(frozen=True, kw_only=True)
class Profile:
    """Which suites, images and caps to run, and how often. An empty tuple means all."""

    name: str
    suites: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    caps: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    runs: int = 5
    warmups: int = 1


@dataclass(frozen=True, kw_only=True)
class Config:
    """All configuration files of a project, validated."""

    root: Path
    caps: Mapping[str, Cap]
    profiles: Mapping[str, Profile]
    tolerances: Mapping[Metric, Tolerance]
    suites: Mapping[str, Suite]
    images: Mapping[str, ImageSource]
    policy: ContainerPolicy
    run_time_limit_seconds: float
    minimum_runs: int

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
    """Benchmark x image x cap: what is measured and judged as one."""

    benchmark: Benchmark
    image: ImageSource
    cap: Cap

    @property
    def id(self) -> str:
        """Return the one string that names this cell everywhere."""
        return f"{self.benchmark.suite}.{self.benchmark.name}-{self.image.name}-{self.cap.name}"

    @property
    def expected_ending(self) -> Ending:
        """Return how the workload should end in this cell."""
        return self.benchmark.expected_ending(self.cap.name)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The cells of one campaign in the order they are run; neighbours differ in the image only."""

    profile: str
    cells: tuple[Cell, ...]
    runs: int
    warmups: int


@dataclass(frozen=True, kw_only=True)
class PythonFacts:
    """The interpreter of an image, as it describes itself."""

    executable: str
    implementation: str
    version: str
    build: str
    libc: str


@dataclass(frozen=True, kw_only=True)
class ImageFacts:
    """An image as it is on the daemon. ``origin`` says where it came from, in words."""

    name: str
    reference: str
    id: str
    digest: str | None
    origin: str
    architecture: str
    python: PythonFacts | None
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    working_directory: str = ""
    mutable: bool = False

    @property
    def content_name(self) -> str:
        """Return what changes when the image's contents do: its digest, or the content-addressed tag of our own builds.

        Their id would change with every build, as it holds the time; for other images without a digest it must do.
        """
        return self.digest or (self.id if self.mutable else self.reference)


@dataclass(frozen=True, kw_only=True)
class Layer:
    """The image derived from (image, suite), ready to run: probe, suite files and dependencies are in it."""

    image: ImageFacts
    suite: str
    id: str
    search_path: tuple[PurePosixPath, ...]


@dataclass(frozen=True, kw_only=True)
class CampaignSettings:
    """What one campaign is given beside its plan.

    ``started`` is an ISO 8601 time in UTC, ``jobs`` how many containers may run at once.
    """

    id: str
    started: str
    command: tuple[str, ...]
    policy: ContainerPolicy
    time_limit_seconds: float
    jobs: int


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """Everything an engine needs to execute one run.

    ``cap_bytes`` is what the workload was promised; ``supervisor_bytes`` is added to it for the supervisor.
    """

    campaign: str
    cell_id: str
    name: str
    image_id: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cap_bytes: int
    supervisor_bytes: int
    time_limit_seconds: float
    policy: ContainerPolicy
    working_directory: str = ""
    user: str = ""


@dataclass(frozen=True, kw_only=True)
class RawRun:
    """What an engine brings back from one run: files as text, and the daemon's facts."""

    report: str | None
    workload_journal: str
    supervisor_journal: str
    output: str
    error_output: str
    output_truncated: bool
    exit_code: int | None
    oom_killed_flag: bool | None
    oom_events: int | None
    memory_limit_bytes: int | None
    memory_swap_limit_bytes: int | None
    daemon_error: str | None = None


@dataclass(frozen=True, kw_only=True)
class MemorySplit:
    """The cgroup's memory at one moment, in bytes, by what it is used for."""

    usage: int | None = None
    anon: int | None = None
    file: int | None = None
    shmem: int | None = None
    kernel: int | None = None
    slab: int | None = None
    page_tables: int | None = None
    swap: int | None = None

    @property
    def unreclaimable(self) -> int | None:
        """Return anon + shmem + kernel: what the kernel cannot give back without swap."""
        if self.anon is None or self.shmem is None or self.kernel is None:
            return None
        return self.anon + self.shmem + self.kernel


@dataclass(frozen=True, kw_only=True)
class ProcessPeak:
    """The largest resident set (VmHWM) seen of one process."""

    pid: int
    name: str
    vm_hwm_bytes: int


@dataclass(frozen=True, kw_only=True)
class OomFacts:
    """What is known about OOM kills: the cgroup's counter is the proof, the daemon's word is support."""

    kills: int | None = None
    docker_flag: bool | None = None
    docker_events: int | None = None


@dataclass(frozen=True, kw_only=True)
class GcFacts:
    """The garbage collector's totals over the workload, a number per generation."""

    collections: tuple[int, ...]
    collected: tuple[int, ...]
    uncollectable: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class PythonRun:
    """The interpreter that ran the workload, as it reported itself."""

    implementation: str
    version: str
    flags: Mapping[str, int]
    gc: GcFacts | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one run yielded."""

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    detail: str = ""
    oom: OomFacts = field(default_factory=OomFacts)
    cgroup_version: int | None = None
    cap_bytes: int | None = None
    peak_bytes: int | None = None
    unreclaimable_peak_bytes: int | None = None
    rss_peak_bytes: int | None = None
    floor_bytes: int | None = None
    supervisor_bytes: int | None = None
    wall_seconds: float | None = None
    cpu_seconds: float | None = None
    minor_faults: int | None = None
    major_faults: int | None = None
    samples: int | None = None
    at_start: MemorySplit = field(default_factory=MemorySplit)
    at_peak: MemorySplit = field(default_factory=MemorySplit)
    at_end: MemorySplit = field(default_factory=MemorySplit)
    processes: tuple[ProcessPeak, ...] = ()
    process_count: int | None = None
    python: PythonRun | None = None
    extra: Mapping[str, float] = field(default_factory=dict)
    output_tail: str = ""
    caveats: tuple[Caveat, ...] = ()

    def value(self, metric: Metric) -> float | None:
        """Return the figure of ``metric``, or None where it was not measured."""
        return {
            Metric.PEAK: self.peak_bytes,
            Metric.UNRECLAIMABLE_PEAK: self.unreclaimable_peak_bytes,
            Metric.RSS_PEAK: self.rss_peak_bytes,
            Metric.WALL: self.wall_seconds,
            Metric.CPU: self.cpu_seconds,
        }[metric]


@dataclass(frozen=True, kw_only=True)
class CellSummary:
    """What must be known of a cell to judge and print it without its configuration."""

    id: str
    suite: str
    benchmark: str
    image: str
    cap: Cap
    expected_ending: Ending = Ending.COMPLETED
    budget: Budget | None = None
    tolerances: Mapping[Metric, Tolerance] = field(default_factory=dict)
    extra_metrics: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class CellResult:
    """All runs of one cell; warm-ups are not among ``runs``."""

    cell: CellSummary
    runs: tuple[Measurement, ...]
    warmups: tuple[Measurement, ...] = ()

    def values(self, metric: Metric) -> tuple[float, ...]:
        """Return the figures of ``metric`` of the runs that have one and ended as expected."""
        found = (run.value(metric) for run in self.runs if run.ending is self.cell.expected_ending)
        return tuple(value for value in found if value is not None)


@dataclass(frozen=True, kw_only=True)
class Environment:
    """Where a campaign ran: the daemon's machine, which need not be this one."""

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


@dataclass(frozen=True, kw_only=True)
class CampaignResult:
    """What one invocation measured; the stored file holds exactly this.

    ``started`` is an ISO 8601 time in UTC; ``plan_cells`` are the ids that were asked for.
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

    @property
    def complete(self) -> bool:
        """Tell whether every planned cell has its runs."""
        return {cell.cell.id for cell in self.cells} >= set(self.plan_cells)

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
        )


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What must be alike for two figures of one image to be compared; see ImageFacts.content_name for the digest."""

    image: str
    architecture: str
    cgroup_version: int | None
    image_origin: str | None
    image_digest: str | None
    python_implementation: str | None
    python_version: str | None
    python_build: str | None
    libc: str | None


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """The accepted figures of one cell: how it ends, and the sorted values of each metric that was measured."""

    cell_id: str
    suite: str
    ending: Ending
    runs: int
    cap_bytes: int
    fingerprint: Fingerprint
    values: Mapping[Metric, tuple[float, ...]]


@dataclass(frozen=True, kw_only=True)
class Baselines:
    """All accepted cells by their id."""

    cells: Mapping[str, Baseline] = field(default_factory=dict)


class VerdictState(str, Enum):
    """What a comparison says about one cell."""

    UNCHANGED = "unchanged"
    IMPROVED = "improved"
    REGRESSED = "regressed"
    NOT_ENOUGH_DATA = "not enough data"
    NEW = "new"
    GONE = "gone"
    INCOMPARABLE = "incomparable"
    BUDGET_BROKEN = "budget broken"
    ENDING_CHANGED = "ending changed"
    WORKLOAD_FAILED = "workload failed"
    INFRASTRUCTURE = "infrastructure"


@dataclass(frozen=True, kw_only=True)
class MetricVerdict:
    """What was found for one metric of one cell; ``base`` and ``new`` are medians in the metric's unit."""

    metric: Metric
    state: VerdictState
    base: float | None
    new: float | None
    detail: str = ""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What is said of one cell: the worst of its parts, a one-line summary, what to do about it, and the parts.

    ``output`` is the end of what a workload printed that did not end as expected.
    """

    cell_id: str
    state: VerdictState
    summary: str
    remedy: str = ""
    output: str = ""
    metrics: tuple[MetricVerdict, ...] = ()
    caveats: tuple[Caveat, ...] = ()


@dataclass(frozen=True, kw_only=True)
class PlanProblem:
    """A reason why the daemon cannot honour a cell or an image of the plan."""

    subject: str
    reason: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.subject}: {self.reason}. {self.remedy}"
