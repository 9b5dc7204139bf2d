"""Read what a soaked workload said of its work and of its Python: lines of the workload's journal (memcap_soak.py).

The workload may write to the same file, so nothing is taken for what it should be; a line that is not understood is
left out. Lines come one by one, and no more of them is kept than what is returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

from memcap.errors import FileFormatError
from memcap.model import AllocationSite, FinalCollection, Grown, GrownType, Holder, PythonLook, WorkLook
from memcap.probe.fields import read_flag, read_items, read_metrics, read_seconds, read_text, read_whole
from memcap.strict import parse_json

_SITE_COLUMNS: Final = 5
_TYPE_COLUMNS: Final = 3
_HOLDER_COLUMNS: Final = 5
_TRACED: Final = 2
_COUNTS: Final = 2
_MOST_PROCESSES: Final = 10_000  # whose last ``top`` is kept


@dataclass(frozen=True, kw_only=True)
class TopLook:
    """The lines of one process that had allocated most of what lived at one time."""

    seconds: float
    pid: int
    sites: tuple[AllocationSite, ...]


@dataclass(frozen=True, kw_only=True)
class SoakWork:
    """All looks that a journal has, in its order; of each process the last ``top``, what grew and was collected."""

    work: tuple[WorkLook, ...] = ()
    python: tuple[PythonLook, ...] = ()
    tops: Mapping[int, TopLook] = field(default_factory=dict)
    grown: tuple[Grown, ...] = ()
    collected: tuple[FinalCollection, ...] = ()

    @property
    def sites(self) -> tuple[AllocationSite, ...] | None:
        """Return the lines of all processes together, the largest first; None if no process said any.

        What a process had allocated before it was forked counts in both.
        """
        if not self.tops:
            return None
        found: dict[tuple[str, int], AllocationSite] = {}
        for site in (site for top in self.tops.values() for site in top.sites):
            before = found.get((site.file, site.line))
            found[site.file, site.line] = AllocationSite(
                file=site.file,
                line=site.line,
                bytes=site.bytes + (before.bytes if before else 0),
                count=site.count + (before.count if before else 0),
                source=site.source or (before.source if before else ""),
            )
        return tuple(sorted(found.values(), key=lambda site: (-site.bytes, site.file, site.line)))


Look: TypeAlias = "WorkLook | PythonLook | TopLook | Grown | FinalCollection"


def parse_work(lines: Iterable[str], *, started: float) -> SoakWork:
    """Return what the journal's ``lines`` say; ``started`` is the monotonic time of the workload's start in seconds."""
    work: list[WorkLook] = []
    python: list[PythonLook] = []
    tops: dict[int, TopLook] = {}
    grown: list[Grown] = []
    collected: list[FinalCollection] = []
    for look in read_looks(lines, started=started):
        if isinstance(look, WorkLook):
            work.append(look)
        elif isinstance(look, PythonLook):
            python.append(look)
        elif isinstance(look, Grown):
            grown.append(look)
        elif isinstance(look, FinalCollection):
            collected.append(look)
        elif look.pid in tops or len(tops) < _MOST_PROCESSES:
            tops[look.pid] = look
    return SoakWork(work=tuple(work), python=tuple(python), tops=tops, grown=tuple(grown), collected=tuple(collected))


def read_looks(lines: Iterable[str], *, started: float) -> Iterator[Look]:
    """Yield each look as its line is read, for a journal that is still written or that is long."""
    for line in lines:
        try:
            data = parse_json("the workload's journal", line)
            kind = data["event"]
            if kind == "work":
                yield _work(data, started)
            elif kind == "python":
                yield _python(data, started)
            elif kind == "top":
                yield _top(data, started)
            elif kind == "grown":
                yield _grown(data, started)
            elif kind == "collected":
                yield _collected(data, started)
        except (FileFormatError, KeyError, TypeError):
            continue


def _work(data: dict[str, Any], started: float) -> WorkLook:
    return WorkLook(
        seconds=_since(data, started),
        done=read_whole(data["done"]),
        p50_seconds=_seconds(data["p50"]),
        p95_seconds=_seconds(data["p95"]),
        p99_seconds=_seconds(data["p99"]),
        max_seconds=_seconds(data["max"]),
        metrics=read_metrics(data["metrics"]),
    )


def _python(data: dict[str, Any], started: float) -> PythonLook:
    traced: tuple[int | None, ...] = (None, None)
    if data["tracemalloc"] is not None:
        traced = tuple(read_whole(number) for number in read_items(data["tracemalloc"]))
        if len(traced) != _TRACED:
            raise TypeError(f"{len(traced)} figures of tracemalloc instead of {_TRACED}")
    return PythonLook(
        seconds=_since(data, started),
        pid=read_whole(data["pid"]),
        gc_objects=None if data["gc_objects"] is None else read_whole(data["gc_objects"]),
        gc_collections=tuple(read_whole(number) for number in read_items(data["gc_collections"])),
        tracemalloc_bytes=traced[0],
        tracemalloc_peak_bytes=traced[1],
        took_seconds=_seconds(data["took"]),
    )


def _top(data: dict[str, Any], started: float) -> TopLook:
    sites = tuple(read_site(row) for row in read_items(data["sites"]))
    return TopLook(seconds=_since(data, started), pid=read_whole(data["pid"]), sites=sites)


def _grown(data: dict[str, Any], started: float) -> Grown:
    since = max(read_seconds(data["since"]) - started, 0.0)
    found = Grown(seconds=_since(data, started), since_seconds=since, pid=read_whole(data["pid"]))
    if "why_not" in data:
        return replace(found, why_not=read_text(data["why_not"]))
    return replace(
        found,
        sites=tuple(read_site(row) for row in read_items(data["sites"])),
        types=tuple(_type(row) for row in read_items(data["types"])),
        holders=tuple(read_holder(row) for row in read_items(data["holders"])),
        garbage=read_whole(data["garbage"]),
        frozen=read_whole(data["frozen"]),
        traced_bytes=read_whole(data["traced"]),
        tracing_bytes=read_whole(data["tracing"]),
        took_seconds=sum(read_seconds(each) for each in read_items(data["took"])),
    )


def _collected(data: dict[str, Any], started: float) -> FinalCollection:
    before, after = _columns(data["gc_objects"], _COUNTS, "count of objects")
    return FinalCollection(
        seconds=_since(data, started),
        pid=read_whole(data["pid"]),
        is_enabled=read_flag(data["enabled"]),
        objects_before=read_whole(before),
        objects_after=read_whole(after),
        freed_bytes=None if data["freed"] is None else read_whole(data["freed"]),
    )


def _type(data: Any) -> GrownType:
    name, before, now = _columns(data, _TYPE_COLUMNS, "type")
    return GrownType(name=read_text(name), before=read_whole(before), now=read_whole(now))


def read_holder(data: Any) -> Holder:
    """Return who holds something, of a row of ``memcap_grown``. Raises TypeError for anything else."""
    kind, more, size, rooted, steps = _columns(data, _HOLDER_COLUMNS, "holder")
    return Holder(
        kind=read_text(kind),
        more=read_whole(more),
        bytes=None if size is None else read_whole(size),
        rooted=None if rooted is None else read_flag(rooted),
        steps=tuple(read_text(each) for each in read_items(steps)),
    )


def read_site(data: Any) -> AllocationSite:
    file, line, size, count, source = _columns(data, _SITE_COLUMNS, "site")
    return AllocationSite(
        file=read_text(file),
        line=read_whole(line),
        bytes=read_whole(size),
        count=read_whole(count),
        source=read_text(source),
    )


def _columns(data: Any, number: int, what: str) -> list[Any]:
    row = read_items(data)
    if len(row) != number:
        raise TypeError(f"{len(row)} columns of a {what} instead of {number}")
    return list(row)


def _since(data: dict[str, Any], started: float) -> float:
    return max(read_seconds(data["at"]) - started, 0.0)


def _seconds(value: Any) -> float | None:
    return None if value is None else read_seconds(value)
