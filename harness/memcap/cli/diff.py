"""``memcap diff``: what changed between two allocation profiles, by line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import emit, terminal_width
from memcap.cli.selection import project_option

if TYPE_CHECKING:
    from memcap.model import Frame, Suite
    from memcap.profile_diff import ProfileDiff
    from memcap.report.github import Place

_SUITE = "/memcap/suite/"  # where a suite's files are in a container
_PROFILE = click.Path(exists=True, path_type=Path)


@click.command("diff", short_help="Say what changed between two profiles, by line.")
@click.argument("before", metavar="A", type=_PROFILE)
@click.argument("after", metavar="B", type=_PROFILE)
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Lines, or stacks, to print.")
@click.option("--stacks", is_flag=True, help="Print whole stacks instead of lines.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["text", "markdown", "html", "json", "sarif", "github"]),
    default="text", show_default=True, help="Of what is printed.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Write diff.txt, diff.md, diff.html, diff.json and diff.sarif there, too.",
)  # fmt: skip
@project_option
def command(  # noqa: PLR0913 - the options of the command line
    *,
    before: Path,
    after: Path,
    top: int,
    stacks: bool,
    form: str,
    as_json: bool,
    output: Path | None,
    root: Path | None,
) -> None:
    """Say what B allocates more and less than A, by the lines of the program that allocate, or by whole stacks.

    A and B are profiles that `memcap profile` made: of two revisions, two Pythons, two images. A line is found again
    where it moved within its function, or with its file. The changes of all lines add up to that of the total.

    Exits with 0 whatever changed, since profiles are never judged.

    \b
    Examples:
      memcap profile agents.llm-py310-128m --output old
      memcap profile agents.llm-py313-128m --output new
      memcap diff old new
      memcap diff old new --stacks --top 3
      memcap diff old new --format markdown > comment.md
      memcap diff old new --output difference            with a differential flamegraph, diff.html
      memcap diff old new --format sarif > memory.sarif  for code scanning
    """
    from memcap.profile_diff import diff_profiles
    from memcap.store import load_profile

    diff = diff_profiles(load_profile(before), load_profile(after))
    if output is not None:
        write_diff(diff, output, top=top, root=root)
    form = "json" if as_json else form
    if form == "text":
        from memcap.report.diff import render_diff

        width = terminal_width()
        text = render_diff(diff, top=top, stacks=stacks, width=width)
    else:
        text = rendered(diff, form, top=top, root=root)
    emit(text)


def write_diff(diff: ProfileDiff, folder: Path, *, top: int, root: Path | None) -> None:
    """Write the diff in all forms that are files to ``folder``, replacing them; the page where its packages are."""
    from memcap.cli.progress import say
    from memcap.errors import UsageError
    from memcap.store.files import write_atomically

    for form, suffix in (("text", "txt"), ("markdown", "md"), ("json", "json"), ("sarif", "sarif"), ("html", "html")):
        try:
            write_atomically(folder / f"diff.{suffix}", rendered(diff, form, top=top, root=root), overwrite=True)
        except UsageError as error:
            say(f"no diff.{suffix}: {error}")


def rendered(diff: ProfileDiff, form: str, *, top: int, root: Path | None) -> str:
    """Return the diff in one form. Raises UsageError for HTML without the packages for it."""
    from memcap.report.diff import render_diff, render_diff_json
    from memcap.report.diff_html import render_diff_html
    from memcap.report.diff_markdown import render_diff_markdown
    from memcap.report.diff_sarif import render_diff_github, render_diff_sarif

    if form == "text":
        return render_diff(diff, top=top)
    if form == "markdown":
        return render_diff_markdown(diff, top=top)
    if form == "html":
        return render_diff_html(diff, top=top)
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


def _places(diff: ProfileDiff, root: Path | None) -> dict[Frame, Place]:
    """Return where lines are in the project, or below the current folder where there is none."""
    from memcap.cli.selection import load_project
    from memcap.errors import ConfigError

    try:
        config = load_project(root)
    except ConfigError:
        return places_of_lines(diff, suites={}, top=Path.cwd())
    return places_of_lines(diff, suites=config.suites, top=config.root)
