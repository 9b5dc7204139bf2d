"""An allocation profile as text, as a tree and as JSON; every figure is one of a run with the instrument in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from memcap.json_text import json_text
from memcap.model import AllocationProfile, Frame, Line, Site, limit_of
from memcap.report.caveats import CaveatView, gather, short_text
from memcap.report.text import folded, last_lines, shortened, wrapped
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable

_SMALLEST_BRANCH: Final = 0.005  # of all; smaller ones are left out of the tree
_LEAST_SLOWDOWN: Final = 1.05  # less is written as 1.0
_SUBJECT_WIDTH: Final = 120
_DEEPEST: Final = 200
_TEXT_WIDTH: Final = 55


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
    ended = f"{profile.ending.value}: {profile.ending.explanation}{detail}."
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


def render_profile(profile: AllocationProfile, *, top: int, where: str, width: int = 80) -> str:
    """Return the profile as text with its ``top`` lines; ``where`` is the folder of its reports."""
    parts = [wrapped(heading(profile), width), _table(profile, profile.lines()[:top], width)]
    if len(profile.processes) > 1:
        parts.append(_processes(profile))
    parts.append(wrapped(told(profile), width))
    parts += [wrapped(each, width) for each in facts(profile)]
    if lines := last_lines(profile.output_tail, width):
        parts.append("\n".join(["The end of its output:", *lines]))
    parts.append(short_text(caveats_of(profile), width, hint="; see --json"))
    parts.append(f"Reports: {where}")
    return folded("\n\n".join(part for part in parts if part), width) + "\n"


def caveats_of(profile: AllocationProfile) -> tuple[CaveatView, ...]:
    """Return the doubts about the record, gathered by kind."""
    return gather((), [("", caveat) for caveat in profile.caveats], judged=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line for a reader; ``place`` and ``caller`` are with their functions, ``caller`` may be empty."""

    size: str
    count: str
    place: str
    text: str
    caller: str
    caller_text: str


def rows_of(profile: AllocationProfile, lines: Sequence[Line]) -> list[Row]:
    """Return the lines for a reader."""
    return [
        Row(
            size=format_bytes(line.size_bytes),
            count=str(line.count),
            place=_place(line.frame) or "(no line of Python)",
            text=printable(profile.source(line.frame)),
            caller=_place(line.caller),
            caller_text=printable(profile.source(line.caller)),
        )
        for line in lines
    ]


def render_tree(profile: AllocationProfile) -> str:
    """Return the sites as a tree of callers, outermost first; what is less than a two-hundredth of all is left out."""
    lines = [f"{format_bytes(profile.sites_bytes)} {printable(profile.subject)}, {profile.tool.value}"]
    least = profile.sites_bytes * _SMALLEST_BRANCH
    for process in profile.processes:
        size = process.sites_bytes + process.rest_bytes
        lines.append(f"└ {format_bytes(size)} process {process.pid}: {printable(process.command)[:100]}")
        sites = [(_from_outside(site), site) for site in profile.sites if site.process == process.pid]
        _grow(lines, sites, depth=1, least=least, profile=profile)
    return "\n".join(lines) + "\n"


def profile_json(profile: AllocationProfile, *, top: int, where: str) -> str:
    """Return the figures for programs."""
    whole: dict[str, Any] = {
        "profiled": True,
        "subject": profile.subject,
        "tool": profile.tool.value,
        "tool_version": profile.tool_version,
        "image": profile.image,
        "python": profile.python,
        "ending": profile.ending.value if profile.attached_seconds is None else None,
        "detail": profile.detail,
        "output_tail": profile.output_tail,
        "attached_seconds": profile.attached_seconds,
        "aggregated": profile.aggregated,
        "cap_bytes": limit_of(profile.cap_bytes),
        "raised_bytes": profile.raised_bytes,
        "footprint_bytes": profile.cost.footprint_bytes,
        "footprint_of_idle": profile.cost.idle,
        "slowdown": profile.cost.slowdown,
        "unreclaimable_peak_bytes": profile.unreclaimable_peak_bytes,
        "sites_bytes": profile.sites_bytes,
        "top_sites": [_line_json(profile, line) for line in profile.lines()[:top]],
        "processes": [
            {"pid": each.pid, "command": each.command, "main": each.main, "peak_bytes": each.peak_bytes}
            for each in profile.processes
        ],
        "caveats": [{"kind": each.kind.value, "detail": each.detail} for each in profile.caveats],
        "sentence": told(profile),
        "output": where,
    }
    return json_text(whole)


