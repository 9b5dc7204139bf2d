"""Read what was noted (``sites.json``, written by ``inside/memcap_render.py``) into processes and sites."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memcap.errors import FileFormatError
from memcap.instruments.session import SITES_FILE
from memcap.model import Caveat, CaveatKind, Frame, ProfiledProcess, Site
from memcap.strict import MOST_RESULT_BYTES, quote, read_object, read_text

UNKNOWN_VERSION = "unknown"
_SIGNED = ("frames", "rest_bytes")  # a line of no file is -1 to some tools


@dataclass(frozen=True, kw_only=True)
class Noted:
    """What the instrument noted in all processes; ``tool_version`` is the tool's own word."""

    tool_version: str
    processes: tuple[ProfiledProcess, ...]
    sites: tuple[Site, ...]
    sources: Mapping[str, str]
    caveats: tuple[Caveat, ...]


def read_noted(artefacts: Path) -> Noted:
    """Return what is in ``artefacts``, the largest sites first. Raises FileFormatError."""
    path = artefacts / SITES_FILE
    whole = read_object(path, read_text(path, most_bytes=MOST_RESULT_BYTES), signed=_SIGNED)
    try:
        frames = [
            Frame(file=str(file), line=int(line), function=str(name), native=bool(native))
            for file, line, name, native in whole["frames"]
        ]
        found = sorted(whole["processes"], key=lambda process: int(process["pid"]))
        pids = {int(process["pid"]) for process in found}
        processes = tuple(_process(process, main=process.get("parent") not in pids) for process in found)
        sites = [_site(row, frames, int(process["pid"])) for process in found for row in process["sites"]]
        versions = [str(process["version"]) for process in found if "version" in process]
        caveats = tuple(caveat for process in found for caveat in _caveats(process))
        sources = {str(place): str(text) for place, text in whole["sources"].items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
        said = quote(f"{type(error).__name__}: {error}")
        raise FileFormatError(f"{path} is not what memcap wrote there: {said}") from error
    return Noted(
        tool_version=versions[0] if versions else UNKNOWN_VERSION,
        processes=processes,
        sites=tuple(sorted(sites, key=lambda site: -site.size_bytes)),
        sources=sources,
        caveats=caveats,
    )


def _process(process: Mapping[str, Any], *, main: bool) -> ProfiledProcess:
    return ProfiledProcess(
        pid=int(process["pid"]),
        command=" ".join(process["command"]),
        main=main,
        peak_bytes=int(process["peak_bytes"]),
        sites_bytes=sum(int(row[0]) for row in process["sites"]),
        rest_bytes=int(process.get("rest_bytes", 0)),
        allocations=None if process.get("allocations") is None else int(process["allocations"]),
    )


def _site(row: list[Any], frames: list[Frame], process: int) -> Site:
    size, count, thread, allocator, places = row
    return Site(
        stack=tuple(frames[place] for place in places),
        size_bytes=int(size),
        count=int(count),
        process=process,
        thread=str(thread),
        allocator=str(allocator),
    )


def _caveats(process: Mapping[str, Any]) -> list[Caveat]:
    who = f"process {process['pid']} ({' '.join(process['command'])[:80]})"
    if "error" in process:
        return [Caveat(kind=CaveatKind.NOT_RECORDED, detail=f"{who}: {process['error']}")]
    if not process["sites"]:
        return [Caveat(kind=CaveatKind.NOT_RECORDED, detail=f"{who} ended before anything was written")]
    return []
