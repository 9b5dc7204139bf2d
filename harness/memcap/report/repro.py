"""A reproduced kill as a document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from memcap.model import Frame, Line, Measurement
from memcap.report.caveats import caveat_blocks
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
    Link,
    Mono,
    Output,
    Overflow,
    Paragraph,
    Table,
    Text,
    document,
    flat,
)
from memcap.report.grown import holders_table
from memcap.report.profile import caveats_of, facts, lines_table
from memcap.report.text import NOTHING, sentence
from memcap.repro.conclusion import conclusion, likelihood, place_of, seen_in
from memcap.repro.reproduction import Attempt, Flight, Reproduction, Stacks, State
from memcap.units import counted, few, format_bytes, format_seconds
from memcap.untrusted import printable

_MOST_FRAMES: Final = 12
_MOST_PROCESSES: Final = 8
_NO_FILES: Final[Mapping[str, str]] = MappingProxyType({})


def repro_document(found: Reproduction, *, top: int, where: str = "", files: Mapping[str, str] = _NO_FILES) -> Document:
    """Return who did it, how often, and what the recorder saw, with its ``top`` lines.

    ``where`` is the folder of everything; ``files`` are beside the report, if it is in there, with what they are.
    """
    return document(
        "memcap repro",
        Paragraph(text=Advice(sentence(conclusion(found))), level=Level.BAD if found.kills else Level.PLAIN),
        Output(text=found.last_words, title="It printed at the end") if found.last_words.strip() else None,
        Paragraph(text=(Mono(found.subject), f" in {found.image}: {likelihood_text(found)}")),
        _loads(found),
        _recorded(found.flight, top) if found.flight else None,
        memory_charts(found),
        _processes(found),
        Fold(title="Runs", blocks=(_runs(found),)),
        Paragraph(text=recorder_text(found)),
        caveat_blocks(caveats_of(found.flight.profile), hint="; see --json") if found.flight else None,
        _again(found),
        _files(files) if files else None,
        Paragraph(text=f"Everything is in {where} (index.html)", hangs=True) if where else None,
    )


def _recorded(flight: Flight, top: int) -> tuple[Block, ...]:
    """Return what was seen by the recorder: lines, stacks, objects."""
    lines = flight.profile.own_lines()[:top]
    return flat(
        lines_table(flight.profile, lines, _inside),
        (table for stacks in flight.newest for table in _stacks(stacks)),
        Paragraph(text=sentence(seen_in(flight))),
        (_state(state) for state in flight.states),
    )


def _inside(line: Line) -> Iterator[Text]:
    yield from (("in ", Mono(inside_text(frame))) for frame in line.inside[-1:])


def _loads(found: Reproduction) -> Table | None:
    """Return how far from the cap it was with each load that nothing was killed with."""
    rows = [
        (str(load), format_bytes(need), f"{format_bytes(max(found.cap_bytes - need, 0))} below the cap")
        for load, need in found.loads_survived
    ]
    columns = (Column(title="load"), Column(title="had to fit", right=True), Column(title=""))
    return Table(columns=columns, rows=tuple(rows), title="Where nothing was killed") if rows else None


def _stacks(stacks: Stacks) -> Iterator[Table]:
    title = f"Last stacks, at {format_bytes(stacks.used_bytes)} of {format_bytes(stacks.cap_bytes)}"
    for thread in stacks.threads:
        frames = few([f"{place_of(frame)} {frame.function}" for frame in thread.frames], _MOST_FRAMES)
        columns = (Column(title=printable(thread.name), fit=Overflow.MIDDLE),)
        yield Table(columns=columns, rows=tuple((Mono(frame),) for frame in frames), title=title, noun="frames")
        title = ""


def _state(state: State) -> Fold:
    types = Table(
        columns=(Column(title="objects", right=True), Column(title="type")),
        rows=tuple((str(count), Mono(name)) for name, count in state.types),
        noun="types",
    )
    files = Code(text="\n".join(state.files), title="Open files")
    blocks = flat(
        Paragraph(text=state_text(state)),
        types if state.types else None,
        holders_table(state.holders),
        files if state.files else None,
    )
    return Fold(title=state_text(state), blocks=blocks, hint=".")


def memory_charts(found: Reproduction) -> tuple[Block, ...]:
    """Return the container's memory over time, without and with the recorder, and what the runner held on its way."""
    charts = [(title, chart) for title, run in _pictured(found).items() if (chart := memory_chart(run))]
    held = phases(found.attempts[-1].measurement)
    return flat(
        (
            Chart(drawing=chart.drawing, words=chart.words, title=f"Memory over time, {title}")
            for title, chart in charts
        ),
        Paragraph(text=f"The runner's process held {held}.") if held else None,
    )


def _pictured(found: Reproduction) -> dict[str, Measurement]:
    runs = {"without the recorder": found.killed_run or found.attempts[-1].measurement}
    return runs | ({"with the recorder, in a cap raised for it": found.flight.measurement} if found.flight else {})


def memory_chart(run: Measurement) -> Chart | None:
    """Return the container's memory over time; None without a series."""
    promised = run.cap_bytes - (run.supervisor_bytes or 0) if run.cap_bytes else None
    return memory_over_time(run.series, cap_bytes=run.cap_bytes, promised_bytes=promised, peak_bytes=run.peak_bytes)


