"""A soak as a trace: memory and work over time, the warm-up, and the kill that ended it."""

from __future__ import annotations

from collections.abc import Iterator

from memcap.model import SoakSample, limit_of
from memcap.report.trace import mark_kills
from memcap.report.trace_events import Slice, TraceProcess, trace_text
from memcap.soaking import SoakOutcome, growth_line, warm_up_end


def soak_trace(outcome: SoakOutcome) -> str:
    """Return a trace with one process: the counters are the samples, and the series that was judged."""
    process = TraceProcess(1, outcome.name)
    for sample in outcome.samples:
        _add_sample(process, sample)
    for sample in (*outcome.samples[:1], *outcome.samples[1:][-1:]):  # it does not change
        process.counter("cap", sample.memory.seconds, bytes=limit_of(outcome.cap_bytes))
    series = outcome.series
    for seconds, value in zip(series.seconds, series.values, strict=True):
        process.counter("judged memory", seconds, bytes=round(value))
    _add_line(process, outcome)
    process.row("soak", [_whole(outcome)])
    process.row("verdict", _parts(outcome))
    run = outcome.measurement
    if run is not None:
        mark_kills(process, run, outcome.elapsed_seconds)
    where = outcome.environment
    facts = {"soak": outcome.id, "started": outcome.started, "image": outcome.image}
    return trace_text([process], {**facts, "memcap": where.memcap_version if where else None})


def _add_line(process: TraceProcess, outcome: SoakOutcome) -> None:
    """Add the line of the growth, a point for each of the series: viewers draw a counter in steps."""
    line = growth_line(outcome.series, outcome.verdict)
    if line is None or line.end <= line.start:
        return
    for seconds in outcome.series.seconds:
        if line.start <= seconds <= line.end:
            share = (seconds - line.start) / (line.end - line.start)
            process.counter("growth line", seconds, bytes=round(line.first + share * (line.last - line.first)))


def _whole(outcome: SoakOutcome) -> Slice:
    run = outcome.measurement
    facts = {"ending": run.ending.value if run else "running", "detail": run.detail if run else None}
    return Slice(name="workload", start=0, end=outcome.elapsed_seconds, facts=facts)


def _parts(outcome: SoakOutcome) -> Iterator[Slice]:
    """Yield the warm-up, and what was judged with what came of it."""
    seconds, verdict = outcome.series.seconds, outcome.verdict
    if not seconds:
        return
    begin = warm_up_end(outcome.series, verdict)
    if begin is not None:
        yield Slice(name="warm-up", start=seconds[0], end=begin, facts={})
    facts = {"reason": verdict.reason, "leak": verdict.leak}
    yield Slice(name=verdict.kind.label, start=seconds[0] if begin is None else begin, end=seconds[-1], facts=facts)


def _add_sample(process: TraceProcess, sample: SoakSample) -> None:
    look, at = sample.memory, sample.memory.seconds
    process.counter("usage", at, bytes=look.usage_bytes)
    process.counter("unreclaimable", at, bytes=look.unreclaimable_bytes)
    process.counter("RSS of all processes", at, bytes=look.rss_bytes)
    process.counter("PSS of all processes", at, bytes=look.pss_bytes)
    # Viewers show the name of each value behind that of its counter.
    process.counter("number of", at, processes=look.processes, threads=look.threads)
    process.counter("number of open", at, files=look.open_files)
    if sample.work is not None:
        process.counter("work", at, done=sample.work.done, failed=sample.work.failed)
        process.counter("seconds of work", at, p50=sample.work.p50_seconds, p99=sample.work.p99_seconds)
    for each in sample.python:
        process.counter(f"PID {each.pid}: Python's", at, objects=each.gc_objects)
        process.counter(f"PID {each.pid}: tracemalloc", at, bytes=each.tracemalloc_bytes)