def line_json(profile: AllocationProfile, line: Line) -> dict[str, Any]:
    """Return one line of a table for programs; ``file`` is null where no line of Python is to blame."""
    frame = line.frame
    return {
        "file": frame.file if frame else None,
        "line": frame.line if frame else None,
        "function": frame.function if frame else None,
        "size_bytes": line.size_bytes,
        "count": line.count,
        "processes": list(line.processes),
        "text": profile.source(frame),
    }


def _line_json(profile: AllocationProfile, line: Line) -> dict[str, Any]:
    caller = line.caller
    return {**line_json(profile, line), "caller": f"{caller.file}:{caller.line}" if caller else None}


def _table(profile: AllocationProfile, lines: Sequence[Line], width: int) -> str:
    text = [f"{'#':>3} {'size':>10} {'count':>8}  line"]
    indent = " " * 26
    for number, row in enumerate(rows_of(profile, lines), start=1):
        text.append(f"{number:>3} {row.size:>10} {row.count:>8}  {shortened(row.place, width - 25)}")
        text += [indent + _begun(row.text, width - 26)] if row.text else []
        if row.caller:
            text.append(indent + shortened(f"called at {row.caller}", width - 26))
            text += [indent + "  " + _begun(row.caller_text, width - 28)] if row.caller_text else []
    rest = profile.sites_bytes - sum(line.size_bytes for line in lines)
    return "\n".join([*text, f"    {format_bytes(rest):>10}           all other lines"])


def _processes(profile: AllocationProfile) -> str:
    lines = [
        f"  {process.pid}  {format_bytes(process.peak_bytes):>10}  {shortened(printable(process.command), _TEXT_WIDTH)}"
        for process in profile.processes
    ]
    return "\n".join(["peaks of the processes, which need not be at the same time:", *lines])


def _grow(
    lines: list[str],
    sites: list[tuple[tuple[Frame, ...], Site]],
    *,
    depth: int,
    least: float,
    profile: AllocationProfile,
) -> None:
    """Append a branch for each frame that comes next in the stacks of ``sites``, and what grows from it."""
    branches: dict[Frame, list[tuple[tuple[Frame, ...], Site]]] = {}
    for stack, site in sites:
        if stack:
            branches.setdefault(stack[0], []).append((stack[1:], site))
    sized = sorted(((sum(s.size_bytes for _, s in each), f) for f, each in branches.items()), key=lambda pair: -pair[0])
    shown = [(size, frame) for size, frame in sized if size >= least]
    # What has one caller only stays in its column: stacks are deeper than lines are wide.
    inner = depth + (len(shown) > 1)
    for size, frame in shown:
        place = _place(frame) if frame.line else printable(frame.function)  # of compiled code, often all that is known
        code = printable(profile.source(frame))
        lines.append(f"{'  ' * inner}└ {format_bytes(size)} {place}" + (f"  {code}" if code else ""))
        _grow(lines, branches[frame], depth=inner, least=least, profile=profile)


def _from_outside(site: Site) -> tuple[Frame, ...]:
    """Return the outermost frames first, without those of which nothing is known, and as many as can be drawn."""
    known = (frame for frame in reversed(site.stack) if not (frame.native and frame.function == "<unknown>"))
    return tuple(known)[:_DEEPEST]


def _begun(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _place(frame: Frame | None) -> str:
    return printable(f"{frame.file}:{frame.line} {frame.function}") if frame else ""


def _quoted(profile: AllocationProfile, frame: Frame) -> str:
    code = profile.source(frame)
    return f": `{code}`" if code else ""
