"""Small factories of the types between the stages: all defaults are plausible, a test names only what it is about."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from memcap.model import (
    METRICS_VERSION,
    AllocationProfile,
    Baseline,
    Baselines,
    Benchmark,
    CampaignResult,
    CampaignSettings,
    Cap,
    Cell,
    CellResult,
    CellSummary,
    CommandWorkload,
    ContainerPolicy,
    Ending,
    Environment,
    Fingerprint,
    Frame,
    ImageFacts,
    ImageSource,
    Layer,
    LoadRequest,
    LoadSpec,
    Measurement,
    MemorySplit,
    Metric,
    OomFacts,
    Plan,
    ProfiledProcess,
    ProfileTool,
    PythonFacts,
    RawRun,
    Readiness,
    ServerWorkload,
    Service,
    Site,
    TcpReady,
    Tolerance,
)
from memcap.units import parse_bytes

MIB = 1024 * 1024
CELL_ID = "agents.crew_backed-py312-128m"
TOLERANCES = {
    Metric.PEAK: Tolerance(relative=0.02, absolute=MIB),
    Metric.UNRECLAIMABLE_PEAK: Tolerance(relative=0.02, absolute=MIB),
}


def make_measurement(peak: float | None = 62.5, **changes: Any) -> Measurement:
    """Return a completed run with a peak of ``peak`` MiB, or without one."""
    peak_bytes = None if peak is None else int(peak * MIB)
    whole = Measurement(
        ending=Ending.COMPLETED,
        exit_code=0,
        oom=OomFacts(kills=0, docker_flag=False, docker_events=0),
        cgroup_version=1,
        cap_bytes=128 * MIB,
        peak_bytes=peak_bytes,
        unreclaimable_peak_bytes=None if peak_bytes is None else peak_bytes - MIB,
        rss_peak_bytes=None if peak_bytes is None else peak_bytes + 8 * MIB,
        floor_bytes=300_000,
        supervisor_bytes=16_384,
        wall_seconds=1.25,
        cpu_seconds=1.0,
        at_end=MemorySplit(anon=1, shmem=2, kernel=3),
    )
    return replace(whole, **changes)


def make_oom(**changes: Any) -> Measurement:
    """Return a run that the kernel killed at its cap."""
    facts: dict[str, Any] = {
        "ending": Ending.OOM_KILLED,
        "exit_code": None,
        "signal": 9,
        "oom": OomFacts(kills=1, docker_flag=True, docker_events=1),
    }
    return make_measurement(128, **{**facts, **changes})


def make_runs(peaks: Iterable[float] = (62.5, 62.4, 62.6, 62.5, 62.5)) -> tuple[Measurement, ...]:
    """Return a completed run per peak in MiB."""
    return tuple(make_measurement(peak) for peak in peaks)


def make_cell(cell_id: str = CELL_ID, runs: Sequence[Measurement] | None = None, **changes: Any) -> CellResult:
    """Return a cell whose id is taken apart at its dashes and dots; ``changes`` are those of its CellSummary."""
    name, image, cap_name = cell_id.rsplit("-", 2)
    suite, benchmark, *variant = name.split(".")
    cap = Cap(name=cap_name, bytes=128 * MIB)
    summary = CellSummary(id=cell_id, suite=suite, benchmark=benchmark, image=image, cap=cap, variant=".".join(variant))
    return CellResult(cell=replace(summary, **changes), runs=make_runs() if runs is None else tuple(runs))


def make_image(name: str = "py312", **changes: Any) -> ImageFacts:
    """Return an image with CPython 3.12.7."""
    whole = ImageFacts(
        name=name,
        reference=f"memcap/{name}:latest",
        id=f"sha256:{name}",
        digest=None,
        origin="built from the host's CPython 3.12.7",
        architecture="x86_64",
        python=PythonFacts(
            executable="/usr/local/bin/python3",
            implementation="CPython",
            version="3.12.7",
            build="main, Oct  1 2024",
            libc="glibc 2.36",
        ),
    )
    return replace(whole, **changes)


def make_environment(**changes: Any) -> Environment:
    """Return a two-core daemon with cgroup v1."""
    whole = Environment(
        engine="Docker Engine",
        engine_version="20.10.24",
        cgroup_version=1,
        cgroup_driver="cgroupfs",
        kernel="6.1.0",
        operating_system="Debian GNU/Linux 12",
        architecture="x86_64",
        cpus=2,
        memory_bytes=24 * 1024 * MIB,
        swap_accounting=True,
        memcap_version="0.1.0",
    )
    return replace(whole, **changes)


def make_result(*cells: CellResult, **changes: Any) -> CampaignResult:
    """Return a campaign that planned and measured ``cells`` (one cell unless told)."""
    found = cells or (make_cell(),)
    whole = CampaignResult(
        id="20261120T043000-quick-1a2b",
        started="2026-11-20T04:30:00+00:00",
        command=("memcap", "run"),
        profile="quick",
        runs=5,
        warmups=1,
        environment=make_environment(),
        images={cell.cell.image: make_image(cell.cell.image) for cell in found},
        plan_cells=tuple(cell.cell.id for cell in found),
        cells=found,
        metrics_version=METRICS_VERSION,
    )
    return replace(whole, **changes)


def make_fingerprint(**changes: Any) -> Fingerprint:
    """Return the fingerprint of ``make_result``'s image py312."""
    return replace(make_result().fingerprint("py312"), **changes)


