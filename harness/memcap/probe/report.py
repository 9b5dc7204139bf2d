"""The format of what the probe reports, as the host reads it: the supervisor's report and the runner's journal.

Format 3 of ``report.json`` (written by ``csrc/supervisor.c``): one JSON object. Byte fields end in ``_bytes``; a field
the kernel did not offer is ``null``. ``peak_bytes`` is the kernel's high-water mark of the cgroup at the end,
``peak_at_start_bytes`` the same before the workload was started; ``unreclaimable_peak_bytes`` is the largest sample of
what ``csrc/need.h`` defines, ``low_from_peak_bytes`` and ``high_from_peak_bytes`` are the bounds of ``csrc/evidence.h``
(the lower one still with what the kernel charges ahead), ``doubted_peak_bytes`` the largest sample with what may or may
not be needed, and ``max_file_bytes`` the largest sample of page cache. ``mapped_elsewhere_bytes`` is how much more of
files one process mapped than this cgroup was charged for, ``disk_read_bytes`` what the processes read from disk.
``at_start``, ``at_peak`` (the sample with the most unreclaimable memory), ``at_kill`` (the last before the kernel was
seen to have killed, or null) and ``at_end`` are splits of the cgroup's memory. ``series`` is memory over time: at
most 256 rows of milliseconds since the start, then in KiB usage, anon, file, shmem and the rest of unreclaimable
memory at the moment with the most of it in the row's time span, the least unreclaimable memory of that span, and what
the main process did: 0 starting, 1 running, 2 ending.
``supervisor_bytes`` is what can be seen of the supervisor's need; ``supervisor_unseen_bytes`` the rest, measured in a
calibration only. ``cpu_us`` is the CPU time of the cgroup without the supervisor's. ``kills_while_main_lived`` is the
kill counter when the main process was last seen alive; ``killed_others`` counts other processes that SIGKILL ended and
the supervisor reaped. ``shm_peak_bytes`` is the largest use of /dev/shm that was seen.
``started_ns`` is the machine's monotonic clock when the workload was started, from which all other times count;
``stopped_at_ns`` is when a server or soak got its stop signal, and ``grace_over`` whether it did not end in time after
that. ``limit_exceeded`` is the limit that was broken: ``cpu_time``, ``disk`` or ``rss``.
``oom_events`` and ``oom_group_kills`` are the counters ``oom`` and ``oom_group_kill`` of cgroup v2;
``stall_*`` are its memory pressure. ``thp_off`` and ``aslr_off`` are null if not asked for, false if the container may
not. ``page_size_bytes`` is the kernel's. ``load_percent`` is the load average of the whole machine over a minute, in
percent of one CPU. ``exec_errno`` is the kernel's error when the workload could not be started; ``exec_problem`` and
``exec_needs`` are what ``csrc/refused.h`` found out about it: the interpreter or loader that is missing, say.

Without a cgroup ``cgroup_version`` and everything that only a cgroup knows is null; the splits are sums over the
workload's processes (``kernel``: their page tables), ``cap_bytes`` is where the supervisor's watchdog ended them, and
``watchdog_kill`` whether it did.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeVar

from memcap.errors import FileFormatError
from memcap.model import GcFacts, MemorySplit, Moment, ProcessPeak, PythonRun
from memcap.probe.fields import (
    read_flag,
    read_flags,
    read_items,
    read_metrics,
    read_moment,
    read_seconds,
    read_text,
    read_whole,
)
from memcap.strict import parse_json, read_object

FORMAT = 3

_T = TypeVar("_T")


class ReportError(FileFormatError):
    """What the probe wrote cannot be understood."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process of the container, and which one started it (PIDs in the container's own namespace)."""

    peak: ProcessPeak
    parent_pid: int | None


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the supervisor wrote about one run; see the module's text for the fields."""

    cgroup_version: int | None
    cap_bytes: int | None
    swap_cap_bytes: int | None
    peak_bytes: int | None
    peak_at_start_bytes: int | None
    unreclaimable_peak_bytes: int | None
    low_from_peak_bytes: int | None
    high_from_peak_bytes: int | None
    doubted_peak_bytes: int | None
    max_file_bytes: int | None
    mapped_elsewhere_bytes: int | None
    disk_read_bytes: int | None
    rss_peak_bytes: int | None
    supervisor_bytes: int | None
    supervisor_unseen_bytes: int | None
    supervisor_cpu_ns: int | None
    cpu_us: int | None
    oom_kills: int | None
    kills_while_main_lived: int | None
    killed_others: int | None
    oom_events: int | None
    oom_group_kills: int | None
    cap_hits: int | None
    refaults: int | None
    swap_peak_bytes: int | None
    stall_some_us: int | None
    stall_full_us: int | None
    throttled_periods: int | None
    shm_size_bytes: int | None
    shm_used_bytes: int | None
    shm_peak_bytes: int | None
    page_size_bytes: int | None
    clock_step_ns: int | None
    load_percent: int | None
    apart: bool | None
    thp_off: bool | None
    aslr_off: bool | None
    exec_errno: int | None
    exec_problem: str | None
    exec_needs: str | None
    exit_code: int | None
    signal: int | None
    timed_out: bool
    limit_exceeded: str | None
    watchdog_kill: bool
    stopped_by_signal: int | None
    started_ns: int | None
    stopped_at_ns: int | None
    grace_over: bool
    wall_ns: int | None
    user_us: int
    system_us: int
    minor_faults: int
    major_faults: int
    samples: int
    sample_interval_ns: int
    process_count: int
    main_pid: int | None
    cpus: tuple[int, ...]
    at_start: MemorySplit
    at_peak: MemorySplit
    at_end: MemorySplit
    at_kill: MemorySplit | None
    processes: tuple[Process, ...]
    series: tuple[Moment, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """An exception: its class and its words."""

    type: str
    message: str


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One step of a generator, with the metrics that it yielded; None is one that is no figure."""

    seconds: float
    metrics: Mapping[str, float | None]


@dataclass(frozen=True, kw_only=True)
class Cycled:
    """When the first and the last step of a generator ended, in seconds since its process was started."""

    first: float
    last: float


@dataclass(frozen=True, kw_only=True)
class Phase:
    """What the runner's process held at one point of its way (anonymous and shared memory, page tables), if known."""

    name: str
    bytes: int | None


@dataclass(frozen=True, kw_only=True)
class End:
    """The workload returned: how many cycles it had (None for a function), and its last metrics.

    A metric is None where what was returned is no figure: not finite, or absurd.
    """

    cycles: int | None
    metrics: Mapping[str, float | None]
    gc: GcFacts | None


@dataclass(frozen=True, kw_only=True)
class WorkloadJournal:
    """What the runner wrote; None where the run did not get that far. ``phases`` are bytes by the phase's name.

    ``start`` is the interpreter that the runner runs in, as it was before the workload.
    """

    start: PythonRun | None = None
    load_error: Failure | None = None
    raised: Failure | None = None
    end: End | None = None
    cycles: tuple[Cycle, ...] = ()
    cycled: Cycled | None = None
    phases: Mapping[str, int | None] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class LastSample:
    """What the supervisor noted of a run while it went on."""

    elapsed_ns: int
    peak_bytes: int
    unreclaimable_peak_bytes: int


def parse_report(text: str) -> Report:
    """Return the supervisor's report.

    Raises ReportError when the text is cut off, of another format, lacks a field, or has one that cannot be true.
    """
    try:
        data = read_object("the supervisor's report", text)
    except FileFormatError as error:
        raise ReportError(" ".join(error.message.split())) from error
    if data.get("format") != FORMAT:
        raise ReportError(f"the supervisor's report is not of format {FORMAT}")
    try:
        return _read(Report, data)
    except KeyError as error:
        raise ReportError(f"the supervisor's report lacks a field: {error}") from error
    except TypeError as error:
        raise ReportError(f"the supervisor's report is malformed: {error}") from error


def parse_last_sample(text: str) -> LastSample | None:
    """Return the last line of the supervisor's journal that has all figures; None if there is none.

    A kill may have cut off the last line, and lines may be somebody else's.
    """
    for line in reversed(text.splitlines()):
        try:
            return _read(LastSample, parse_json("the supervisor's journal", line))
        except (FileFormatError, KeyError, TypeError):
            continue
    return None


def parse_journal(text: str) -> WorkloadJournal:
    """Return the runner's journal; a last line that a kill cut off, and lines of somebody else, are left out."""
    events: dict[str, Any] = {}
    cycles: list[Cycle] = []
    phases: dict[str, int | None] = {}
    for line in text.splitlines():
        try:
            data = parse_json("the workload's journal", line)
            kind = data["event"]
            if kind == "cycle":
                cycles.append(_read(Cycle, data))
            elif kind == "phase":
                phase = _read(Phase, data)
                phases[phase.name] = phase.bytes
            elif kind in ("load_error", "raised"):
                events[kind] = _read(Failure, data)
            elif kind == "start":
                events[kind] = _read(PythonRun, data, without=("gc", "error"))
            elif kind == "cycled":
                events[kind] = _read(Cycled, data)
            elif kind == "end":
                events[kind] = _read(End, data)
        except (FileFormatError, KeyError, TypeError):
            continue
    return WorkloadJournal(**events, cycles=tuple(cycles), phases=phases)


# The workload may write to the folder of these files as well, so nothing is taken for what it should be.
def _read(kind: type[_T], data: Any, *, without: tuple[str, ...] = ()) -> _T:
    """Build ``kind`` from the JSON object ``data``, which has all its fields but those of ``without``.

    Raises KeyError for a missing field, TypeError for a wrong one.
    """
    if not isinstance(data, dict):
        raise TypeError(f"{type(data).__name__} instead of an object")
    found = {}
    for each in fields(kind):  # type: ignore[arg-type]
        if each.name in without:
            continue
        try:
            found[each.name] = _READERS[str(each.type)](data[each.name])
        except TypeError as error:
            raise TypeError(f"{each.name}: {error}") from error
    return kind(**found)


def _read_process(data: Any) -> Process:
    return Process(peak=_read(ProcessPeak, data), parent_pid=_READERS["int | None"](data["parent_pid"]))


_READERS: dict[str, Callable[[Any], Any]] = {
    "int": read_whole,
    "int | None": lambda value: None if value is None else read_whole(value),
    "bool": read_flag,
    "bool | None": lambda value: None if value is None else read_flag(value),
    "str": read_text,
    "str | None": lambda value: None if value is None else read_text(value),
    "float": read_seconds,
    "Mapping[str, float | None]": read_metrics,
    "Mapping[str, int]": read_flags,
    "tuple[int, ...]": lambda value: tuple(read_whole(number) for number in read_items(value)),
    "tuple[Moment, ...]": lambda value: tuple(read_moment(row) for row in read_items(value)),
    "MemorySplit": lambda value: _read(MemorySplit, value),
    "MemorySplit | None": lambda value: None if value is None else _read(MemorySplit, value),
    "tuple[Process, ...]": lambda value: tuple(_read_process(process) for process in read_items(value)),
    "GcFacts | None": lambda value: None if value is None else _read(GcFacts, value),
}
