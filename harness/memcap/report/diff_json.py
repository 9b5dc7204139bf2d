"""The diff of two allocation profiles as JSON."""

from __future__ import annotations

from typing import Any, Final

from memcap.json_text import json_text
from memcap.model import AllocationProfile, Frame, limit_of
from memcap.profile_diff import LineChange, ProfileDiff, StackChange
from memcap.report.diff import largest_stacks, told
from memcap.report.profile_json import frame_json

# History of the schema; it goes up when a key goes away or changes its meaning.
# 1 - first version
DIFF_SCHEMA: Final = 1


def render_diff_json(diff: ProfileDiff, *, top: int) -> str:
    """Return the whole diff for programs: all lines that changed, and the ``top`` stacks."""
    return json_text(diff_json(diff, top=top))


def diff_json(diff: ProfileDiff, *, top: int) -> dict[str, Any]:
    """Return the diff as plain values, in bytes; lines and stacks that are the same are left out."""
    return {
        "schema": DIFF_SCHEMA,
        "profiled": True,
        "sentence": told(diff),
        "tool": diff.after.tool.value,
        "before": _side_json(diff.before),
        "after": _side_json(diff.after),
        "total_before_bytes": diff.total_before,
        "total_after_bytes": diff.total_after,
        "delta_bytes": diff.delta_bytes,
        "unlisted_before_bytes": diff.rest_before,
        "unlisted_after_bytes": diff.rest_after,
        "lines": [_line_json(line) for line in diff.lines if line.word != "same"],
        "stacks": [_stack_json(stack) for stack in largest_stacks(diff, top)],
        "doubts": list(diff.doubts),
    }


def _side_json(profile: AllocationProfile) -> dict[str, Any]:
    names = ("id", "subject", "image", "python", "tool_version")
    return {
        **{name: getattr(profile, name) for name in names},
        "cap_bytes": limit_of(profile.cap_bytes),
        "ending": profile.ending.value,
    }


def _line_json(line: LineChange) -> dict[str, Any]:
    return {
        "change": line.word,
        "delta_bytes": line.delta_bytes,
        "before": _place_json(line.before, line.text_before),
        "after": _place_json(line.after, line.text_after),
        "size_before_bytes": line.old.size_bytes,
        "size_after_bytes": line.new.size_bytes,
        "count_before": line.old.count,
        "count_after": line.new.count,
        "moved": line.moved,
        "edited": line.edited,
        "inside": f"{line.inside.file}:{line.inside.line}" if line.inside else None,
    }


def _place_json(frame: Frame | None, text: str) -> dict[str, Any] | None:
    return {**frame_json(frame), "text": text} if frame else None


def _stack_json(change: StackChange) -> dict[str, Any]:
    return {
        "change": change.word,
        "delta_bytes": change.delta_bytes,
        "size_before_bytes": change.old.size_bytes,
        "size_after_bytes": change.new.size_bytes,
        "count_before": change.old.count,
        "count_after": change.new.count,
        "stack": list(map(frame_json, change.stack)),
    }
