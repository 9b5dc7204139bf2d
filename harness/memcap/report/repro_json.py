"""A reproduced kill as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from memcap.json_text import json_text
from memcap.model import Line
from memcap.report.profile_json import frame_json, line_json
from memcap.report.repro import inside_text
from memcap.repro.conclusion import conclusion
from memcap.repro.escalation import Load
from memcap.repro.reproduction import Attempt, Flight, LastAllocation, Reproduction, Stacks, State


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
        "verdict": conclusion(found),
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
        "threads": [{"name": thread.name, "frames": list(map(frame_json, thread.frames))} for thread in stacks.threads],
    }


def _last_json(last: LastAllocation) -> dict[str, Any]:
    frames = list(map(frame_json, last.frames))
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
        "holders": [asdict(each) for each in state.holders],
    }
