"""A soak: what it is asked to do, and what is seen of the workload while it runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from memcap.model.server import ServerWorkload

FINE_SAMPLES: Final = 480  # that the verdict has at least where the run is long enough for them
SHORTEST_STEP_SECONDS: Final = 0.5
OUTSIDE: Final = "code outside Python"
NOT_FOUND: Final = "something that was not found"
_MOST_STEPS: Final = 4  # of a way in a sentence
MOST_SAMPLES: Final = 50_000  # some 16 MB in the container


@dataclass(frozen=True, kw_only=True)
class SoakRules:
    """What a soak does, and what it is judged by.

    The workload is looked at every ``step_seconds``, for the verdict; a sample that is shown and kept is one every
    ``interval_seconds``. ``max_rss_bytes`` is what the resident memory of all processes together may be, ``rate`` how
    many simulated hours an hour has. ``collects`` says that Python's garbage is collected before each sample;
    ``frames`` is how many callers tracemalloc notes, 0 if it is off. ``explain_seconds`` follow on the duration: they
    are not judged, but used to find what grows and who holds it; 0 if that is not asked for.
    """

    duration_seconds: float
    interval_seconds: float = 60.0
    leak_threshold_bytes: int = 50_000_000
    max_rss_bytes: int | None = None
    top: int = 20
    frames: int = 0
    collects: bool = False
    rate: float = 1.0
    explain_seconds: float = 0.0

    @property
    def whole_seconds(self) -> float:
        """Return how long the workload runs."""
        return self.duration_seconds + self.explain_seconds

    @property
    def step_seconds(self) -> float:
        """Return how often the workload is looked at."""
        return min(self.interval_seconds, max(SHORTEST_STEP_SECONDS, self.duration_seconds / FINE_SAMPLES))

    @property
    def looks(self) -> int:
        """Return how many looks that are."""
        return int(self.duration_seconds / self.step_seconds) + 1


def judged_seconds(rules: SoakRules, server: ServerWorkload | None) -> float:
    """Return how long after its start a workload is judged: the load of a server comes after its warm-up."""
    return rules.duration_seconds + (server.warm_up_seconds if server else 0.0)


@dataclass(frozen=True, kw_only=True)
class MemoryLook:
    """What the supervisor saw at one time: ``seconds`` after the workload's start.

    ``low_bytes`` is the least unreclaimable memory since the look before; the last look at a workload that ended by
    itself has none, as a program gives memory back before it ends. RSS, VMS and PSS are sums over all processes, as
    ``open_files`` and ``threads`` are; they are None where looking takes too much time (docs/measuring.md).
    """

    seconds: float
    unreclaimable_bytes: int | None = None
    low_bytes: int | None = None
    usage_bytes: int | None = None
    huge_bytes: int | None = None
    rss_bytes: int | None = None
    vms_bytes: int | None = None
    pss_bytes: int | None = None
    processes: int | None = None
    threads: int | None = None
    open_files: int | None = None


@dataclass(frozen=True, kw_only=True)
class WorkLook:
    """The work that was done by one time: cycles of a generator, calls of a function, or requests to a server.

    ``done`` counts from the start, and ``failed`` requests too; the times are those of the work since the look before,
    None if there was none. ``metrics`` are the workload's own, of the last cycle.
    """

    seconds: float
    done: int
    failed: int | None = None
    p50_seconds: float | None = None
    p95_seconds: float | None = None
    p99_seconds: float | None = None
    max_seconds: float | None = None
    metrics: Mapping[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PythonLook:
    """What a CPython process says of itself at one time; ``took_seconds`` is how long it stood still for that."""

    seconds: float
    pid: int
    gc_objects: int | None = None
    gc_collections: tuple[int, ...] = ()
    tracemalloc_bytes: int | None = None
    tracemalloc_peak_bytes: int | None = None
    took_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class FinalCollection:
    """A collection of all generations in a function or generator, when the time that is judged was over.

    The collector tracked ``objects_before`` and ``objects_after`` it; the container had ``freed_bytes`` less, None
    where that is not known. ``is_enabled`` tells whether the program lets the collector work.
    """

    seconds: float
    pid: int
    is_enabled: bool
    objects_before: int
    objects_after: int
    freed_bytes: int | None = None


@dataclass(frozen=True, kw_only=True)
class AllocationSite:
    """A line of a program, and what it allocated that still lives. ``source`` is its text, empty if not at hand."""

    file: str
    line: int
    bytes: int
    count: int
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Who holds a thing that grew: ``steps`` lead from a module or a running function to it, the last is the thing.

    It has ``more`` items than before, which hold about ``bytes``; with None it is an object of a type of which there
    are ``more``. If it is not ``rooted``, code outside Python holds the first step; with None the search did not come
    to its end.
    """

    kind: str
    more: int
    bytes: int | None
    rooted: bool | None
    steps: tuple[str, ...]

    @property
    def way(self) -> str:
        """Return the steps to the thing for a sentence, some of many left out."""
        steps = self.steps[:-1] or self.steps
        shown = (*steps[:2], "…", *steps[-2:]) if len(steps) > _MOST_STEPS else steps
        told = " -> ".join(shown)
        return told if self.rooted else f"{NOT_FOUND if self.rooted is None else OUTSIDE}: {told}"


@dataclass(frozen=True, kw_only=True)
class GrownType:
    """A class with more objects than before."""

    name: str
    before: int
    now: int


@dataclass(frozen=True, kw_only=True)
class Grown:
    """What grew in a process from ``since_seconds`` to ``seconds``, the largest first, or ``why_not``.

    ``traced_bytes`` is what Python's allocators gave since then and what lived at the end, ``sites`` the lines of it.
    ``garbage`` are objects that nothing held and nobody had collected, ``frozen`` those of ``gc.freeze``, whose holders
    are not seen. ``took_seconds`` is how long the program stood still for both looks, ``tracing_bytes`` what
    tracemalloc needed. With ``processes`` above 1 it is all of them together, and ``pid`` that of the largest.
    """

    seconds: float
    since_seconds: float
    pid: int
    sites: tuple[AllocationSite, ...] = ()
    types: tuple[GrownType, ...] = ()
    holders: tuple[Holder, ...] = ()
    garbage: int = 0
    frozen: int = 0
    traced_bytes: int = 0
    tracing_bytes: int = 0
    took_seconds: float = 0.0
    processes: int = 1
    why_not: str = ""


@dataclass(frozen=True, kw_only=True)
class SoakSample:
    """What is known of one time: three looks, taken within a step of each other. None: not taken."""

    memory: MemoryLook
    work: WorkLook | None = None
    python: tuple[PythonLook, ...] = ()
