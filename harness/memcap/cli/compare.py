"""``memcap compare``: what one image, or one result, needs more than another, and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass

import click

from memcap.cli.option_groups import filled
from memcap.cli.output import emit
from memcap.cli.progress import caller
from memcap.cli.quantities import FILE
from memcap.cli.reports import Wanted, document_report_option, print_document, write_documents
from memcap.cli.selection import project_option
from memcap.workflows.options import CompareOptions


@dataclass(frozen=True, kw_only=True)
class ComparisonPrinting:
    """How a comparison is shown, and whether it fails if any benchmark needs more."""

    form: str
    as_json: bool
    verbose: bool
    fail_on_regression: bool


@click.command("compare")
@click.argument("words", nargs=-1, metavar="[A B | SELECT...]")
@click.option("--base", metavar="IMAGE", help="The image to compare with.")
@click.option("--against", metavar="IMAGE", help="The image in question: what does it need more than --base?")
@click.option("--pairs", metavar="BEFORE:AFTER", help="Compare benchmarks NAME_BEFORE and NAME_AFTER of --result.")
@click.option("--result", type=FILE, metavar="RESULT", help="Compare what is in this result instead of measuring.")
@click.option("-p", "--profile", default="quick", show_default=True, help="The profile of limits.toml to measure.")
@click.option(
    "--runs", type=click.IntRange(min=1), help="Measured runs of each cell.  [default: the profile's, at least 7]"
)
@click.option("--cold", is_flag=True, help="Drop the image's files from the page cache before each run.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), help="Containers at once; by default one a CPU.")
@project_option
@click.option("--fail-on-regression", is_flag=True, help="Exit with 99 if any benchmark needs more.")
@click.option(
    "-f", "--format", "form", type=click.Choice(["terminal", "markdown", "json"]), default="terminal", show_default=True
)
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("-v", "--verbose", is_flag=True, help="Print every figure of every benchmark with its interval.")
@filled(options=CompareOptions, printing=ComparisonPrinting)
def command(options: CompareOptions, printing: ComparisonPrinting, reports: tuple[Wanted, ...]) -> None:
    """Say how much more memory the second side needs than the first: interpreter, imports, workload, and each metric.

    With --base and --against, two images are measured in turns, or taken from --result; SELECT names suites,
    benchmarks or cells. With two files A and B, their cells are matched by benchmark, image and cap, or without the
    image if each file has another one. With --pairs, benchmarks that exist in two forms are compared with each other.

    Exits with 0 whatever needs more, since that is an answer; with 97, 96 or 95 if runs did not end as expected.

    \b
    Examples:
      memcap compare --base py310 --against py312          which Python needs less?
      memcap compare agents.llm --base py310 --against py312 --runs 20
      memcap compare --base py310 --against py312 --result results/20260101T020304-quick-1a2b.json
      memcap compare optimization --pairs before:after --result results/20260101T020304-full-1a2b.json
      memcap compare monday.json tuesday.json --format markdown
    """
    from memcap.report.compare import compare_document
    from memcap.report.compare_json import render_comparison_json
    from memcap.report.compare_view import build_comparison_view
    from memcap.report.to_markdown import to_markdown
    from memcap.workflows.compare import compare

    compared = compare(options, caller())
    comparison = compared.comparison
    code = 99 if printing.fail_on_regression and comparison.is_more else comparison.exit_code
    view = build_comparison_view(comparison, compared.results, exit_code=code)
    document = compare_document(view, verbose=printing.verbose)
    write_documents(document, reports)
    if printing.as_json or printing.form == "json":
        emit(render_comparison_json(view))
    elif printing.form == "markdown":
        emit(to_markdown(document))
    else:
        print_document(document, verbose=printing.verbose)
    raise SystemExit(code)
