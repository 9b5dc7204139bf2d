"""The format of what the probe reports, as the host reads it: the supervisor's report and the runner's journal.

Format 1 of ``report.json`` (written by ``csrc/supervisor.c``): one JSON object. Byte fields end in ``_bytes``; a field
the kernel did not offer is ``null``. ``peak_bytes`` is the kernel's high-water mark of the cgroup at the end,
``peak_at_start_bytes`` the same before the workload was started; ``unreclaimable_peak_bytes`` is the largest sample of
anon + shmem + kernel, and ``max_file_bytes`` the largest sample of page cache. ``at_start``, ``at_peak`` (the sample
with the most unreclaimable memory) and ``at_end`` are splits of the cgroup's memory. ``series`` is memory over time in
KiB, thinned to at most 256 rows, each the row with the most unreclaimable memory of its time span.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

FORMAT = 1


class ReportError(ValueError):
    """What the probe wrote cannot be understood."""


@dataclass(frozen=True, kw_only=True)
class Split:
    """The cgroup's memory at one moment, in bytes; ``file`` is page cache without shared memory."""

    usage: int | None
    anon: int | None
    file: int | None
    shmem: int | None
    kernel: int | None
    slab: int | None
    page_tables: int | None
    swap: int | None


@dataclass(frozen=True, kw_only=True)
class Process:
    """One process of the container (PID in the container's own namespace) and its largest sampled VmHWM."""

    pid: int
    name: str
    vm_hwm_bytes: int


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the supervisor wrote about one run; see the module's text for the fields."""

    cgroup_version: int
    cap_bytes: int | None
    swap_cap_bytes: int | None
    peak_bytes: int | None
    peak_at_start_bytes: int | None
    unreclaimable_peak_bytes: int | None
    max_file_bytes: int | None
    rss_peak_bytes: int | None
    supervisor_bytes: int | None
    supervisor_cpu_ns: int | None
    oom_kills: int | None
    cap_hits: int | None
    exec_errno: int | None
    exit_code: int | None
    signal: int | None
    timed_out: bool
    stopped_by_signal: int | None
    wall_ns: int | None
    user_us: int
    system_us: int
    minor_faults: int
    major_faults: int
    samples: int
    sample_interval_ns: int
    process_count: int
    at_start: Split
    at_peak: Split
    at_end: Split
    processes: tuple[Process, ...]


@dataclass(frozen=True, kw_only=True)
class WorkloadJournal:
    """What the runner wrote: each event is a mapping, None where the run did not get that far."""

    start: Mapping[str, Any] | None = None
    load_error: Mapping[str, Any] | None = None
    raised: Mapping[str, Any] | None = None
    end: Mapping[str, Any] | None = None
    cycles: tuple[Mapping[str, Any], ...] = ()


def parse_report(text: str) -> Report:
    """Return the supervisor's report.

    Raises ReportError when the text is cut off, of another format, or lacks a field.
    """
    try:
        data = json.loads(text)
    except ValueError as error:
        raise ReportError(f"the supervisor's report is not JSON: {error}") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ReportError(f"the supervisor's report is not of format {FORMAT}")
    try:
        values = {field.name: data[field.name] for field in fields(Report)}
        for name in ("at_start", "at_peak", "at_end"):
            values[name] = Split(**values[name])
        values["processes"] = tuple(Process(**process) for process in values["processes"])
        return Report(**values)
    except (KeyError, TypeError) as error:
        raise ReportError(f"the supervisor's report lacks a field: {error}") from error


def parse_journal(text: str) -> WorkloadJournal:
    """Return the runner's journal; a last line that a kill cut off is left out."""
    events: dict[str, Mapping[str, Any]] = {}
    cycles: list[Mapping[str, Any]] = []
    for line in text.splitlines():
        try:
            event = json.loads(line)
            kind = event["event"]
        except (ValueError, KeyError, TypeError):
            continue
        if kind == "cycle":
            cycles.append(event)
        elif kind in ("start", "load_error", "raised", "end"):
            events[kind] = event
    return WorkloadJournal(**events, cycles=tuple(cycles))
