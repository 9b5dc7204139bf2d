"""What ``measure --json`` says of a server: of each run, and of all runs of a cell together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from memcap.model import CellSummary, LoadFigures, Measurement, PhaseFigures, ServerRun
from memcap.report.server_view import server_view
from memcap.serving import Kept, LoadGrowth, PerUnit


def server_run_json(run: ServerRun) -> dict[str, Any]:
    """Return the keys that a run of a server has besides those of every run."""
    return {
        "load": _load(run.loads),
        "phases": [_phase(phase) for phase in run.phases],
        "services": [{**asdict(service), "log_tail": service.log_tail or None} for service in run.services],
        "workers": asdict(run.workers),
    }


def serving_json(cell: CellSummary, runs: Sequence[Measurement]) -> dict[str, Any]:
    """Return the keys that a cell has whose runs are of a server: none for others."""
    view = server_view(cell, runs)
    if view is None:
        return {}
    return {
        "serving": {
            "per_worker_bytes": _per_unit(view.figures.per_worker),
            "per_connection_bytes": _per_unit(view.figures.per_connection),
            "kept_per_connection_bytes": _per_unit(view.figures.kept_per_connection),
            "kept_per_1000_requests_bytes": _per_unit(view.figures.kept_per_1000_requests),
            "kept_after_load": _kept(view.kept_after_load),
            "kept_after_collect": _kept(view.kept_after_collect),
            "growth": _growth(view.growth),
        }
    }


def _load(loads: Sequence[LoadFigures]) -> dict[str, Any]:
    """Return all levels, and their sums; rate and latency of several levels have no common figure."""
    only = loads[0] if len(loads) == 1 else None
    return {
        "requests": sum(each.requests for each in loads),
        "errors": sum(each.errors for each in loads),
        "achieved_rate": only.achieved_rate if only else None,
        "latency_seconds": _latency(only) if only else None,
        "levels": [
            {
                "level": each.level,
                "requests": each.requests,
                "errors": each.errors,
                "achieved_rate": each.achieved_rate,
                "latency_seconds": _latency(each),
            }
            for each in loads
        ],
    }


def _latency(load: LoadFigures) -> dict[str, float | None] | None:
    return asdict(load.latency_seconds) if load.latency_seconds else None


def _phase(phase: PhaseFigures) -> dict[str, Any]:
    return {
        "name": phase.name.value,
        "level": phase.level,
        "start_seconds": phase.start_seconds,
        "end_seconds": phase.end_seconds,
        "peak_bytes": phase.peak_bytes,
        "unreclaimable_peak_bytes": phase.unreclaimable_peak_bytes,
        "settled_bytes": phase.settled_bytes,
        "settled_low_bytes": phase.settled_low_bytes,
        "settled_high_bytes": phase.settled_high_bytes,
        "requests": phase.requests,
        "connections": phase.connections,
        "connections_opened": phase.connections_opened,
        "processes": [asdict(process) for process in phase.processes],
    }


def _per_unit(found: PerUnit) -> dict[str, Any]:
    slope = found.slope
    return {
        "estimate": slope.estimate if slope else None,
        "low": slope.low if slope else None,
        "high": slope.high if slope else None,
        "why_not": found.why_not or None,
    }


def _kept(kept: Kept | None) -> dict[str, float] | None:
    return asdict(kept) if kept else None


def _growth(growth: LoadGrowth | None) -> dict[str, Any] | None:
    if growth is None:
        return None
    rate = growth.verdict.per_work
    return {
        "class": growth.verdict.kind.value,
        "leak": growth.verdict.leak,
        "rate_bytes_per_request": rate.estimate if rate else None,
        "rate_interval": [rate.low, rate.high] if rate else None,
        "detectable_bytes_per_request": growth.verdict.detectable_bytes_per_work,
        "leaking_runs": growth.leaking,
        "runs": growth.runs,
    }
