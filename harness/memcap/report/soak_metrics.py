"""The metrics of a soak: its samples with their times, and the verdict."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from memcap.model import MemoryLook, PythonLook, WorkLook, limit_of
from memcap.report import metric_table as table
from memcap.report.metric_family import MetricCollector, MetricFamily, MetricPoints, unix_time
from memcap.report.result_metrics import PERCENTILES, add_run
from memcap.soaking import SoakOutcome, growth_rate

_HOUR: Final = 3600
_MEMORY: Final[Mapping[str, MetricFamily]] = {
    "usage_bytes": table.USAGE,
    "unreclaimable_bytes": table.UNRECLAIMABLE,
    "low_bytes": table.UNRECLAIMABLE_LOW,
    "huge_bytes": table.HUGE,
    "rss_bytes": table.RSS,
    "vms_bytes": table.VMS,
    "pss_bytes": table.PSS,
    "processes": table.PROCESSES,
    "threads": table.THREADS,
    "open_files": table.OPEN_FILES,
}


def soak_metrics(outcome: SoakOutcome) -> tuple[MetricPoints, ...]:
    """Return all samples of a soak, and its verdict at the time of the last one."""
    found, started = MetricCollector(), unix_time(outcome.started)
    labels = {"soak": outcome.id, "workload": outcome.name, "image": outcome.image}

    def at(seconds: float) -> float | None:
        return None if started is None else started + seconds

    for sample in outcome.samples:
        now = at(sample.memory.seconds)
        _add_memory(found, sample.memory, labels, now)
        if sample.work is not None:
            _add_work(found, sample.work, labels, now)
        for look in sample.python:
            _add_python(found, look, labels, now)
    end = at(outcome.samples[-1].memory.seconds if outcome.samples else outcome.elapsed_seconds)
    _add_soak(found, outcome, labels, end)
    _add_verdict(found, outcome, labels, end)
    if outcome.measurement is not None:
        add_run(found, outcome.measurement, labels, end)
    return found.points()


def newest_soak_metrics(outcome: SoakOutcome) -> tuple[MetricPoints, ...]:
    """Return what is known of a soak now: its last sample, and the verdict so far."""
    return soak_metrics(replace(outcome, samples=outcome.samples[-1:]))


def _add_memory(found: MetricCollector, look: MemoryLook, labels: Mapping[str, str], at: float | None) -> None:
    for name, family in _MEMORY.items():
        found.add(family, labels, getattr(look, name), at)


def _add_work(found: MetricCollector, look: WorkLook, labels: Mapping[str, str], at: float | None) -> None:
    found.add(table.WORK, labels, look.done, at)
    found.add(table.WORK_FAILED, labels, look.failed, at)
    for name in PERCENTILES:
        found.add(table.WORK_TIME, {**labels, "stat": name}, getattr(look, f"{name}_seconds"), at)
    for name, value in look.metrics.items():
        found.add(table.WORKLOAD_METRIC, {**labels, "metric": name}, value, at)


def _add_python(found: MetricCollector, look: PythonLook, labels: Mapping[str, str], at: float | None) -> None:
    own = {**labels, "pid": str(look.pid)}
    found.add(table.GC_OBJECTS, own, look.gc_objects, at)
    for generation, collections in enumerate(look.gc_collections):
        found.add(table.GC_COLLECTIONS, {**own, "generation": str(generation)}, collections, at)
    found.add(table.TRACEMALLOC, own, look.tracemalloc_bytes, at)
    found.add(table.TRACEMALLOC_PEAK, own, look.tracemalloc_peak_bytes, at)


def _add_soak(found: MetricCollector, outcome: SoakOutcome, labels: Mapping[str, str], at: float | None) -> None:
    rules, where = outcome.rules, outcome.environment
    about = {"kind": outcome.kind.value, "container": outcome.container}
    if where is not None:
        about |= {"engine": where.engine, "kernel": where.kernel, "memcap": where.memcap_version}
    found.add(table.SOAK, {**labels, **about}, 1, at)
    found.add(table.SOAK_RUNNING, labels, float(outcome.is_running), at)
    found.add(table.SOAK_ELAPSED, labels, outcome.elapsed_seconds, at)
    found.add(table.SOAK_DURATION, labels, rules.duration_seconds, at)
    found.add(table.CAP, labels, limit_of(outcome.cap_bytes), at)
    found.add(table.MAX_RSS, labels, rules.max_rss_bytes, at)


def _add_verdict(found: MetricCollector, outcome: SoakOutcome, labels: Mapping[str, str], at: float | None) -> None:
    verdict, rate = outcome.verdict, growth_rate(outcome.verdict)
    found.add_state(table.LEAK_CLASS, labels, verdict.kind, at)
    found.add(table.LEAK, labels, None if verdict.leak is None else float(verdict.leak), at)
    if rate is not None:
        found.add(table.GROWTH, labels, rate.estimate / _HOUR, at)
        found.add(table.GROWTH_LOW, labels, rate.low / _HOUR, at)
        found.add(table.GROWTH_HIGH, labels, rate.high / _HOUR, at)
    if verdict.detectable_bytes_per_hour is not None:
        found.add(table.DETECTABLE, labels, verdict.detectable_bytes_per_hour / _HOUR, at)
    found.add(table.TIME_TO_CAP, labels, verdict.seconds_to_cap, at)
    found.add(table.WARM_UP, labels, verdict.warm_up_seconds, at)
