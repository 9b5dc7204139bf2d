"""An allocation profile as a document; every figure is one of a run with the instrument in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

from memcap.model import AllocationProfile, Frame, Line, ProfiledProcess
from memcap.report.caveats import CaveatView, caveat_blocks, gather
from memcap.report.charts import memory_over_time
from memcap.report.document import (
    Advice,
    Block,
    Chart,
    Code,
    Column,
    Document,
    Fold,
    Level,
    Lines,
    Link,
    Mono,
    Output,
    Overflow,
    Paragraph,
    Table,
    Text,
    document,
)
from memcap.report.profile_tree import place_text, render_tree
from memcap.report.text import NOTHING, shortened
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable

NO_LINE: Final = "(no line of Python)"
_LEAST_SLOWDOWN: Final = 1.05  # less is written as 1.0
_SUBJECT_WIDTH: Final = 120
_REPORTS: Final = (
    ("flamegraph", "flamegraph.html"),
    ("flamegraph over time", "temporal.html"),
    ("what lives at the end", "leaks.html"),
    ("table", "table.html"),
    ("statistics", "stats.json"),
)
_NO_LINKS: Final[Mapping[int, tuple[Link, ...]]] = MappingProxyType({})


def profile_document(
    profile: AllocationProfile, *, top: int, where: str = "", links: Mapping[int, tuple[Link, ...]] = _NO_LINKS
) -> Document:
    """Return what ``profile`` says, with its ``top`` lines.

    ``where`` is the folder of its files; ``links`` lead to those of each process, for a page in that folder.
    """
    chart = memory_chart(profile)
    return document(
        "memcap profile",
        Paragraph(text=Advice(told(profile))),
        Paragraph(text=heading(profile), level=Level.WARN),
        lines_table(profile, profile.lines()[:top], _called_at(profile)),
        (Paragraph(text=fact) for fact in facts(profile)),
        Output(text=profile.output_tail, title="The end of its output") if profile.output_tail else None,
        caveat_blocks(caveats_of(profile), hint="; see --json"),
        chart,
        _processes(profile, links),
        Fold(title="Callers", blocks=(Code(text=render_tree(profile)),)),
        Paragraph(text=f"Reports: {where}") if where else None,
    )


def report_links(profile: AllocationProfile, folder: Path, artefacts: str) -> dict[int, tuple[Link, ...]]:
    """Return what leads to the tool's own reports of each process, which are under ``artefacts`` in ``folder``."""
    return {
        process.pid: tuple(
            Link(address, name)
            for name, file in _REPORTS
            if (folder / (address := f"{artefacts}/{process.pid}-{file}")).is_file()
        )
        for process in profile.processes
    }


def memory_chart(profile: AllocationProfile) -> Chart | None:
    """Return the container's memory over time; None without a series."""
    cap = profile.cap_bytes + profile.raised_bytes
    return memory_over_time(profile.series, cap_bytes=cap, promised_bytes=cap, peak_bytes=None)


def lines_table(
    profile: AllocationProfile, lines: Sequence[Line], below: Callable[[Line], Iterator[Text]] | None = None
) -> Table:
    """Return a row for each line with its text, and what ``below`` says of it; the last row is of all others."""
    rows: list[tuple[Text | Lines, ...]] = []
    for number, line in enumerate(lines, start=1):
        shown: list[Text] = [place(line.frame)]
        if text := profile.source(line.frame):
            shown.append(Mono(text))
        shown += below(line) if below else ()
        rows.append((str(number), format_bytes(line.size_bytes), str(line.count), Lines(tuple(shown))))
    rest = profile.sites_bytes - sum(line.size_bytes for line in lines)
    rows.append(("", format_bytes(rest), "", "all other lines"))
    columns = (
        Column(title="#", right=True),
        Column(title="size", right=True),
        Column(title="count", right=True),
        Column(title="line", fit=Overflow.MIDDLE),
    )
    return Table(columns=columns, rows=tuple(rows), noun="lines")


def place(frame: Frame | None) -> Mono | str:
    """Return a line for a reader."""
    return Mono(place_text(frame)) if frame else NO_LINE


