"""An allocation profile for https://www.speedscope.app: a profile a process, weighted by bytes.

Source: https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources, and its file-format-schema.json.
"""

from __future__ import annotations

from typing import Any, Final

from memcap import __version__
from memcap.json_text import json_line
from memcap.model import AllocationProfile, Frame, ProfiledProcess
from memcap.untrusted import printable

SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
UNKNOWN: Final = "(no stack)"
REST: Final = "(smaller allocations)"
_Key = Frame | str


def speedscope_json(profile: AllocationProfile) -> str:
    """Return ``profile`` in speedscope's format. The weights of a process add up to all that was counted of it."""
    frames: dict[_Key, int] = {}
    document = json_line(
        {
            "$schema": SCHEMA,
            "name": printable(f"{profile.subject}: {profile.id}"),
            "exporter": f"memcap {__version__}",
            "activeProfileIndex": 0,
            "profiles": [_sampled(profile, process, frames) for process in profile.processes],
            "shared": {"frames": [_frame(each) for each in frames]},  # after all are known
        }
    )
    return document + "\n"


def _sampled(profile: AllocationProfile, process: ProfiledProcess, frames: dict[_Key, int]) -> dict[str, Any]:
    samples: list[list[int]] = []
    weights: list[int] = []

    def add(stack: tuple[_Key, ...], size: int) -> None:
        samples.append([frames.setdefault(each, len(frames)) for each in stack])
        weights.append(size)

    for site in profile.sites:
        if site.process == process.pid:
            add(tuple(reversed(site.stack)) or (UNKNOWN,), site.size_bytes)
    if process.rest_bytes > 0:
        add((REST,), process.rest_bytes)
    return {
        "type": "sampled",
        "name": printable(f"{process.command} (PID {process.pid})"),
        "unit": "bytes",
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }


def _frame(frame: _Key) -> dict[str, Any]:
    if isinstance(frame, str):
        return {"name": frame}
    shown: dict[str, Any] = {"name": printable(frame.function) or UNKNOWN, "file": printable(frame.file)}
    if frame.line > 0:  # compiled code may have no line
        shown["line"] = frame.line
    return shown
