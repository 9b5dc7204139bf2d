"""A soak as JSON: settings, samples, the series that was judged, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from memcap.json_text import json_text
from memcap.leaks import Garbage, LeakVerdict, Rate, Series, TwoEnds
from memcap.model import Measurement, PythonLook, SoakSample, WorkLook, limit_of
from memcap.report.caveats import by_kind
from memcap.report.soak_csv import MEMORY, WORK, sample_time
from memcap.report.soak_words import answer
from memcap.soaking import SoakOutcome, looks_by_process

# History of the schema of soak.json and `soak --json`; it goes up when a key goes away or changes its meaning.
# 1 - first version
SOAK_SCHEMA: Final = 1
_DIGITS: Final = 3  # of seconds


def soak_json(outcome: SoakOutcome) -> str:
    """Return everything as JSON: bytes and seconds, absent is null."""
    run = outcome.measurement
    return json_text(
        {
            "schema": SOAK_SCHEMA,
            "id": outcome.id,
            "name": outcome.name,
            "image": outcome.image,
            "kind": outcome.kind.value,
            "container": outcome.container or None,
            "started": outcome.started,
            "running": outcome.is_running,
            "elapsed_seconds": round(outcome.elapsed_seconds, _DIGITS),
            "settings": _settings(outcome),
            "environment": asdict(outcome.environment) if outcome.environment else None,
            "ending": run.ending.value if run else None,
            "detail": (run.detail or None) if run else None,
            "exit_code": None if outcome.is_running else outcome.exit_code,
            "workload_exit_code": run.exit_code if run else None,
            "answer": answer(outcome),
            "verdict": verdict_json(outcome.verdict, unit=outcome.kind.unit, rate=outcome.rules.rate),
            "two_ends": _two_ends(outcome.verdict.two_ends),
            "peaks": _peaks(run) if run else None,
            "gc": _gc(outcome.samples),
            "garbage": _garbage(outcome.garbage) if outcome.garbage else None,
            "top_allocations": None if outcome.top is None else [asdict(site) for site in outcome.top],
            "grown": _grown(outcome) if outcome.rules.explain_seconds else None,
            "living_allocations": None if outcome.living is None else [asdict(site) for site in outcome.living],
            "services": [{**asdict(service), "log_tail": service.log_tail or None} for service in outcome.services],
            "caveats": [
                {"kind": kind.value, "details": list(details), "remedy": kind.remedy}
                for kind, details in by_kind(run.caveats if run else ())
            ],
            "samples": [_sample(sample, outcome.started) for sample in outcome.samples],
            "series": _series(outcome.series),
        }
    )


def verdict_json(verdict: LeakVerdict, *, unit: str | None = None, rate: float = 1.0) -> dict[str, Any]:
    """Return a verdict for programs. Work is counted in ``unit``; an hour has ``rate`` simulated hours.

    Rates by hour are whole bytes; those by a piece of work, which may be a part of a byte, are not.
    """
    per_hour, per_work = verdict.per_hour, verdict.per_work
    detectable = verdict.detectable_bytes_per_hour
    return {
        "class": verdict.kind.value,
        "leak": verdict.leak,
        "reason": verdict.reason,
        "rate_bytes_per_hour": _whole(per_hour.estimate if per_hour else None),
        "rate_interval": [_whole(per_hour.low), _whole(per_hour.high)] if per_hour else None,
        "rate_bytes_per_cycle": _estimate(per_work if unit == "cycle" else None),
        "rate_bytes_per_request": _estimate(per_work if unit == "request" else None),
        "rate_per_work_interval": [per_work.low, per_work.high] if per_work and unit else None,
        "rate_bytes_per_simulated_hour": _whole(per_hour.estimate / rate if per_hour and rate != 1 else None),
        "detectable_bytes_per_hour": _whole(detectable),
        "seconds_to_cap": _seconds(verdict.seconds_to_cap),
        "warm_up_seconds": _seconds(verdict.warm_up_seconds),
        "windows": verdict.windows or None,
        "envelope": {
            "seconds": [_seconds(point.seconds) for point in verdict.envelope],
            "bytes": [_whole(point.bytes) for point in verdict.envelope],
            "window_seconds": [_seconds(point.window_seconds) for point in verdict.envelope],
        },
    }


def _settings(outcome: SoakOutcome) -> dict[str, Any]:
    rules = outcome.rules
    return {
        "duration_seconds": rules.duration_seconds,
        "interval_seconds": rules.interval_seconds,
        "step_seconds": rules.step_seconds,
        "cap_bytes": limit_of(outcome.cap_bytes),
        "max_rss_bytes": rules.max_rss_bytes,
        "leak_threshold_bytes": rules.leak_threshold_bytes,
        "top": rules.top,
        "tracemalloc": rules.frames > 0,
        "frames": rules.frames or None,
        "gc": rules.collects,
        "rate": rules.rate,
        "explain_seconds": rules.explain_seconds or None,
    }


def _grown(outcome: SoakOutcome) -> dict[str, Any]:
    """Return what grew after the time that was judged; ``work`` and ``bytes`` are of the first process."""
    return {
        "work": _whole(outcome.grown_work),
        "bytes": outcome.grown_bytes,
        "processes": [{**asdict(each), "why_not": each.why_not or None} for each in outcome.grown],
    }


def _two_ends(found: TwoEnds) -> dict[str, Any]:
    return {
        "samples": found.samples,
        "enough": found.enough,
        "first_bytes": _whole(found.first),
        "last_bytes": _whole(found.last),
        "growth_bytes": _whole(found.growth),
        "growth_percent": found.growth_percent,
        "bytes_per_hour": _whole(found.bytes_per_hour),
        "threshold_bytes": _whole(found.threshold),
        "above_threshold": found.over,
    }


def _peaks(run: Measurement) -> dict[str, Any]:
    return {
        "peak_bytes": run.peak_bytes,
        "unreclaimable_peak_bytes": run.unreclaimable_peak_bytes,
        "rss_peak_bytes": run.rss_peak_bytes,
        "oom_kills": run.oom.kills,
    }


def _garbage(found: Garbage) -> dict[str, Any]:
    return {
        "seconds": [_seconds(seconds) for seconds, _ in found.counts],
        "objects": [count for _, count in found.counts],
        "collections": [{"seconds": _seconds(each.seconds), "objects": each.objects} for each in found.collections],
        "freed_objects": found.freed_objects,
        "freed_bytes": found.freed_bytes,
    }


def _gc(samples: Sequence[SoakSample]) -> list[dict[str, Any]] | None:
    """Return the first and the last figures of each Python process; None where none were taken."""
    return [
        {
            "pid": pid,
            "objects_first": of_process[0].gc_objects,
            "objects_last": of_process[-1].gc_objects,
            "collections": list(of_process[-1].gc_collections) or None,
        }
        for pid, of_process in looks_by_process(samples).items()
    ] or None


def _sample(sample: SoakSample, started: str) -> dict[str, Any]:
    memory = sample.memory
    return {
        "time": sample_time(started, memory.seconds),
        "seconds": _seconds(memory.seconds),
        **{name: getattr(memory, name) for name in MEMORY},
        "work": _work(sample.work) if sample.work else None,
        "python": [_python(look) for look in sample.python] or None,
    }


def _work(look: WorkLook) -> dict[str, Any]:
    return {**{name: getattr(look, name) for name in WORK}, "metrics": dict(look.metrics) or None}


def _python(look: PythonLook) -> dict[str, Any]:
    return {
        "pid": look.pid,
        "gc_objects": look.gc_objects,
        "gc_collections": list(look.gc_collections) or None,
        "tracemalloc_bytes": look.tracemalloc_bytes,
        "tracemalloc_peak_bytes": look.tracemalloc_peak_bytes,
        "took_seconds": look.took_seconds,
    }


def _series(series: Series) -> dict[str, Any]:
    """Return what was judged as columns, which are a third of the size of a list of objects."""
    return {
        "seconds": [_seconds(each) for each in series.seconds],
        "bytes": [_whole(each) for each in series.values],
        "work": None if series.work is None else [_whole(each) for each in series.work],
    }


def _estimate(rate: Rate | None) -> float | None:
    return rate.estimate if rate else None


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _seconds(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)
