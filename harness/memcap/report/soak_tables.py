"""The tables of a soak: samples, times of its work, garbage collection, allocations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from memcap.model import AllocationSite, PythonLook, SoakSample, WorkLook
from memcap.report.document import Column, Facts, Lines, Mono, Overflow, Table, Text
from memcap.report.server_blocks import latency_text
from memcap.report.soak_words import bytes_text, elapsed, whole
from memcap.report.text import NOTHING, number
from memcap.soaking import SoakOutcome, looks_by_process
from memcap.units import format_bytes, format_seconds

MOST_ROWS: Final = 12
_MOST_METRICS: Final = 20
_GENERATIONS: Final = 3
_Row = tuple[Text, ...]
_Item = TypeVar("_Item")


def samples_table(outcome: SoakOutcome) -> Table | None:
    """Return the first samples, the last one, and some between; a column that is empty in all of them is left out."""
    if not outcome.samples:
        return None
    shown = some(outcome.samples, MOST_ROWS)
    unit = outcome.kind.unit

    def of(title: str, text: Callable[[SoakSample], str], *, rank: int = 0) -> None:
        texts = tuple(map(text, shown))
        if set(texts) - {NOTHING}:
            columns.append((Column(title=title, right=True, rank=rank), texts))

    columns: list[tuple[Column, tuple[str, ...]]] = []
    of("after", lambda sample: elapsed(sample.memory.seconds))
    of("unreclaim-\nable", lambda sample: bytes_text(sample.memory.unreclaimable_bytes))
    of("RSS", lambda sample: bytes_text(sample.memory.rss_bytes))
    of("threads", lambda sample: whole(sample.memory.threads), rank=2)
    of("open\nfiles", lambda sample: whole(sample.memory.open_files), rank=2)
    if unit:
        of(f"{unit}s", lambda sample: whole(sample.work.done if sample.work else None), rank=1)
        of("p99", lambda sample: latency_text(sample.work.p99_seconds if sample.work else None), rank=3)
    of("in use", lambda sample: bytes_text(sample.memory.usage_bytes), rank=4)
    of("PSS", lambda sample: bytes_text(sample.memory.pss_bytes), rank=5)
    rows = tuple(zip(*(texts for _, texts in columns), strict=True))
    title = "Samples" + (f", {len(shown)} of {len(outcome.samples)}" if len(shown) < len(outcome.samples) else "")
    return Table(columns=tuple(column for column, _ in columns), rows=rows, title=title, noun="samples")


def some(items: Sequence[_Item], most: int) -> tuple[_Item, ...]:
    """Return at most so many of ``items``, evenly spread, with the first and the last one."""
    if len(items) <= most:
        return tuple(items)
    return tuple(items[place * (len(items) - 1) // (most - 1)] for place in range(most))


def times_table(outcome: SoakOutcome) -> Table | None:
    """Return how long a piece of work took at the start and at the end; None where that was not measured."""
    works = [sample.work for sample in outcome.samples if sample.work and sample.work.p50_seconds is not None]
    if not works or not outcome.kind.unit:
        return None

    def row(name: str, work: WorkLook) -> _Row:
        times = (work.p50_seconds, work.p95_seconds, work.p99_seconds, work.max_seconds)
        return (name, *map(latency_text, times))

    columns = (Column(title="in"), *(Column(title=title, right=True) for title in ("p50", "p95", "p99", "max")))
    rows = [row("the first sample", works[0])]
    rows += [row("the last sample", works[-1])] if len(works) > 1 else []
    return Table(columns=columns, rows=tuple(rows), title=f"Time of a {outcome.kind.unit}", noun="rows")


def own_metrics(outcome: SoakOutcome) -> Facts | None:
    """Return the workload's own metrics in the first and the last sample that has them."""
    works = [sample.work for sample in outcome.samples if sample.work and sample.work.metrics]
    if not works:
        return None
    first, last = works[0].metrics, works[-1].metrics

    def shown(value: float | None) -> str:
        return NOTHING if value is None else number(value)

    items = tuple((name, f"{shown(first.get(name))} at first, {shown(last[name])} last") for name in sorted(last))
    return Facts(items=items[:_MOST_METRICS], title="The workload's own metrics")


def garbage(outcome: SoakOutcome) -> Table | None:
    """Return what each Python process said of its objects, collections and allocations; None where none was asked."""
    looks = looks_by_process(outcome.samples)
    if not looks:
        return None
    columns = [Column(title="PID", right=True)]
    columns += [Column(title=f"objects\n{when}", right=True) for when in ("at first", "last")]
    columns += [Column(title=f"collections\ngeneration {number}", right=True) for number in range(_GENERATIONS)]
    columns += [Column(title=f"tracemalloc\n{what}", right=True, rank=1) for what in ("last", "peak")]
    columns += [Column(title="stood\nstill for", right=True, rank=2)]
    rows = tuple(_garbage_row(pid, of_process) for pid, of_process in looks.items())
    return Table(columns=tuple(columns), rows=rows, title="Garbage collection of Python", noun="processes")


def _garbage_row(pid: int, looks: Sequence[PythonLook]) -> _Row:
    last = looks[-1]
    counts = [look.gc_objects for look in looks if look.gc_objects is not None]  # not at each look
    collections = [*last.gc_collections, *[None] * _GENERATIONS][:_GENERATIONS]
    peaks = [look.tracemalloc_peak_bytes for look in looks if look.tracemalloc_peak_bytes is not None]
    took = [look.took_seconds for look in looks if look.took_seconds is not None]
    return (
        str(pid),
        whole(counts[0] if counts else None),
        whole(counts[-1] if counts else None),
        *map(whole, collections),
        bytes_text(last.tracemalloc_bytes),
        bytes_text(max(peaks, default=None)),
        format_seconds(sum(took)) if took else NOTHING,
    )


def allocations(outcome: SoakOutcome) -> Table | None:
    """Return the lines whose allocations live at the end, largest first; None where tracemalloc was off.

    The title says when they were listed, if that is longer ago than a sample.
    """
    listed, rules = outcome.top_seconds, outcome.rules
    is_old = listed is not None and listed < outcome.elapsed_seconds - rules.interval_seconds
    when = f"as listed after {elapsed(listed)}" if listed is not None and is_old else "at the end"
    return _sites(outcome.top or (), rules.top, f"Top allocations {when}")


def living(outcome: SoakOutcome) -> Table | None:
    """Return the lines whose memory lived at the end of the twin, with that of compiled code; None without a twin."""
    return _sites(outcome.living or (), outcome.rules.top, "What lived at the end of the twin, by memray")


def _sites(sites: Sequence[AllocationSite], most: int, title: str) -> Table | None:
    if not sites:
        return None
    rows = tuple(
        (
            str(place),
            format_bytes(site.bytes),
            whole(site.count),
            Lines((f"{site.file}:{site.line}", *((Mono(site.source.strip()),) if site.source.strip() else ()))),
        )
        for place, site in enumerate(sites[:most], start=1)
    )
    columns = (
        Column(title="#", right=True),
        Column(title="size", right=True),
        Column(title="count", right=True),
        Column(title="line", fit=Overflow.MIDDLE),
    )
    return Table(columns=columns, rows=rows, title=title, noun="lines")
