"""Lay out the stacks of a diff as an icicle: callers above what they call, as wide as the larger side. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from memcap.model import Frame
from memcap.profile_diff.diff import ProfileDiff

_DEEPEST: Final = 60  # rows; what is deeper counts for the last one
_NARROWEST: Final = 0.001  # of the whole; narrower ones cannot be seen


@dataclass(frozen=True, kw_only=True)
class Box:
    """One frame with all that was allocated under it; ``left`` and ``width`` are fractions. ``frame`` None is all."""

    frame: Frame | None
    old_bytes: int
    new_bytes: int
    depth: int
    left: float
    width: float


@dataclass
class _Node:
    old: int = 0
    new: int = 0
    weight: int = 0
    below: dict[Frame, _Node] = field(default_factory=dict)


def boxes_of(diff: ProfileDiff) -> tuple[Box, ...]:
    """Return the boxes, callers first. A stack is as wide as its larger side, so that what is gone can be seen too."""
    root = _Node()
    for change in diff.stacks:
        node = root
        path = [node]
        for frame in reversed(change.stack[-_DEEPEST:]):
            node = node.below.setdefault(frame, _Node())
            path.append(node)
        for each in path:
            each.old += change.old.size_bytes
            each.new += change.new.size_bytes
            each.weight += max(change.old.size_bytes, change.new.size_bytes)
    return tuple(_placed(None, root, depth=0, left=0.0, whole=root.weight or 1))


def _placed(frame: Frame | None, node: _Node, *, depth: int, left: float, whole: int) -> Iterator[Box]:
    width = node.weight / whole
    yield Box(frame=frame, old_bytes=node.old, new_bytes=node.new, depth=depth, left=left, width=width)
    for below, child in sorted(node.below.items(), key=lambda pair: -pair[1].weight):
        if child.weight / whole < _NARROWEST:
            break
        yield from _placed(below, child, depth=depth + 1, left=left, whole=whole)
        left += child.weight / whole
