"""``memcap report``: render a result in any format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.option_groups import filled
from memcap.cli.output import emit
from memcap.cli.progress import say
from memcap.cli.quantities import FILE, FOLDER
from memcap.cli.selection import project_option
from memcap.report.charts import write_charts
from memcap.report.formats import FORMATS, find_format
from memcap.units import counted
from memcap.workflows.options import ReportOptions

if TYPE_CHECKING:
    from memcap.model import Suite
    from memcap.report import View

_FORMATS = "\n".join(f"  {each.name:<18}{each.description}" for each in FORMATS)


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """In which form a result is rendered, and the files that are written."""

    name: str
    output: Path | None
    force: bool
    charts: Path | None
    verbose: bool


@click.command(
    "report",
    epilog=f"\b\nFormats:\n{_FORMATS}",
)
@click.argument("result", required=False, type=FILE)
@click.option(
    "-f", "--format", "name", type=click.Choice([each.name for each in FORMATS]), default="terminal",
    show_default=True, metavar="FORMAT", help="See below.",
)  # fmt: skip
@click.option("-o", "--output", type=FILE, help="Write to this file.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option(
    "--charts", type=FOLDER, metavar="DIR",
    help="Also write the charts of the HTML report there, of cells that are not fine, as SVG and PNG.",
)  # fmt: skip
@click.option(
    "--against", metavar="FILE|DIR|REVISION", help="What to judge by instead of the project's baselines, as in `check`."
)
@project_option
@click.option("--no-check", is_flag=True, help="Do not judge RESULT; it then needs no project.")
@click.option("-v", "--verbose", is_flag=True, help="As a terminal's text, print every metric and every caveat.")
@filled(options=ReportOptions, rendering=Rendering)
def command(options: ReportOptions, rendering: Rendering) -> None:
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
    from memcap.workflows.check import judged_as_asked

    view, suites = judged_as_asked(options, say)
    if rendering.charts:
        say(f"charts: {counted(len(write_charts(view, rendering.charts)), 'file')} in {rendering.charts}")
    _render(view, rendering, suites)


def _render(view: View, rendering: Rendering, suites: Mapping[str, Suite]) -> None:
    from memcap.cli.reports import render, terminal_text
    from memcap.report.check import check_document
    from memcap.report.to_terminal import Terminal, to_terminal
    from memcap.store.files import write_atomically

    name, output = rendering.name, rendering.output
    if name != "terminal":
        text = render(view, find_format(name), suites)
    elif output:
        text = to_terminal(check_document(view, verbose=rendering.verbose), Terminal(verbose=rendering.verbose))
    else:
        text = terminal_text(view, verbose=rendering.verbose)
    if output:
        write_atomically(output, text, overwrite=rendering.force)
    else:
        emit(text)
