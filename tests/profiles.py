"""Small allocation profiles made by hand."""

from __future__ import annotations

from typing import Any

from memcap.model import AllocationProfile, Ending, Frame, ProfiledProcess, ProfileTool, Site

MIB = 1024 * 1024


def frame(line: int, function: str = "load", file: str = "/app/work.py", *, native: bool = False) -> Frame:
    """Return a line of a program of one file."""
    return Frame(file=file, line=line, function=function, native=native)


def site(size_bytes: int, *stack: Frame, count: int = 1, process: int = 7) -> Site:
    """Return what ``stack`` (innermost first) allocated."""
    return Site(stack=stack, size_bytes=size_bytes, count=count, process=process)


def make_profile(
    *sites: Site, texts: dict[Frame, str] | None = None, rest_bytes: int = 0, **more: Any
) -> AllocationProfile:
    """Return a profile of ``sites``; ``texts`` are the source texts of lines."""
    pids = dict.fromkeys(each.process for each in sites) or {7: None}
    of = {pid: sum(each.size_bytes for each in sites if each.process == pid) for pid in pids}
    processes = tuple(
        ProfiledProcess(
            pid=pid, command="python work.py", main=number == 0, peak_bytes=size, sites_bytes=size,
            rest_bytes=0 if number else rest_bytes,
        )
        for number, (pid, size) in enumerate(of.items())
    )  # fmt: skip
    facts: dict[str, Any] = {
        "id": "20261120T080000-profile-0001",
        "started": "2026-11-20T08:00:00+00:00",
        "subject": "small.load-py312-128m",
        "tool": ProfileTool.MEMRAY,
        "tool_version": "1.20.0",
        "image": "py312",
        "python": "CPython 3.12.3",
        "cap_bytes": 128 * MIB,
        "raised_bytes": 6 * MIB,
        "ending": Ending.COMPLETED,
        "sources": {f"{each.file}:{each.line}": text for each, text in (texts or {}).items()},
    }
    return AllocationProfile(processes=processes, sites=sites, **{**facts, **more})
