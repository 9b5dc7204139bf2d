"""An engine without containers: deterministic, no waiting. For tests of what stands around an engine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from fnmatch import fnmatchcase
from typing import Final

from memcap import __version__
from memcap.errors import Interrupted
from memcap.model import Environment, MemorySplit, RawRun, RunSpec
from memcap.probe.report import FORMAT

FLOOR_BYTES = 500 * 1024
SUPERVISOR_BYTES = 72 * 1024
SECONDS = 0.25
# What the reports of all runs have alike.
_ALIKE: Final[Mapping[str, object]] = {
    "format": FORMAT,
    "cgroup_version": 2,
    "swap_cap_bytes": 0,
    "peak_at_start_bytes": FLOOR_BYTES,
    "low_from_peak_bytes": None,
    "max_file_bytes": 0,
    "mapped_elsewhere_bytes": 0,
    "disk_read_bytes": 0,
    "supervisor_bytes": SUPERVISOR_BYTES,
    "supervisor_unseen_bytes": 0,
    "supervisor_cpu_ns": 0,
    "cpu_us": int(SECONDS * 1e6),
    "kills_while_main_lived": 0,
    "killed_others": 0,
    "oom_group_kills": 0,
    "refaults": 0,
    "swap_peak_bytes": 0,
    "stall_some_us": 0,
    "stall_full_us": 0,
    "throttled_periods": 0,
    "shm_size_bytes": None,
    "shm_used_bytes": None,
    "shm_peak_bytes": None,
    "page_size_bytes": 4096,
    "clock_step_ns": 0,
    "load_percent": 0,
    "apart": True,
    "thp_off": None,
    "aslr_off": None,
    "exec_errno": None,
    "exec_problem": None,
    "exec_needs": None,
    "timed_out": False,
    "limit_exceeded": None,
    "watchdog_kill": False,
    "stopped_by_signal": None,
    "started_ns": 0,
    "stopped_at_ns": None,
    "grace_over": False,
    "wall_ns": int(SECONDS * 1e9),
    "user_us": int(SECONDS * 1e6),
    "system_us": 0,
    "minor_faults": 1,
    "major_faults": 0,
    "samples": 1,
    "sample_interval_ns": 10_000_000,
    "process_count": 1,
    "main_pid": 2,
    "processes": [],
    "series": [],
}


class FakeEngine:
    """Pretend that each cell needs as many unreclaimable bytes as the first matching glob of ``needs`` says.

    A cell that needs more than its cap is OOM-killed. Every run of a cell gives the same figures. ``runs`` holds the
    specifications in the order they were executed.
    """

    def __init__(self, needs: Mapping[str, int], *, cpus: int = 1) -> None:
        self._needs = needs
        self._cpus = cpus
        self._cancelled = False
        self.runs: list[RunSpec] = []

    def environment(self) -> Environment:
        """Return an environment that no real result has."""
        return Environment(
            engine="fake",
            engine_version="0",
            cgroup_version=2,
            cgroup_driver="none",
            kernel="none",
            operating_system="none",
            architecture="x86_64",
            cpus=self._cpus,
            memory_bytes=None,
            swap_accounting=True,
            memcap_version=__version__,
            host="fake",
        )

    def is_reachable(self) -> bool:
        """Tell that runs can be executed."""
        return True

    def cancel(self) -> None:
        """Refuse further runs."""
        self._cancelled = True

    def execute(self, spec: RunSpec) -> RawRun:
        """Return what the run would have left. Raises Interrupted after ``cancel``."""
        if self._cancelled:
            raise Interrupted("the run was stopped")
        self.runs.append(spec)
        need = next((need for glob, need in self._needs.items() if fnmatchcase(spec.cell_id, glob)), FLOOR_BYTES)
        cap = spec.cap_bytes + spec.supervisor_bytes
        killed = need > cap
        return RawRun(
            report=json.dumps(_report(min(need, cap), cap=cap, killed=killed) | {"cpus": list(range(self._cpus))}),
            workload_journal="",
            supervisor_journal="",
            output="",
            error_output="",
            output_truncated=False,
            exit_code=137 if killed else 0,
            oom_killed_flag=killed,
            oom_events=int(killed),
        )


def _report(peak: int, *, cap: int, killed: bool) -> dict[str, object]:
    """Return what the supervisor would write of a run that needed ``peak`` bytes."""

    def split(anon: int) -> dict[str, int]:
        nothing = {field.name: 0 for field in fields(MemorySplit)}
        used = anon + FLOOR_BYTES
        return nothing | {"usage": used, "anon": anon, "kernel": FLOOR_BYTES, "unreclaimable": used}

    return {
        **_ALIKE,
        "cap_bytes": cap,
        "peak_bytes": peak,
        "unreclaimable_peak_bytes": peak,
        "high_from_peak_bytes": peak,
        "doubted_peak_bytes": peak,
        "rss_peak_bytes": peak,
        "oom_kills": int(killed),
        "oom_events": int(killed),
        "cap_hits": int(killed),
        "exit_code": None if killed else 0,
        "signal": 9 if killed else None,
        "at_start": split(0),
        "at_peak": split(max(peak - FLOOR_BYTES, 0)),
        "at_end": split(0),
        "at_kill": split(max(peak - FLOOR_BYTES, 0)) if killed else None,
    }