def told(profile: AllocationProfile) -> str:
    """Return the profile in a sentence."""
    top = next((line for line in profile.lines() if line.frame), None)
    total = format_bytes(profile.sites_bytes)
    if top is None or top.frame is None:
        return f"{profile.tool.value} counted {total}, none of it in a line of Python."
    where = f"{top.frame.file}:{top.frame.line} in {top.frame.function}{_quoted(profile, top.frame)}"
    where += f", called at {top.caller.file}:{top.caller.line}{_quoted(profile, top.caller)}" if top.caller else ""
    children = {process.pid for process in profile.processes if not process.main}
    who = " of a child process" if children.issuperset(top.processes) else ""
    counted = f"{format_bytes(top.size_bytes)} of the {total} that {profile.tool.value} counted"
    need = profile.unreclaimable_peak_bytes
    if need is None or profile.peak_bytes <= need:
        return printable(f"{counted} were allocated at {where}{who}.")
    untouched = f"The container needed {format_bytes(need)}: not all of what was asked for was ever touched."
    return printable(f"{counted} were asked for at {where}{who}. {untouched}")


def facts(profile: AllocationProfile) -> tuple[str, ...]:
    """Return what else is to be known: ending, peak of the container, what the instrument took."""
    tool, cost = profile.tool.value, profile.cost
    if profile.attached_seconds is not None:
        seconds = format_seconds(profile.attached_seconds)
        return (
            f"Attached for {seconds} at most, to a process that ran already. What {tool} took of its cap is not known.",
        )
    peak = profile.unreclaimable_peak_bytes
    took = f"{tool} took {format_bytes(cost.footprint_bytes or 0)}"
    took += " in an interpreter that does nothing" if cost.idle else ""
    took += _longer(cost.slowdown) if cost.slowdown else ""
    took += "" if cost.idle else " (one run without it, one with it)"
    detail = f" ({printable(profile.detail)})" if profile.detail else ""
    ended = f"{profile.ending.value}: {profile.explanation}{detail}."
    ended += f" The container needed {format_bytes(peak)}, {tool} included." if peak else ""
    cap, raised = format_bytes(profile.cap_bytes), format_bytes(profile.raised_bytes)
    totals = (
        f"As the program ran for long, {tool} recorded totals: there is no flamegraph over time, and no statistics."
    )
    return ended, f"{took}; the cap of {cap} was raised by {raised}.", *([totals] if profile.aggregated else [])


def _longer(slowdown: float) -> str:
    """Say how much longer it took; one run may be quicker than another, which is no merit of the tool."""
    return f" and {slowdown:.1f} times as long" if slowdown >= _LEAST_SLOWDOWN else " and no more time"


def heading(profile: AllocationProfile) -> str:
    """Return what was profiled, where, with what."""
    subject = shortened(printable(profile.subject), _SUBJECT_WIDTH)
    mode = ", with compiled code" if profile.native else ""
    return (
        f"{subject}: PROFILED with {profile.tool.value} {profile.tool_version}{mode} in {profile.image} "
        f"({profile.python}). No figure here is one to compare or to accept."
    )


def caveats_of(profile: AllocationProfile) -> tuple[CaveatView, ...]:
    """Return the doubts about the record, gathered by kind."""
    return gather((), [("", caveat) for caveat in profile.caveats], judged=False)


def _called_at(profile: AllocationProfile) -> Callable[[Line], Iterator[Text]]:
    def below(line: Line) -> Iterator[Text]:
        if line.caller:
            yield ("called at ", place(line.caller))
            if text := profile.source(line.caller):
                yield Mono(text)

    return below


def _processes(profile: AllocationProfile, links: Mapping[int, tuple[Link, ...]]) -> Block | None:
    if len(profile.processes) < 2 and not any(links.values()):
        return None

    def row(process: ProfiledProcess) -> tuple[Text, ...]:
        found = links.get(process.pid, ())
        named = tuple(part for link in found for part in (", ", link))[1:] if found else NOTHING
        last = (named,) if links else ()
        return str(process.pid), format_bytes(process.peak_bytes), Mono(process.command), *last

    columns = (
        Column(title="PID", right=True),
        Column(title="peak", right=True),
        Column(title="command", fit=Overflow.MIDDLE),
        *((Column(title="reports"),) if links else ()),
    )
    title = "Peaks of the processes, which need not be at the same time"
    return Table(columns=columns, rows=tuple(map(row, profile.processes)), title=title, noun="processes")


def _quoted(profile: AllocationProfile, frame: Frame) -> str:
    code = profile.source(frame)
    return f": `{code}`" if code else ""