def make_baseline(cell: CellResult | None = None, **changes: Any) -> Baseline:
    """Return the baseline that accepting ``cell`` gives."""
    found = cell or make_cell()
    whole = Baseline(
        cell_id=found.cell.id,
        suite=found.cell.suite,
        ending=found.cell.expected_ending,
        runs=len(found.runs),
        cap_bytes=found.cell.cap.bytes,
        fingerprint=make_result(found).fingerprint(found.cell.image),
        values={
            metric: tuple(sorted(values))
            for metric in Metric
            if metric.unit == "byte" and (values := found.values(metric))
        },
    )
    return replace(whole, **changes)


def make_baselines(*baselines: Baseline) -> Baselines:
    """Return the given baselines by their cells' ids."""
    return Baselines(cells={each.cell_id: each for each in baselines})


def make_report(**changes: Any) -> str:
    """Return the report of a run that completed under 128 MiB; a change of a split changes only its keys."""
    split = {"usage": 0, "anon": 0, "file": 0, "shmem": 0, "kernel": 0, "slab": 0, "page_tables": 0, "swap": 0}
    split |= {"slab_reclaimable": 0, "sock": 0, "huge": 0, "kernel_stack": 0, "unevictable": 0, "unreclaimable": 0}
    whole: dict[str, Any] = {
        "format": 3,
        "cgroup_version": 2,
        "cap_bytes": 128 * MIB,
        "swap_cap_bytes": 0,
        "peak_bytes": 62 * MIB,
        "peak_at_start_bytes": 4 * MIB,
        "unreclaimable_peak_bytes": 61 * MIB,
        "low_from_peak_bytes": None,
        "high_from_peak_bytes": 61 * MIB,
        "doubted_peak_bytes": 61 * MIB,
        "max_file_bytes": 0,
        "mapped_elsewhere_bytes": 0,
        "disk_read_bytes": 0,
        "rss_peak_bytes": 70 * MIB,
        "supervisor_bytes": 72 * 1024,
        "supervisor_unseen_bytes": None,
        "supervisor_cpu_ns": 1_000_000,
        "cpu_us": 1_000_000,
        "oom_kills": 0,
        "kills_while_main_lived": 0,
        "killed_others": 0,
        "oom_events": 0,
        "oom_group_kills": 0,
        "cap_hits": 0,
        "refaults": 0,
        "swap_peak_bytes": 0,
        "stall_some_us": 0,
        "stall_full_us": 0,
        "throttled_periods": 0,
        "shm_size_bytes": 64 * MIB,
        "shm_used_bytes": 0,
        "shm_peak_bytes": 0,
        "page_size_bytes": 4096,
        "clock_step_ns": 0,
        "load_percent": 10,
        "apart": True,
        "thp_off": None,
        "aslr_off": None,
        "exec_errno": None,
        "exec_problem": None,
        "exec_needs": None,
        "exit_code": 0,
        "signal": None,
        "timed_out": False,
        "limit_exceeded": None,
        "watchdog_kill": False,
        "stopped_by_signal": None,
        "started_ns": 1_000_000_000,
        "stopped_at_ns": None,
        "grace_over": False,
        "wall_ns": 1_250_000_000,
        "user_us": 900_000,
        "system_us": 100_000,
        "minor_faults": 20_000,
        "major_faults": 0,
        "samples": 120,
        "sample_interval_ns": 10_000_000,
        "process_count": 1,
        "main_pid": 7,
        "cpus": [0, 1],
        "at_start": split,
        "at_peak": {**split, "usage": 62 * MIB, "anon": 60 * MIB, "kernel": MIB, "unreclaimable": 61 * MIB},
        "at_end": split,
        "at_kill": None,
        "processes": [],
        "series": [],
    }
    # A kill is at the cap, unless told.
    if changes.get("oom_kills"):
        changes = {"oom_events": changes["oom_kills"], **changes}
    for name, value in changes.items():
        is_split = name in ("at_start", "at_peak", "at_end", "at_kill") and isinstance(value, dict)
        whole[name] = {**(whole[name] or split), **value} if is_split else value
    return json.dumps(whole)


