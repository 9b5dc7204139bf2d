"""An allocation profile as a tree of callers."""

from __future__ import annotations

from typing import Final

from memcap.model import AllocationProfile, Frame, Site
from memcap.units import format_bytes
from memcap.untrusted import printable

_SMALLEST_BRANCH: Final = 0.005  # of all; smaller ones are left out of the tree
_DEEPEST: Final = 200


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
        # Of compiled code, the function is often all that is known.
        place = printable(place_text(frame) if frame.line else frame.function)
        code = printable(profile.source(frame))
        lines.append(f"{'  ' * inner}└ {format_bytes(size)} {place}" + (f"  {code}" if code else ""))
        _grow(lines, branches[frame], depth=inner, least=least, profile=profile)


def _from_outside(site: Site) -> tuple[Frame, ...]:
    """Return the outermost frames first, without those of which nothing is known, and as many as can be drawn."""
    known = (frame for frame in reversed(site.stack) if not (frame.native and frame.function == "<unknown>"))
    return tuple(known)[:_DEEPEST]


def place_text(frame: Frame) -> str:
    """Return file, line and function."""
    return f"{frame.file}:{frame.line} {frame.function}"
