"""Reports beside the one that is printed: `--report FORMAT[=FILE]`, and what GitHub Actions is told."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memcap.cli.output import emit, table_width, terminal_width
from memcap.errors import MemcapError

if TYPE_CHECKING:
    from memcap.model import Suite
    from memcap.report import View
    from memcap.report.document import Document
    from memcap.report.formats import Format
    from memcap.report.github import Place
    from memcap.report.to_terminal import Terminal

_EXPLAINED_LINES = 3
_WRITE_REMEDY = "Check that you may write to it and that the disk is not full."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """A report that was asked for; without ``file`` it is printed."""

    format: Format
    file: Path | None


@dataclass(frozen=True, kw_only=True)
class Reports:
    """The reports that were asked for, and the suites whose files they point to."""

    wanted: tuple[Wanted, ...] = ()
    suites: Mapping[str, Suite] = field(default_factory=dict)


def _of_campaign(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Wanted, ...]:
    """Read each ``FORMAT[=FILE]``, so that a mistake is reported before anything is measured."""
    if not values:
        return ()
    from memcap.report.formats import FORMATS

    return tuple(_wanted(value, FORMATS) for value in values)


def _of_document(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[Wanted, ...]:
    if not values:
        return ()
    from memcap.report.formats import DOCUMENT_FORMATS

    return tuple(_wanted(value, DOCUMENT_FORMATS) for value in values)


def _wanted(value: str, among: Sequence[Format]) -> Wanted:
    from memcap.report.formats import find_format

    name, named, file = value.partition("=")
    if named and not file:
        raise click.BadParameter(f"{value}: the name of the file is missing")
    try:
        chosen = find_format(name, among)
    except MemcapError as error:
        raise click.BadParameter(str(error)) from error
    path = file or chosen.file
    return Wanted(format=chosen, file=Path(path) if path else None)


report_option = click.option(
    "--report",
    "wanted",
    multiple=True,
    callback=_of_campaign,
    metavar="FORMAT[=FILE]",
    help="Write a further report, such as junit=memcap.xml, replacing the file; without FILE to a name of the "
    "format's own in this folder. `github` annotates the lines of suite.toml, and writes the job's summary and the "
    "output `verdict`. May be given several times; `memcap report --help` lists the formats.",
)

document_report_option = click.option(
    "--report",
    "reports",
    multiple=True,
    callback=_of_document,
    metavar="markdown|html[=FILE]",
    help="Also write the report as Markdown or as a page, replacing the file; without FILE to memcap.md, memcap.html.",
)


def metrics_port_option(until: str) -> Callable[[Any], Any]:
    """Return the option for the port on which figures are served ``until``."""
    return click.option(
        "--metrics-port",
        type=click.IntRange(min=0, max=65535),
        metavar="PORT",
        help=f"Serve the figures as OpenMetrics at http://127.0.0.1:PORT/metrics, for Prometheus here, {until}. "
        "0 takes a free port.",
    )


def for_documents(wanted: Sequence[Wanted]) -> tuple[Wanted, ...]:
    """Return ``wanted`` in the forms of a document. Raises UsageError for a form that only a campaign has."""
    from memcap.report.formats import DOCUMENT_FORMATS, find_format

    return tuple(replace(each, format=find_format(each.format.name, DOCUMENT_FORMATS)) for each in wanted)


def show_document(
    document: Document, reports: Sequence[Wanted], *, json: Callable[[], str] | None = None, verbose: bool = False
) -> None:
    """Write ``document`` in each form that was asked for, and print it, or ``json`` instead.

    Raises MemcapError if a file cannot be written.
    """
    write_documents(document, reports)
    if json is not None:
        emit(json())
    else:
        print_document(document, verbose=verbose)


def _terminal(*, verbose: bool) -> Terminal:
    from memcap.report.to_terminal import Terminal

    return Terminal.of(sys.stdout, width=terminal_width(), table_width=table_width(), verbose=verbose)


def print_document(document: Document, *, verbose: bool = False) -> None:
    """Print ``document`` as wide as the terminal, with the colours and characters that it has."""
    from memcap.report.to_terminal import to_terminal

    emit(to_terminal(document, _terminal(verbose=verbose)))


def write_documents(document: Document, wanted: Sequence[Wanted]) -> None:
    """Write ``document`` in each form that was asked for. Raises MemcapError if a file cannot be written."""
    from memcap.cli.progress import say
    from memcap.store.files import write_atomically

    for each in wanted:
        assert each.file is not None  # of these formats, each has a name of its own
        write_atomically(each.file, each.format.render(document), overwrite=True)
        say(f"report: {each.file}")


explain_option = click.option(
    "--explain", is_flag=True,
    help="Profile what became worse, as it was and as it is in the work tree now, and say which lines it was. Run what "
    "leaks once more, and say who holds it.",
)  # fmt: skip


allow_new_option = click.option(
    "--allow-new", is_flag=True, help="Let a cell without a baseline pass, although its benchmark has others."
)


def write_reports(view: View, reports: Reports, *, print_to_stderr: bool = False) -> None:
    """Write or print each report that was asked for.

    Raises MemcapError if a file cannot be written.
    """
    from memcap.cli.progress import say
    from memcap.store.files import write_atomically

    for each in reports.wanted:
        text = render(view, each.format, reports.suites)
        if each.format.name == "github":
            tell_github(view, os.environ)
        if each.file is None:
            emit("".join(text), err=print_to_stderr)
        else:
            write_atomically(each.file, text, overwrite=True)
            say(f"report: {each.file}")


def render(view: View, chosen: Format, suites: Mapping[str, Suite]) -> Iterable[str]:
    """Return ``view`` in the chosen format, in pieces; annotations with the lines of ``suites``."""
    if chosen.name != "github":
        return chosen.parts(view)
    from memcap.report.diff_sarif import diff_annotations
    from memcap.report.github import render_github
    from memcap.workflows.diff import places_of_lines

    top = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
    lines = [
        annotation
        for each in view.explained
        if each.diff
        for annotation in diff_annotations(
            each.diff, top=_EXPLAINED_LINES, places=places_of_lines(each.diff, suites=suites, top=top)
        )
    ]
    return (render_github(view, places(view, suites, top=top), lines),)


show_output_option = click.option(
    "--show-output", is_flag=True,
    help="Print what the workload printed, at most the last 4000 characters: of the runs that did not end as expected, "
    "or of the last run.",
)  # fmt: skip


def terminal_text(view: View, *, verbose: bool, show_output: bool = False) -> str:
    """Return ``view`` as it is printed: as wide as the terminal, with the colours and characters that it has."""
    from memcap.report.check import check_document
    from memcap.report.to_terminal import to_terminal

    return to_terminal(check_document(view, verbose=verbose, show_output=show_output), _terminal(verbose=verbose))


def places(view: View, suites: Mapping[str, Suite], *, top: Path) -> dict[str, Place]:
    """Return where each cell's benchmark begins in its suite.toml, relative to ``top`` where it is below it."""
    from memcap.config.locate import key_lines, line_of
    from memcap.model.names import parse_cell_id
    from memcap.report.github import Place

    lines: dict[Path, Mapping[tuple[str | int, ...], int]] = {}
    found = {}
    for cell in view.cells:
        name = parse_cell_id(cell.id)
        if name is None or name.suite not in suites:
            continue
        file = suites[name.suite].directory.resolve() / "suite.toml"
        if file not in lines:
            lines[file] = key_lines(file.read_text(encoding="utf-8"))
        line = line_of(lines[file], ("benchmarks", name.benchmark))
        above = top.resolve()
        shown = file.relative_to(above) if file.is_relative_to(above) else file
        found[cell.id] = Place(file=shown.as_posix(), line=line or 1)
    return found


def tell_github(view: View, environ: Mapping[str, str]) -> None:
    """Append the report to the job's summary and the verdict to the step's outputs, where GitHub Actions named files.

    Raises MemcapError if one cannot be written.
    """
    from memcap.report.check import check_markdown
    from memcap.report.github import verdict_word
    from memcap.report.to_markdown import SUMMARY_LIMIT

    if summary := environ.get("GITHUB_STEP_SUMMARY"):
        path = Path(summary)
        written = path.stat().st_size if path.exists() else 0
        _append(path, check_markdown(view, limit=SUMMARY_LIMIT - written))
    if output := environ.get("GITHUB_OUTPUT"):
        _append(Path(output), f"verdict={verdict_word(view)}\n")


def _append(path: Path, text: str) -> None:
    try:
        with path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise MemcapError(f"{path} could not be written: {error.strerror or error}", remedy=_WRITE_REMEDY) from error