def phases(run: Measurement) -> str:
    """Return what the runner's process held on its way, as far as it got."""
    if run.phases is None:
        return ""
    named = {
        "before the import": run.phases.interpreter_bytes,
        "before the call": run.phases.imported_bytes,
        "after the call": run.phases.returned_bytes,
        "when all was dropped": run.phases.left_bytes,
    }
    return ", ".join(f"{format_bytes(size)} {name}" for name, size in named.items() if size is not None)


def _processes(found: Reproduction) -> Table | None:
    """Return the largest processes of the run that was killed, without the recorder."""
    largest = found.largest_processes
    if not largest:
        return None
    rows: list[tuple[Text, ...]] = [
        (str(each.pid), format_bytes(each.vm_hwm_bytes), Mono(each.name)) for each in largest[:_MOST_PROCESSES]
    ]
    more = len(largest) - _MOST_PROCESSES
    rows += [("", "", f"and {counted(more, 'smaller one')}")] if more > 0 else []
    columns = (
        Column(title="PID", right=True),
        Column(title="largest resident set", right=True),
        Column(title="name", fit=Overflow.END),
    )
    return Table(columns=columns, rows=tuple(rows), title="Processes by size, without the recorder", noun="processes")


def _runs(found: Reproduction) -> Table:
    titles = ("cap", *([found.load.name] if found.load else []), "ending", "unreclaimable peak", "time", "detail")
    columns = tuple(Column(title=printable(title), right=title not in ("ending", "detail")) for title in titles)
    return Table(columns=columns, noun="runs", rows=tuple(
        _run(each, has_load=found.load is not None) for each in (*found.earlier, *found.attempts)
    ))  # fmt: skip


def _run(attempt: Attempt, *, has_load: bool) -> tuple[Text, ...]:
    run = attempt.measurement
    needed = run.unreclaimable_peak_bytes
    return (
        format_bytes(attempt.cap_bytes),
        *([attempt.load.spelled if attempt.load else ""] if has_load else []),
        run.ending.value,
        NOTHING if needed is None else format_bytes(needed),
        NOTHING if run.wall_seconds is None else format_seconds(run.wall_seconds),
        run.detail,
    )


def _again(found: Reproduction) -> Code | None:
    """Return how to get there without the search for a load or a cap."""
    if not found.again:
        return None
    if found.again.isprintable():
        return Code(text=found.again, title="Again, without the search", language="console")
    # A command of several lines, say, cannot be shown such that it could be pasted.
    option = f"--escalate {found.load}" if found.load else f"--cap {found.cap_bytes}b"
    return Code(text=option, title="Again, without the search, is the same command with", language="console")


def _files(files: Mapping[str, str]) -> Table:
    rows = tuple((Link(name, name), Advice(what)) for name, what in files.items())
    return Table(columns=(Column(title="file"), Column(title="what it is")), rows=rows, title="Files", noun="files")


def likelihood_text(found: Reproduction) -> str:
    """Say how often it happened, and at which caps it did not."""
    text = f"killed in {likelihood(found)}."
    if found.earlier and not found.load:
        caps = sorted({each.cap_bytes for each in found.earlier}, reverse=True)
        text += f" Not killed at {', '.join(format_bytes(cap) for cap in caps)}."
    return text


def inside_text(frame: Frame) -> str:
    """Return a line of a library, or a function of compiled code, in few words."""
    if frame.native and not frame.line:
        return printable(f"{frame.function} (compiled)")
    return printable(f"{frame.function} {place_of(frame)}")


def state_text(state: State) -> str:
    """Return what a process held near the cap."""
    at = f"process {state.process}, at {format_bytes(state.used_bytes)} of {format_bytes(state.cap_bytes)}"
    objects = (
        f"{counted(state.objects, 'object')} that the collector knows"
        if state.objects is not None
        else "objects not counted"
    )
    most = ", ".join(f"{count} {name.removeprefix('builtins.')}" for name, count in state.types[:5])
    collected = "/".join(str(each) for each in state.collections)
    files = counted(len(state.files), "open file")
    return f"{at}: {objects}{f' ({most})' if most else ''}; {collected} collections by generation; {files}"


def recorder_text(found: Reproduction) -> str:
    """Return what the recorder took, or why there is none."""
    flight = found.flight
    if flight is None:
        return f"Nothing was recorded: {found.not_recorded}."
    ended, cost = facts(flight.profile)
    return f"With the recorder: {ended} {sentence(cost)}"


def stack_text(stacks: Stacks) -> str:
    """Return all stacks whole, as a file of their own has them."""
    used = f"{format_bytes(stacks.used_bytes)} of {format_bytes(stacks.cap_bytes)} in use (without page cache)"
    lines = [f"process {stacks.process}, {stacks.seconds:.3f} s after its start: {used}"]
    for thread in stacks.threads:
        lines += ["", f"thread {thread.name} (innermost first)"]
        lines += [f"  {frame.file}:{frame.line} in {frame.function}" for frame in thread.frames]
    return "\n".join(printable(line) for line in lines) + "\n"
