"""The difference of two allocation profiles as text, pages and files, with the places of its lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from memcap.errors import ConfigError
from memcap.model import Frame, Suite
from memcap.profile_diff import ProfileDiff
from memcap.report.diff import diff_document
from memcap.report.diff_json import render_diff_json
from memcap.report.diff_sarif import render_diff_github, render_diff_sarif
from memcap.report.github import Place
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import to_terminal
from memcap.store.files import write_atomically
from memcap.workflows.selection import load_project

_SUITE = "/memcap/suite/"  # where a suite's files are in a container


def write_diff(diff: ProfileDiff, folder: Path, *, top: int, root: Path | None) -> None:
    """Write the diff in all forms that are files to ``folder``, replacing them."""
    for form, suffix in (("text", "txt"), ("markdown", "md"), ("json", "json"), ("sarif", "sarif"), ("html", "html")):
        write_atomically(folder / f"diff.{suffix}", rendered(diff, form, top=top, root=root), overwrite=True)


def rendered(diff: ProfileDiff, form: str, *, top: int, root: Path | None) -> str:
    """Return the diff in one form."""
    document = diff_document(diff, top=top)
    if form == "text":
        return to_terminal(document)
    if form == "markdown":
        return to_markdown(document)
    if form == "html":
        return to_html(document)
    if form == "json":
        return render_diff_json(diff, top=top)
    where = _places(diff, root)
    render = render_diff_sarif if form == "sarif" else render_diff_github
    return render(diff, top=top, places=where)


def places_of_lines(diff: ProfileDiff, *, suites: Mapping[str, Suite], top: Path) -> dict[Frame, Place]:
    """Return where lines of the container are in the repository at ``top``, as far as they are there.

    The files of a suite are in its folder; any other is looked for by the end of its path, the longest first. Only a
    file that has the same text in that line is taken.
    """
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


def _places(diff: ProfileDiff, root: Path | None) -> dict[Frame, Place]:
    """Return where lines are in the project, or below the current folder where there is none."""
    try:
        config = load_project(root)
    except ConfigError:
        return places_of_lines(diff, suites={}, top=Path.cwd())
    return places_of_lines(diff, suites=config.suites, top=config.root)
