"""``memcap diff``: what changed between two allocation profiles, by line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from memcap.cli.option_groups import filled
from memcap.cli.output import emit
from memcap.cli.quantities import FOLDER
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents
from memcap.cli.selection import project_option

_PROFILE = click.Path(exists=True, path_type=Path)


@dataclass(frozen=True, kw_only=True)
class DiffShowing:
    """How a difference is printed: how much of it, by lines or by stacks, in which form."""

    top: int
    stacks: bool
    form: str
    as_json: bool


@click.command("diff")
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
    "-o", "--output", type=FOLDER, metavar="DIR",
    help="Write diff.txt, diff.md, diff.html, diff.json and diff.sarif there, too.",
)  # fmt: skip
@document_report_option
@project_option
@filled(showing=DiffShowing)
def command(
    before: Path,
    after: Path,
    output: Path | None,
    root: Path | None,
    showing: DiffShowing,
    reports: tuple[Wanted, ...],
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
    from memcap.report.diff import diff_document
    from memcap.store import load_profile
    from memcap.workflows.diff import rendered, write_diff

    diff = diff_profiles(load_profile(before), load_profile(after))
    top, form = showing.top, "json" if showing.as_json else showing.form
    if output is not None:
        write_diff(diff, output, top=top, root=root)
    document = diff_document(diff, top=top, stacks=showing.stacks)
    write_documents(document, reports)
    if form == "text":
        print_document(document)
    else:
        emit(rendered(diff, form, top=top, root=root))
