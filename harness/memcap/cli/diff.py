"""``memcap diff``: what changed between two allocation profiles, by line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import emit
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents
from memcap.cli.selection import project_option

if TYPE_CHECKING:
    from memcap.model import Frame
    from memcap.report.github import Place
    from memcap.sites import ProfileDiff

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
@document_report_option
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
    reports: tuple[Wanted, ...],
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
    from memcap.report.diff import diff_document
    from memcap.sites import diff_profiles
    from memcap.store import load_profile

    diff = diff_profiles(load_profile(before), load_profile(after))
    if output is not None:
        write_diff(diff, output, top=top, root=root)
    form = "json" if as_json else form
    document = diff_document(diff, top=top, stacks=stacks)
    write_documents(document, reports)
    if form == "text":
        print_document(document)
    else:
        emit(rendered(diff, form, top=top, root=root))


def write_diff(diff: ProfileDiff, folder: Path, *, top: int, root: Path | None) -> None:
    """Write the diff in all forms that are files to ``folder``, replacing them."""
    from memcap.store.files import write_atomically

    for form, suffix in (("text", "txt"), ("markdown", "md"), ("json", "json"), ("sarif", "sarif"), ("html", "html")):
        write_atomically(folder / f"diff.{suffix}", rendered(diff, form, top=top, root=root), overwrite=True)


def rendered(diff: ProfileDiff, form: str, *, top: int, root: Path | None) -> str:
    """Return the diff in one form."""
    from memcap.report.diff import diff_document
    from memcap.report.diff_json import render_diff_json
    from memcap.report.diff_sarif import render_diff_github, render_diff_sarif
    from memcap.report.to_html import to_html
    from memcap.report.to_markdown import to_markdown
    from memcap.report.to_terminal import to_terminal

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


def _places(diff: ProfileDiff, root: Path | None) -> dict[Frame, Place]:
    """Return where lines are in the project, or below the current folder where there is none."""
    from memcap.cli.line_places import places_of_lines
    from memcap.cli.selection import load_project
    from memcap.errors import ConfigError

    try:
        config = load_project(root)
    except ConfigError:
        return places_of_lines(diff, suites={}, top=Path.cwd())
    return places_of_lines(diff, suites=config.suites, top=config.root)
