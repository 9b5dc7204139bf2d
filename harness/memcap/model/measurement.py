"""What one run yielded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from memcap.model.ending import Caveat, CaveatKind, Ending
from memcap.model.matrix import Metric
from memcap.model.remedy import BY_ITSELF, ITS_STOP_SIGNAL
from memcap.model.server import ServerRun

STOPPED_BEFORE_ITS_TIME: Final = "it was stopped before its time"  # the detail of a soak that somebody ended
STOPPED_IN_TIME: Final = "the server was stopped, and ended within its grace period"
KILLED_AFTER_GRACE: Final = "the server had to be killed after its grace period"
ENDED_EARLY: Final = "the server ended with exit code 0 before it was stopped"
SERVED_NOTHING: Final = "the load came to nothing"


@dataclass(frozen=True, kw_only=True, slots=True)
class MemorySplit:
    """The cgroup's memory at one moment, in bytes, by what it is used for.

    ``huge`` is the part of ``anon`` in huge pages, ``unevictable`` what is locked. ``unreclaimable`` is what the kernel
    could not take back without swap, as docs/measuring.md defines it.
    """

    usage: int | None = None
    anon: int | None = None
    file: int | None = None
    shmem: int | None = None
    kernel: int | None = None
    slab: int | None = None
    page_tables: int | None = None
    swap: int | None = None
    slab_reclaimable: int | None = None
    sock: int | None = None
    huge: int | None = None
    kernel_stack: int | None = None
    unevictable: int | None = None
    unreclaimable: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class ProcessPeak:
    """The largest resident set (VmHWM) seen of one process, and its share of memory at the container's peak.

    In ``pss_bytes`` a page that n processes map is counted as 1/n. It is None where it was not read: see measuring.md.
    """

    pid: int
    name: str
    vm_hwm_bytes: int
    pss_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class OomFacts:
    """What is known about OOM kills: the cgroup's counter is the proof, the daemon's word is support.

    ``kills`` counts killed processes, ``at_cap`` how often the kernel looked for a victim because this cap was reached
    (cgroup v2), ``group_kills`` how often it killed the whole group, ``cap_hits`` how often the cap was run into.
    """

    kills: int | None = None
    at_cap: int | None = None
    group_kills: int | None = None
    cap_hits: int | None = None
    docker_flag: bool | None = None
    docker_events: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class GcFacts:
    """The garbage collector's totals over the workload, a number per generation."""

    collections: tuple[int, ...]
    collected: tuple[int, ...]
    uncollectable: tuple[int, ...]
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PythonRun:
    """The interpreter that ran the workload, as it reported itself."""

    implementation: str
    version: str
    flags: Mapping[str, int]
    gc: GcFacts | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Phases:
    """What the runner's process held on its way, in bytes: anonymous and shared memory, and page tables.

    Before the workload's module was imported; before its first call; after the last, with the result alive; when that
    was dropped and garbage collected. None where the run did not get that far.
    """

    interpreter_bytes: int | None = None
    imported_bytes: int | None = None
    returned_bytes: int | None = None
    left_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Pressure:
    """What the cap cost: stall time (cgroup v2), file pages read again, periods in which the CPU was throttled."""

    stall_some_seconds: float | None = None
    stall_full_seconds: float | None = None
    refaults: int | None = None
    throttled_periods: int | None = None
    swap_peak_bytes: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Moment:
    """Memory at one time of a run, in bytes: the moment with the most unreclaimable memory of a span.

    ``kernel`` has sockets and locked files in it. ``low`` is the least unreclaimable memory of the span. ``running``
    tells whether the main process ran: it had started, and had not begun to end.
    """

    seconds: float
    usage: int
    anon: int
    file: int
    shmem: int
    kernel: int
    low: int
    running: bool = True

    @property
    def unreclaimable(self) -> int:
        """Return the most unreclaimable memory of the span, by its parts."""
        return self.anon + self.shmem + self.kernel


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What one run yielded.

    ``unreclaimable_peak_bytes`` is the largest sample, or, if ``unreclaimable_from_peak``, what the kernel's own
    high-water mark proves; the true value lies between ``unreclaimable_peak_low_bytes`` and
    ``unreclaimable_peak_high_bytes``, which equal it where there is no doubt. ``cycle_tenths`` are the seconds at which
    a generator's first cycle had ended, and each tenth of those after it; empty where that is not known. ``cpuset``
    names the CPUs that the run was pinned to; empty means none. ``server`` is of servers only.
    """

    ending: Ending
    exit_code: int | None = None
    signal: int | None = None
    detail: str = ""
    oom: OomFacts = field(default_factory=OomFacts)
    cgroup_version: int | None = None
    cap_bytes: int | None = None
    peak_bytes: int | None = None
    unreclaimable_peak_bytes: int | None = None
    unreclaimable_peak_low_bytes: int | None = None
    unreclaimable_peak_high_bytes: int | None = None
    unreclaimable_from_peak: bool = False
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
    at_kill: MemorySplit | None = None
    processes: tuple[ProcessPeak, ...] = ()
    process_count: int | None = None
    python: PythonRun | None = None
    phases: Phases | None = None
    extra: Mapping[str, float] = field(default_factory=dict)
    pressure: Pressure = field(default_factory=Pressure)
    series: tuple[Moment, ...] = ()
    cycle_tenths: tuple[float, ...] = ()
    cpuset: str = ""
    page_size_bytes: int | None = None
    output_tail: str = ""
    caveats: tuple[Caveat, ...] = ()
    server: ServerRun | None = None

    def value(self, metric: Metric) -> float | None:
        """Return the figure of ``metric``, or None where it was not measured."""
        found: float | None = getattr(self, FIELDS[metric])
        return found

    @property
    def last_lines(self) -> str:
        """Return the end of the output that explains the ending: of the service that failed, or of the workload.

        The detail begins with the name of the service.
        """
        services = self.server.services if self.server and self.ending is Ending.SERVICE_FAILED else ()
        failed = self.detail.partition(":")[0]
        return next((each.log_tail for each in services if each.name == failed and each.log_tail), self.output_tail)

    @property
    def explanation(self) -> str:
        """Say in one line how the run ended."""
        return self.ending.explanation if self.server is None else explanation_of_server(self.ending, self.detail)

    def highest(self, metric: Metric) -> float | None:
        """Return the upper end of the figure of ``metric``: what a statement about a limit must use.

        It is the figure itself where that has no interval, or nothing bounds it from above.
        """
        if metric is Metric.UNRECLAIMABLE_PEAK and self.unreclaimable_peak_high_bytes is not None:
            return self.unreclaimable_peak_high_bytes
        return self.value(metric)


def explanation_of_server(ending: Ending, detail: str) -> str:
    """Say in one line how the run of a server ended."""
    if ending is Ending.COMPLETED:
        return STOPPED_IN_TIME
    if ending is Ending.TIMED_OUT and detail.endswith(ITS_STOP_SIGNAL):
        return KILLED_AFTER_GRACE
    if ending is Ending.INCOMPLETE:
        return ENDED_EARLY if BY_ITSELF in detail else SERVED_NOTHING
    return ending.explanation


def peak_is_floor(runs: Iterable[Measurement]) -> bool:
    """Tell whether a run's peak was the container runtime's own start, whose size is random (9 to 17 MiB with runc)."""
    return any(caveat.kind is CaveatKind.PEAK_NEAR_FLOOR for run in runs for caveat in run.caveats)


FIELDS = {
    Metric.PEAK: "peak_bytes",
    Metric.UNRECLAIMABLE_PEAK: "unreclaimable_peak_bytes",
    Metric.RSS_PEAK: "rss_peak_bytes",
    Metric.WALL: "wall_seconds",
    Metric.CPU: "cpu_seconds",
}
