"""A reproduced kill as text and as JSON, and what its files are."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from memcap.json_text import json_text
from memcap.model import Frame, Line
from memcap.report.caveats import short_text
from memcap.report.markdown_text import code
from memcap.report.profile import caveats_of, facts, line_json
from memcap.report.text import folded, last_lines, sentence, shortened, wrapped
from memcap.repro.conclusion import conclusion as verdict
from memcap.repro.conclusion import likelihood, place_of, seen_in
from memcap.repro.escalation import Load
from memcap.repro.reproduction import Attempt, Flight, LastAllocation, Reproduction, Stacks, State
from memcap.units import counted, format_bytes
from memcap.untrusted import printable

_MOST_FRAMES: Final = 12
_MOST_PROCESSES: Final = 8
_MOST_FILES: Final = 20


def render_repro(found: Reproduction, *, top: int, where: str, files: Collection[str], width: int = 80) -> str:
    """Return it as text with its ``top`` lines; ``where`` is the folder of everything else, with ``files`` in it.

    A command to paste stays in one line, however long.
    """
    parts = [
        wrapped(f"{printable(found.subject)} in {found.image}: {likelihood_text(found)}", width),
        loads_text(found),
    ]
    flight = found.flight
    if flight is not None:
        parts += [_lines(flight, top, width), *(_stacks(each, width) for each in flight.newest)]
        parts.append(wrapped(seen_in(flight), width))
        parts += [wrapped(state_text(state), width) for state in flight.states]
    parts.append(processes_text(found))
    parts.append(wrapped(recorder_text(found), width))
    parts.append(short_text(caveats_of(flight.profile), width, hint="; see --json") if flight else "")
    parts.append("\n".join([wrapped(verdict(found), width), *last_lines(found.last_words, width)]))
    again = "\n    ".join(again_texts(found))
    kept = f"Everything is in {where} ({'index.html' if 'index.html' in files else 'README.md'})"
    texts = [*(folded(part, width) for part in parts), again, folded(kept, width)]
    return "\n\n".join(text for text in texts if text) + "\n"


def repro_json(found: Reproduction, *, top: int, where: str, artefacts: Mapping[str, str]) -> str:
    """Return the figures for programs; ``artefacts`` are the files in ``where`` with what they are."""
    flight = found.flight
    need = found.need
    whole: dict[str, Any] = {
        "subject": found.subject,
        "image": found.image,
        "reproduced": found.kills > 0,
        "kills": found.kills,
        "attempts": [_attempt_json(each) for each in found.attempts],
        "earlier_attempts": [_attempt_json(each) for each in found.earlier],
        "asked_cap_bytes": found.asked_cap_bytes,
        "cap_bytes": found.cap_bytes,
        "load": _load_json(found.load),
        "estimated_load": _load_json(found.estimated_load),
        "verdict": verdict(found),
        "again": found.again or None,
        "top_sites": [_line_json(flight, each) for each in flight.profile.own_lines()[:top]] if flight else [],
        "stacks": [_stacks_json(each) for each in flight.newest] if flight else [],
        "last_allocations": [_last_json(each) for each in flight.last] if flight else [],
        "states": [_state_json(each) for each in flight.states] if flight else [],
        "processes": [
            {"pid": each.pid, "name": each.name, "vm_hwm_bytes": each.vm_hwm_bytes, "pss_bytes": each.pss_bytes}
            for each in found.largest_processes
        ],
        "growth": None
        if found.growth is None
        else {"bytes_per_cycle": round(found.growth.bytes_per_cycle), "cycles": found.growth.cycles},
        "need": None
        if need is None
        else {
            "cap_bytes": need.cap_bytes,
            "ending": need.ending.value,
            "unreclaimable_peak_bytes": need.unreclaimable_peak_bytes,
        },
        "recorder": None if flight is None else _recorder_json(flight),
        "not_recorded": found.not_recorded or None,
        "output": where,
        "artefacts": dict(artefacts),
    }
    return json_text(whole)


def likelihood_text(found: Reproduction) -> str:
    """Say how often it happened, and at which caps it did not."""
    text = f"killed in {likelihood(found)}."
    if found.earlier and not found.load:
        caps = sorted({each.cap_bytes for each in found.earlier}, reverse=True)
        text += f" Not killed at {', '.join(format_bytes(cap) for cap in caps)}."
    return text


def loads_text(found: Reproduction) -> str:
    """Return how far from the cap it was with each load that nothing was killed with, empty without such loads."""
    widest = max((len(str(load)) for load, _ in found.loads_survived), default=0)
    lines = [
        f"  {load!s:<{widest}} {format_bytes(need):>10}, {format_bytes(max(found.cap_bytes - need, 0))} below the cap"
        for load, need in found.loads_survived
    ]
    return "\n".join(["what had to fit where nothing was killed:", *lines]) if lines else ""


def again_texts(found: Reproduction) -> tuple[str, ...]:
    """Return how to get there without the search for a load or a cap, in words and as code; nothing without one."""
    if not found.again:
        return ()
    if found.again.isprintable():
        return "Again, without the search:", found.again
    # A command of several lines, say, cannot be shown such that it could be pasted.
    option = f"--escalate {found.load}" if found.load else f"--cap {found.cap_bytes}b"
    return "Again, without the search, is the same command with", option


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


def processes_text(found: Reproduction) -> str:
    """Return the largest processes of the run that was killed, without the recorder."""
    largest = found.largest_processes
    if not largest:
        return ""
    lines = [
        f"  {each.pid:>7}  {format_bytes(each.vm_hwm_bytes):>10}  {printable(each.name)}"
        for each in largest[:_MOST_PROCESSES]
    ]
    more = len(largest) - _MOST_PROCESSES
    lines += [f"  and {counted(more, 'smaller one')}"] if more > 0 else []
    return "\n".join(["processes by size, without the recorder:", *lines])


def recorder_text(found: Reproduction) -> str:
    """Return what the recorder took, or why there is none."""
    flight = found.flight
    if flight is None:
        return f"Nothing was recorded: {printable(found.not_recorded)}."
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


def readme(found: Reproduction, artefacts: Mapping[str, str]) -> str:
    """Return what each file of the folder is, as Markdown."""
    parts = [
        f"# memcap repro {found.id}",
        f"{code(found.subject)} in {found.image}, started {found.started}.",
        "    " + printable(verdict(found)),
        "\n\n    ".join(again_texts(found)),
        "\n".join(f"- {code(name)}: {what}" for name, what in artefacts.items()),
        "Figures of files that come from the run with the recorder are none to compare or to accept.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _lines(flight: Flight, top: int, width: int) -> str:
    text = [f"{'#':>3} {'size':>10} {'count':>8}  line (and what it called in packages and Python)"]
    indent = " " * 26
    found = flight.profile.own_lines()
    for number, line in enumerate(found[:top], start=1):
        place = printable(f"{place_of(line.frame)} {line.frame.function}") if line.frame else "(no line of Python)"
        source = printable(flight.profile.source(line.frame))
        text.append(f"{number:>3} {format_bytes(line.size_bytes):>10} {line.count:>8}  {shortened(place, width - 25)}")
        text += [indent + (source if len(source) <= width - 26 else f"{source[: width - 27]}…")] if source else []
        text += [indent + shortened(f"in {inside_text(each)}", width - 26) for each in line.inside[-1:]]
    rest = flight.profile.sites_bytes - sum(line.size_bytes for line in found[:top])
    return "\n".join([*text, f"    {format_bytes(rest):>10}           all other lines"])


def _stacks(stacks: Stacks, width: int) -> str:
    lines = [f"last stacks, at {format_bytes(stacks.used_bytes)} of {format_bytes(stacks.cap_bytes)}:"]
    for thread in stacks.threads:
        lines.append(f"  {printable(thread.name)}")
        shown = thread.frames[:_MOST_FRAMES]
        lines += [shortened(printable(f"    {place_of(frame)} {frame.function}"), width) for frame in shown]
        more = len(thread.frames) - len(shown)
        lines += [f"    … {more} more"] if more else []
    return "\n".join(lines)


def _line_json(flight: Flight, line: Line) -> dict[str, Any]:
    return {**line_json(flight.profile, line), "inside": [inside_text(each) for each in line.inside]}


def _load_json(load: Load | None) -> dict[str, Any] | None:
    """Return a load for programs; a duration is in seconds."""
    return {"name": load.name, "amount": load.amount} if load else None


def _attempt_json(attempt: Attempt) -> dict[str, Any]:
    run = attempt.measurement
    return {
        "cap_bytes": attempt.cap_bytes,
        "load": _load_json(attempt.load),
        "ending": run.ending.value,
        "oom_kills": run.oom.kills,
        "peak_bytes": run.peak_bytes,
        "unreclaimable_peak_bytes": run.unreclaimable_peak_bytes,
        "wall_seconds": run.wall_seconds,
        "output_tail": run.output_tail,
    }


def _recorder_json(flight: Flight) -> dict[str, Any]:
    profile, victim = flight.profile, flight.victim
    return {
        "tool": profile.tool.value,
        "tool_version": profile.tool_version,
        "raised_bytes": profile.raised_bytes,
        "ending": flight.measurement.ending.value,
        "victim": victim.pid if victim and flight.measurement.ending.is_oom else None,
        "counted_bytes": profile.sites_bytes,
        "processes": [{"pid": each.pid, "command": each.command, "main": each.main} for each in profile.processes],
        "caveats": [{"kind": each.kind.value, "detail": each.detail} for each in profile.caveats],
    }


def _stacks_json(stacks: Stacks) -> dict[str, Any]:
    return {
        "process": stacks.process,
        "used_bytes": stacks.used_bytes,
        "cap_bytes": stacks.cap_bytes,
        "seconds": stacks.seconds,
        "threads": [
            {
                "name": thread.name,
                "frames": [{"file": each.file, "line": each.line, "function": each.function} for each in thread.frames],
            }
            for thread in stacks.threads
        ],
    }


def _last_json(last: LastAllocation) -> dict[str, Any]:
    frames = [{"file": each.file, "line": each.line, "function": each.function} for each in last.frames]
    return {"process": last.process, "size_bytes": last.size_bytes, "thread": last.thread, "frames": frames}


def _state_json(state: State) -> dict[str, Any]:
    return {
        "process": state.process,
        "used_bytes": state.used_bytes,
        "objects": state.objects,
        "types": [{"name": name, "count": count} for name, count in state.types],
        "gc_counts": list(state.waiting),
        "gc_collections": list(state.collections),
        "files": list(state.files),
    }
