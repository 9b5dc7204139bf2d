"""What a server needs, phase by phase, for each worker and connection, and what it keeps: blocks for any report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from memcap.model import ServiceFigures
from memcap.report.document import Block, Column, Facts, Level, Note, Overflow, Table, Text, flat
from memcap.report.server_view import LoadView, ServerView, ServiceView, WorkersView, server_view
from memcap.report.text import NOTHING, number, span
from memcap.report.view import CellView
from memcap.serving import Kept, LoadGrowth, PerUnit, ServingFigures
from memcap.stats import Slope
from memcap.units import counted, format_bytes, format_seconds

_PHASES: Final = (
    Column(title="phase"),
    Column(title="seconds", right=True, rank=2),
    Column(title="unreclaim-\nable peak", right=True),
    Column(title="± MAD", right=True, rank=4),
    Column(title="at its end", right=True),
    Column(title="requests", right=True, rank=1),
    Column(title="RSS of the\nlargest worker", right=True, rank=3),
)
_LOADS: Final = (
    Column(title="load"),
    Column(title="errors", right=True),
    Column(title="requests\na second", right=True, rank=1),
    *(Column(title=title, right=True, rank=rank) for title, rank in (("p50", 0), ("p95", 2), ("p99", 0), ("max", 4))),
)
_SERVICES: Final = (
    Column(title="service"),
    Column(title="image", fit=Overflow.MIDDLE, rank=3),
    Column(title="unreclaim-\nable peak", right=True),
    Column(title="cap", right=True),
    Column(title="ready after", right=True),
    Column(title="OOM kills", right=True, rank=2),
)


def server_blocks(cell: CellView) -> tuple[Block, ...]:
    """Return what the runs of a server show: its phases first, then what follows from them, its load and services.

    Nothing for a cell that is no server.
    """
    view = server_view(cell.cell, cell.runs) if cell.cell else None
    if view is None:
        return ()
    facts = tuple(_facts(view))
    return flat(
        Table(columns=_PHASES, rows=tuple(_phase_rows(view)), title="Phases", noun="phases") if view.phases else None,
        Facts(items=facts, title="What it keeps, and what it needs for more work") if facts else None,
        _lost_workers(view.workers),
        _loads(view.loads) if view.loads else None,
        services_table(view.services) if view.services else None,
    )


def _phase_rows(view: ServerView) -> Iterator[tuple[Text, ...]]:
    for each in view.phases:
        peak = each.unreclaimable_peak
        yield (
            each.name,
            f"{each.seconds:.1f}",
            _bytes(peak.median if peak else None),
            _bytes(peak.mad) if peak and peak.n > 1 else NOTHING,
            _bytes(each.settled_bytes),
            _count(each.requests),
            _bytes(each.worker_rss_bytes),
        )


def _facts(view: ServerView) -> Iterator[tuple[Text, Text]]:
    for when, kept in (("load", view.kept_after_load), ("collection", view.kept_after_collect)):
        if kept is not None:
            yield f"kept after the {when}", _kept(kept)
    if view.growth is not None:
        yield "growth during the load", _growth(view.growth)
    if not view.loads:
        return
    unknown: dict[str, list[str]] = {}
    for name, each in _per_units(view.figures):
        if each.slope is None:
            unknown.setdefault(each.why_not, []).append(name)
        else:
            yield name, _slope(each.slope, each.why_not)
    yield from ((", ".join(names), why_not) for why_not, names in unknown.items())
    if view.workers.most:
        yield "workers", f"{view.workers.most} at once"


def _per_units(figures: ServingFigures) -> Iterator[tuple[str, PerUnit]]:
    """Yield the fits; where requests and connections rose together, what is kept is told by both."""
    by_requests, by_connections = figures.kept_per_1000_requests, figures.kept_per_connection
    yield "per worker", figures.per_worker
    yield "per open connection", figures.per_connection
    yield "kept per 1000 requests", by_requests
    are_both = by_requests.slope is not None and by_connections.slope is not None
    yield "the same per opened connection" if are_both else "kept per opened connection", by_connections


def _kept(kept: Kept) -> str:
    """Return how much more is held than before the load; less than nothing is what was given back."""
    if kept.low_bytes <= 0 <= kept.high_bytes:
        return _uncertain(kept.kept_bytes, kept.low_bytes, kept.high_bytes)
    how = "more" if kept.kept_bytes > 0 else "less"
    told = f"{_between(kept.kept_bytes, kept.low_bytes, kept.high_bytes)} {how} than before"
    return f"{told}: {format_bytes(kept.before_bytes)} before the load, {format_bytes(kept.after_bytes)} after it"


def _growth(growth: LoadGrowth) -> str:
    """Return whether it leaks, by how much, and in how many runs; if not, what would have been found."""
    verdict, runs = growth.verdict, f"{growth.leaking} of {counted(growth.runs, 'run')}"
    rate, detectable = verdict.per_work, verdict.detectable_bytes_per_work
    if verdict.leak and rate is not None:
        return f"{verdict.kind.label}, {_between(rate.estimate, rate.low, rate.high)} per request, in {runs}"
    found = f"a leak in {runs}" if growth.leaking else "no leak"
    if detectable is None:
        return f"{verdict.kind.label}, {found}"
    return f"{verdict.kind.label}, {found}; {format_bytes(detectable)} per request would have been found"


def _slope(slope: Slope, why_not: str) -> str:
    if slope.low is None or slope.high is None:
        return f"{format_bytes(slope.estimate)}, without an interval: {why_not}"
    if slope.low <= 0 <= slope.high:
        return _uncertain(slope.estimate, slope.low, slope.high)
    return _between(slope.estimate, slope.low, slope.high)


def _uncertain(middle: float, low: float, high: float) -> str:
    return f"nothing for certain: {_between(middle, low, high)}"


def _between(middle: float, low: float, high: float) -> str:
    """Return a figure with its interval, where that has any length."""
    ends = f"{format_bytes(low)} to {format_bytes(high)}" if low < 0 else span(format_bytes(low), format_bytes(high))
    return ends if ends == format_bytes(middle) else f"{format_bytes(middle)} ({ends})"


def _lost_workers(workers: WorkersView) -> Note | None:
    """Return a warning if processes were killed, or workers ended before the server was stopped."""
    if not workers.ended and not workers.oom_kills:
        return None
    told = [f"{counted(workers.oom_kills, 'process')} OOM-killed"] if workers.oom_kills else []
    told += [f"{counted(workers.ended, 'worker')} ended before the stop"] if workers.ended else []
    told += [f"{workers.replaced} replaced"] if workers.ended and workers.replaced is not None else []
    lost = "Requests of such a worker are lost. " if workers.ended else ""
    return Note(
        level=Level.WARN,
        title=f"In {counted(workers.runs, 'run')}: {', '.join(told)}",
        remedy=f"{lost}Raise the cap, or lower the need or the number of workers.",
    )


def _loads(loads: Sequence[LoadView]) -> Table:
    rows = []
    for each in loads:
        times = each.latency_seconds
        latencies = (times.p50, times.p95, times.p99, times.max) if times else (None,) * 4
        rate = NOTHING if each.achieved_rate is None else number(round(each.achieved_rate, 1))
        rows.append((each.name, f"{each.errors} of {each.requests}", rate, *map(latency_text, latencies)))
    return Table(columns=_LOADS, rows=tuple(rows), title="Load and latency", noun="loads")


def services_table(services: Sequence[ServiceView | ServiceFigures]) -> Table:
    """Return what each service needed, and how long it took until it was ready."""
    rows = tuple(
        (
            each.name,
            each.image,
            _bytes(each.unreclaimable_peak_bytes),
            _bytes(each.cap_bytes),
            NOTHING if each.ready_seconds is None else format_seconds(each.ready_seconds),
            _count(each.oom_kills),
        )
        for each in services
    )
    return Table(columns=_SERVICES, rows=rows, title="Services", noun="services")


def _bytes(size: float | None) -> str:
    return NOTHING if size is None else format_bytes(size)


def _count(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def latency_text(seconds: float | None) -> str:
    """Return a latency in three digits: below a second in milliseconds."""
    if seconds is None:
        return NOTHING
    return f"{seconds * 1000:.3g} ms" if seconds < 0.9995 else f"{seconds:.3g} s"
