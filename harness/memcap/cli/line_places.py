"""Where the lines of a profile are in the repository."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from memcap.model import Frame, Suite
    from memcap.report.github import Place
    from memcap.sites import ProfileDiff

_SUITE = "/memcap/suite/"  # where a suite's files are in a container


def places_of_lines(diff: ProfileDiff, *, suites: Mapping[str, Suite], top: Path) -> dict[Frame, Place]:
    """Return where lines of the container are in the repository at ``top``, as far as they are there.

    The files of a suite are in its folder; any other is looked for by the end of its path, the longest first. Only a
    file that has the same text in that line is taken.
    """
    from memcap.report.github import Place

    above, found = top.resolve(), {}
    for frame in {frame for stack in diff.stacks if stack.delta_bytes > 0 for frame in stack.stack}:
        text = diff.after.source(frame)
        if not text:
            continue
        for path in _candidates(frame, diff.after.subject, suites, above):
            if _has(path, frame.line, text):
                found[frame] = Place(file=path.relative_to(above).as_posix(), line=frame.line)
                break
    return found


def _candidates(frame: Frame, subject: str, suites: Mapping[str, Suite], top: Path) -> Iterator[Path]:
    """Yield what the file of a line may be in the repository."""
    name = subject.partition(".")[0]
    if frame.file.startswith(_SUITE):
        if name in suites:
            path = suites[name].directory.resolve() / frame.file.removeprefix(_SUITE)
            yield from [path] if path.is_relative_to(top) else []
        return
    parts = [part for part in frame.file.split("/") if part]
    if ".." not in parts:
        yield from (top.joinpath(*parts[number:]) for number in range(len(parts)))


def _has(path: Path, number: int, text: str) -> bool:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return False
    # The profile keeps no more than 200 characters of a line.
    return 0 < number <= len(lines) and lines[number - 1].strip()[: len(text)] == text
