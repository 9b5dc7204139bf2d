"""An allocation profile as JSON."""

from __future__ import annotations

from typing import Any

from memcap.json_text import json_text
from memcap.model import AllocationProfile, Frame, Line, limit_of
from memcap.report.profile import told


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


def frame_json(frame: Frame | None) -> dict[str, Any]:
    """Return a place for programs; all is null where no line of Python is to blame."""
    return {name: getattr(frame, name, None) for name in ("file", "line", "function")}


def line_json(profile: AllocationProfile, line: Line) -> dict[str, Any]:
    """Return one line of a table for programs; ``file`` is null where no line of Python is to blame."""
    return {
        **frame_json(line.frame),
        "size_bytes": line.size_bytes,
        "count": line.count,
        "processes": list(line.processes),
        "text": profile.source(line.frame),
    }


def _line_json(profile: AllocationProfile, line: Line) -> dict[str, Any]:
    caller = line.caller
    return {**line_json(profile, line), "caller": f"{caller.file}:{caller.line}" if caller else None}
