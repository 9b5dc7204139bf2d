"""The metrics of a result: figures of each run, and what is said of each cell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from memcap.model import Measurement, ServerRun, limit_of
from memcap.report import metric_table as table
from memcap.report.metric_family import MetricCollector, MetricFamily, MetricPoints, unix_time
from memcap.report.server_view import phase_names
from memcap.report.view import CellView, View

PERCENTILES: Final = ("p50", "p95", "p99", "max")  # the label `stat` of times


def result_metrics(view: View) -> tuple[MetricPoints, ...]:
    """Return the metrics of all cells of ``view`` that were measured, at the time when the campaign began.

    The project's folder comes before a cell's id, as another project of the repository may have a cell of the same id.
    """
    found, at = MetricCollector(), unix_time(view.result.started)
    _add_campaign(found, view, at)
    for cell in view.cells:
        labels = {"cell": f"{view.project}/{cell.id}" if view.project else cell.id}
        if cell.cell is not None:
            labels["image"] = cell.cell.image
        _add_cell(found, cell, labels, at)
        for number, run in enumerate(cell.runs, start=1):
            add_run(found, run, {**labels, "run": str(number)}, at)
            units = cell.cell.extra_metrics if cell.cell else {}
            for name, value in run.extra.items():
                own = {"metric": name, "metric_unit": units.get(name, "")}
                found.add(table.WORKLOAD_METRIC, {**labels, "run": str(number), **own}, value, at)
    return found.points()


def add_run(found: MetricCollector, run: Measurement, labels: Mapping[str, str], at: float | None) -> None:
    """Add the figures of one container."""
    code = "" if run.exit_code is None else str(run.exit_code)
    found.add(table.RUN, {**labels, "ending": run.ending.value, "exit_code": code}, 1, at)
    for family, value in _figures(run):
        found.add(family, labels, value, at)
    if run.server is not None:
        _add_server(found, run.server, labels, at)


def _figures(run: Measurement) -> Iterator[tuple[MetricFamily, float | None]]:
    if run.cgroup_version is None:
        yield table.PEAK, run.peak_bytes
    else:
        yield table.MAX_USAGE, run.peak_bytes
        yield table.SPEC_LIMIT, limit_of(run.cap_bytes)
        yield table.OOM_EVENTS, run.oom.kills
    yield table.UNRECLAIMABLE_PEAK, run.unreclaimable_peak_bytes
    yield table.UNRECLAIMABLE_PEAK_LOW, run.unreclaimable_peak_low_bytes
    yield table.UNRECLAIMABLE_PEAK_HIGH, run.unreclaimable_peak_high_bytes
    yield table.RSS_PEAK, run.rss_peak_bytes
    yield table.FLOOR, run.floor_bytes
    yield table.WALL, run.wall_seconds
    yield table.CPU, run.cpu_seconds


def _add_server(found: MetricCollector, server: ServerRun, labels: Mapping[str, str], at: float | None) -> None:
    for name, phase in zip(phase_names(server.phases), server.phases, strict=True):
        found.add(table.PHASE_PEAK, {**labels, "phase": name}, phase.unreclaimable_peak_bytes, at)
    for load in server.loads:
        own = {**labels, "level": "" if load.level is None else f"{load.level:g}"}
        found.add(table.LOAD_REQUESTS, own, load.requests, at)
        found.add(table.LOAD_ERRORS, own, load.errors, at)
        found.add(table.LOAD_RATE, own, load.achieved_rate, at)
        for stat in PERCENTILES if load.latency_seconds else ():
            found.add(table.LOAD_LATENCY, {**own, "stat": stat}, getattr(load.latency_seconds, stat), at)


def _add_campaign(found: MetricCollector, view: View, at: float | None) -> None:
    result, where = view.result, view.result.environment
    labels = {
        "campaign": result.id,
        "profile": result.profile,
        "engine": where.engine,
        "engine_version": where.engine_version,
        "cgroup": "" if where.cgroup_version is None else str(where.cgroup_version),
        "architecture": where.architecture,
        "kernel": where.kernel,
        "memcap": where.memcap_version,
    }
    found.add(table.CAMPAIGN, labels, 1, at)
    found.add(table.CAMPAIGN_START, {}, at, at)
    if view.is_judged:
        found.add(table.EXIT_CODE, {}, view.exit_code, at)


def _add_cell(found: MetricCollector, cell: CellView, labels: Mapping[str, str], at: float | None) -> None:
    if cell.cell is not None:
        known = cell.cell
        parts = {"suite": known.suite, "benchmark": known.benchmark, "variant": known.variant, "cap": known.cap.name}
        found.add(table.CELL, {**labels, **parts}, 1, at)
        found.add(table.CAP, labels, known.cap.limit_bytes, at)
    if cell.verdict is not None:
        found.add_state(table.VERDICT, labels, cell.verdict.state, at)
    for each in cell.metrics:
        found.add(table.CHANGE, {**labels, "metric": each.metric.value}, each.change, at)
