"""``memcap report``: render a result in any format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import emit
from memcap.cli.selection import project_option
from memcap.errors import UsageError
from memcap.report.formats import FORMATS
from memcap.units import counted

if TYPE_CHECKING:
    from memcap.model import Config

_FORMATS = "\n".join(f"  {each.name:<18}{each.description}" for each in FORMATS)


@click.command(
    "report",
    short_help="Render a result as HTML, Markdown, JUnit XML, CSV and others.",
    epilog=f"\b\nFormats:\n{_FORMATS}",
)
@click.argument("result", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-f", "--format", "name", type=click.Choice([each.name for each in FORMATS]), default="terminal",
    show_default=True, metavar="FORMAT", help="See below.",
)  # fmt: skip
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--charts", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
    help="Also write the charts of the HTML report there, of cells that are not fine, as SVG and PNG.",
)  # fmt: skip
@click.option(
    "--against", metavar="FILE|DIR|REVISION", help="What to judge by instead of the project's baselines, as in `check`."
)
@project_option
@click.option("--no-check", is_flag=True, help="Do not judge RESULT; it then needs no project.")
@click.option("-v", "--verbose", is_flag=True, help="As a terminal's text, print every metric and every caveat.")
def command(  # noqa: PLR0913 - the options of the command line
    *,
    result: Path | None,
    name: str,
    output: Path | None,
    force: bool,
    charts: Path | None,
    against: str | None,
    root: Path | None,
    no_check: bool,
    verbose: bool,
) -> None:
    """Render RESULT, by default the newest run in results/, judged as `memcap check` judges it.

    Outside of a project, RESULT is judged only if --against names something to compare it with.

    Prints it unless --output is given. Exits with 0 whatever the verdicts: to fail, use `memcap check`, which writes
    any report as well (--report).

    \b
    Examples:
      memcap report
      memcap report --format html --output memory.html --charts charts
      memcap report --format markdown --output memory.md --against main
      memcap report results/20260101T020304-quick-1a2b.json --format csv > runs.csv
      memcap report downloaded.json --no-check
    """
    from memcap.cli.against import load_against
    from memcap.cli.progress import say
    from memcap.cli.reports import render, terminal_text
    from memcap.cli.selection import find_project
    from memcap.cli.verdict import judged_view, unjudged_view
    from memcap.report.charts import write_charts
    from memcap.report.check import check_document
    from memcap.report.formats import find_format
    from memcap.report.to_terminal import Terminal, to_terminal
    from memcap.store import latest_run, load_result
    from memcap.store.files import write_atomically

    if no_check and against:
        raise UsageError("--no-check judges by nothing, --against by something", remedy="Choose one of them.")
    config = _judging_project(root, result, against, no_check=no_check)
    measured = load_result(result) if result else latest_run(config.results_directory if config else Path())[1]
    if config is None or no_check:
        view = unjudged_view(measured, root=find_project(root))
    else:
        view = judged_view(measured, config, load_against(config, against, measured=measured))
    suites = config.suites if config else {}
    if charts:
        say(f"charts: {counted(len(write_charts(view, charts)), 'file')} in {charts}")
    if output:
        if name == "terminal":
            text = to_terminal(check_document(view, verbose=verbose), Terminal(verbose=verbose))
        else:
            text = render(view, find_format(name), suites)
        write_atomically(output, text, overwrite=force)
    elif name == "terminal":
        emit(terminal_text(view, verbose=verbose))
    else:
        emit(render(view, find_format(name), suites))


def _judging_project(root: Path | None, result: Path | None, against: str | None, *, no_check: bool) -> Config | None:
    """Return the project by whose rules RESULT is judged, or the default rules; None if it is not judged."""
    from memcap.cli.selection import find_project, load_project, project_or_defaults

    if result is None:
        return load_project(root)
    if no_check or (against is None and find_project(root) is None):
        return None
    return project_or_defaults(root)