def make_raw(report: str | None = None, **changes: Any) -> RawRun:
    """Return what an engine brings back of a run with ``report`` (completed, unless told)."""
    whole = RawRun(
        report=make_report() if report is None else report,
        workload_journal="",
        supervisor_journal="",
        output="",
        error_output="",
        output_truncated=False,
        exit_code=0,
        oom_killed_flag=False,
        oom_events=0,
    )
    return replace(whole, **changes)


def make_plan_cell(name: str = "crew", image: str = "py312", cap: str = "128m", **changes: Any) -> Cell:
    """Return a cell of a plan: a command under ``cap``, unless told; ``changes`` are those of its Benchmark."""
    benchmark = Benchmark(suite="agents", name=name, workload=CommandWorkload(argv=("true",)))
    return Cell(
        benchmark=replace(benchmark, **changes),
        image=ImageSource(name=image, reference=f"memcap/{image}:latest"),
        cap=Cap(name=cap, bytes=parse_bytes(cap)),
    )


def make_server(*services: Service) -> ServerWorkload:
    """Return a server with these services next to it."""
    request = LoadRequest(method="GET", path="/")
    return ServerWorkload(
        argv=("serve",),
        ready=Readiness(check=TcpReady(host="localhost", port=8000)),
        load=LoadSpec(requests=(request,), rate=100.0, seconds=2.0),
        services=services,
    )


def make_plan(*cells: Cell, runs: int = 3, warmups: int = 1) -> Plan:
    """Return a plan of ``cells``, each run three times after a warm-up."""
    return Plan(profile="quick", cells=cells or (make_plan_cell(),), runs=runs, warmups=warmups)


def make_layer(image: str = "py312", suite: str = "agents", **changes: Any) -> Layer:
    """Return the layer of a suite with dependencies; ``changes`` are those of its ImageFacts."""
    return Layer(
        image=make_image(image, **changes),
        suite=suite,
        id=f"sha256:{image}-{suite}",
        search_path=(PurePosixPath("/memcap/suite"), PurePosixPath("/memcap/deps")),
    )


def make_settings(**changes: Any) -> CampaignSettings:
    """Return what a campaign is given, one container at a time."""
    whole = CampaignSettings(
        id="20261120T043000-quick-1a2b",
        started="2026-11-20T04:30:00+00:00",
        command=("memcap", "run"),
        policy=ContainerPolicy(),
        time_limit_seconds=60,
        jobs=1,
        daemon_wait_seconds=0,
    )
    return replace(whole, **changes)


def make_site(mib: float = 64, *, file: str = "/app/parse.py", line: int = 87, **changes: Any) -> Site:
    """Return a site of ``mib`` MiB at ``file:line`` in read_rows, called by main."""
    whole = Site(
        stack=(
            Frame(file=file, line=line, function="read_rows"),
            Frame(file="/app/main.py", line=12, function="main"),
        ),
        size_bytes=int(mib * MIB),
        count=1,
        process=7,
        thread="MainThread",
        allocator="malloc",
    )
    return replace(whole, **changes)


def make_profile(*sites: Site, **changes: Any) -> AllocationProfile:
    """Return a memray profile of one process whose sites are ``sites`` (one unless told)."""
    found = sites or (make_site(),)
    total = sum(site.size_bytes for site in found)
    whole = AllocationProfile(
        id="20261120T043000-profile-1a2b",
        started="2026-11-20T04:30:00+00:00",
        subject=CELL_ID,
        tool=ProfileTool.MEMRAY,
        tool_version="1.20.0",
        image="py312",
        python="CPython 3.12.7",
        cap_bytes=128 * MIB,
        raised_bytes=32 * MIB,
        ending=Ending.COMPLETED,
        unreclaimable_peak_bytes=total + 40 * MIB,
        wall_seconds=1.5,
        processes=(
            ProfiledProcess(
                pid=7, command="python main.py", main=True, peak_bytes=total, sites_bytes=total, allocations=1000
            ),
        ),
        sites=found,
        sources={"/app/parse.py:87": "rows.append(row)"},
    )
    return replace(whole, **changes)
