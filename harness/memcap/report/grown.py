"""What grew in a program and who holds it: the clause of an answer, and the blocks with all of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from memcap.model import AllocationSite, Grown, GrownType, Holder
from memcap.model.places import named_line
from memcap.model.soak import NOT_FOUND, OUTSIDE
from memcap.report.document import Block, Column, Facts, Level, Lines, Mono, Note, Overflow, Paragraph, Table, Text
from memcap.report.text import NOTHING, number, shortened
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import printable

_LONGEST_SOURCE: Final = 60  # characters in a sentence
_MOST_ROWS: Final = 10
_WORTH_SAYING: Final = 0.01  # of what the largest line or holder has
_FEW: Final = 0.5  # of what grew: below, it is mostly something else than Python's own allocations
_MUCH_GARBAGE: Final = 1000  # objects: a program that runs always has a few
_EXPLAINS: Final = 0.3
_GOOD_PART: Final = 0.4
_LEAST_BYTES: Final = 1024 * 1024


def cause_in_words(grown: Grown, *, unit: str | None, work: float | None) -> str:
    """Return the line that allocated most and who holds that, as a clause; empty where neither is known.

    Whoever holds most may hold something else than what that line allocated: it must hold a good part of as much.
    """
    parts = [line_in_words(grown.sites[0])] if grown.sites else []
    holder = grown.holders[0] if grown.holders else None
    if holder and (not grown.sites or holder.bytes is None or holder.bytes >= _GOOD_PART * grown.sites[0].bytes):
        pace = f"{_each(holder.more / work)} a {unit}" if work and unit else f"{counted(holder.more, 'object')} more"
        parts.append(f"held by {printable(holder.way)}, {pace}")
    return ", ".join(parts)


def grown_blocks(grown: Grown, *, unit: str | None, work: float | None, bytes_: int | None) -> Iterator[Block]:
    """Yield what grew, by line, by holder and by class, and what looking for it cost."""
    if grown.why_not:
        yield Note(level=Level.WARN, title=f"What grows was not found: {printable(grown.why_not)}.")
        return
    span = format_seconds(grown.seconds - grown.since_seconds)
    yield Facts(title=f"What grew in {span}", items=tuple(_facts(grown, unit, work, bytes_)))
    yield from filter(None, (holders_table(grown.holders, unit, work),))
    held = sum(each.bytes or 0 for each in grown.holders)
    if grown.traced_bytes >= _LEAST_BYTES and held < _EXPLAINS * grown.traced_bytes:
        rest = "The rest is spread over many containers, or held in a way that was not found."
        yield Paragraph(text=f"No container explains it: these hold about {format_bytes(held)} of it. {rest}")
    yield from filter(None, (_sites(grown.sites), _types(grown.types)))


def is_elsewhere(grown: Grown, bytes_: int | None) -> bool:
    """Tell whether most of what grew is none of Python's own allocations."""
    if grown.why_not or bytes_ is None:
        return False
    rest = bytes_ - grown.tracing_bytes
    return rest >= _LEAST_BYTES and grown.traced_bytes < _FEW * rest


def _facts(grown: Grown, unit: str | None, work: float | None, bytes_: int | None) -> Iterator[tuple[Text, Text]]:
    if bytes_ is not None:
        yield "unreclaimable memory", f"{format_bytes(bytes_)} more, with what tracemalloc needs"
    yield "by Python's allocators", f"{format_bytes(grown.traced_bytes)} that still live"
    if work is not None and unit:
        yield f"{unit}s meanwhile", number(round(work))
    if grown.processes > 1:
        yield "processes", str(grown.processes)
    if grown.frozen >= _MUCH_GARBAGE:  # CPython 3.12 has some hundreds of its own
        yield "frozen", f"{grown.frozen:,} objects (gc.freeze), whose holders are not seen"
    if grown.garbage >= _MUCH_GARBAGE:
        yield "garbage", f"{grown.garbage:,} objects that nothing held, and that nobody had collected"
    cost = f"the program stood still for {format_seconds(grown.took_seconds)}; tracemalloc needed "
    yield "looking cost", f"{cost}{format_bytes(grown.tracing_bytes)}"


def holders_table(holders: tuple[Holder, ...], unit: str | None = None, work: float | None = None) -> Table | None:
    """Return who holds what grew; None where that is not known. ``work`` are the pieces of ``unit`` done meanwhile."""
    most = max((each.bytes or 0 for each in holders), default=0)
    shown = [each for each in holders if each.bytes is None or each.bytes >= _WORTH_SAYING * most]
    if not shown:
        return None
    rows = tuple(
        (
            f"about {format_bytes(each.bytes)}" if each.bytes is not None else NOTHING,
            f"{each.more:,}",
            *((_each(each.more / work) if work else NOTHING,) if unit else ()),
            Mono(_whole_way(each)),
        )
        for each in shown
    )
    columns = (
        Column(title="holds\nmore", right=True),
        Column(title="objects\nmore", right=True),
        *((Column(title=f"a {unit}", right=True, rank=1),) if unit else ()),
        Column(title="held by", fit=Overflow.MIDDLE),
    )
    return Table(columns=columns, rows=rows, title="Who holds it", noun="holders")


def _whole_way(holder: Holder) -> str:
    begin = () if holder.rooted else (f"({NOT_FOUND if holder.rooted is None else OUTSIDE})",)
    return " -> ".join(map(printable, (*begin, *holder.steps)))


def _sites(sites: tuple[AllocationSite, ...]) -> Table | None:
    shown = [each for each in sites if each.bytes >= _WORTH_SAYING * sites[0].bytes][:_MOST_ROWS]
    if not shown:
        return None
    rows = tuple(
        (
            format_bytes(site.bytes),
            f"{site.count:,}",
            Lines((named_line(site.file, site.line), *((Mono(site.source.strip()),) if site.source.strip() else ()))),
        )
        for site in shown
    )
    columns = (
        Column(title="size", right=True),
        Column(title="count", right=True),
        Column(title="line", fit=Overflow.MIDDLE),
    )
    return Table(columns=columns, rows=rows, title="Which lines allocated it", noun="lines")


def _types(types: tuple[GrownType, ...]) -> Table | None:
    if not types:
        return None
    rows = tuple((printable(each.name), f"{each.before:,}", f"{each.now:,}") for each in types[:_MOST_ROWS])
    columns = (Column(title="class"), Column(title="before", right=True), Column(title="now", right=True))
    return Table(columns=columns, rows=rows, title="Objects by class", noun="classes")


def line_in_words(site: AllocationSite) -> str:
    """Return a line of a program with its text, for a sentence."""
    place = printable(named_line(site.file, site.line))
    source = printable(site.source).strip()
    return f"{place} `{shortened(source, _LONGEST_SOURCE)}`" if source else place


def _each(count: float) -> str:
    """Return a number of objects for each piece of work."""
    rounded = float(f"{count:.2g}")
    return counted(round(count), "object") if count >= 10 or rounded == 1 else f"{number(rounded)} objects"
