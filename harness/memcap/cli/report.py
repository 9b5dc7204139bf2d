"""``memcap report``: render a result in any format."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.option_groups import filled
from memcap.cli.output import emit
from memcap.cli.progress import HEARTBEAT, say
from memcap.cli.quantities import ANY_PATH, FOLDER
from memcap.cli.reports import metrics_port_option
from memcap.cli.selection import project_option
from memcap.errors import UsageError
from memcap.report.charts import write_charts
from memcap.report.formats import FORMATS, HISTORY_FORMATS, OTAVA, find_format
from memcap.units import counted
from memcap.workflows.contradictions import refuse_contradictions
from memcap.workflows.options import ReportOptions

if TYPE_CHECKING:
    from memcap.model import Suite
    from memcap.report import View

_DESCRIPTIONS = {**{each.name: each.description for each in FORMATS}, **HISTORY_FORMATS}
_FORMATS = "\n".join(f"  {name:<18}{description}" for name, description in _DESCRIPTIONS.items())


@dataclass(frozen=True, kw_only=True)
class Rendering:
    """In which form results are rendered, and the files that are written, or the port that figures are served on."""

    name: str
    output: Path | None
    force: bool
    charts: Path | None
    verbose: bool
    metrics_port: int | None

    def validate(self, options: ReportOptions, results: tuple[Path, ...]) -> None:
        """Raise UsageError for options that mean nothing together, or with so many results."""
        is_otava, serves = self.name == OTAVA, self.metrics_port is not None
        refuse_contradictions(
            (
                (
                    is_otava and (options.against or self.charts),
                    "--format otava judges nothing, and has no charts",
                    "Leave out --against and --charts.",
                ),
                (
                    serves and (self.output or self.charts or self.name != "terminal"),
                    "--metrics-port serves figures, and writes nothing",
                    "Leave out --format, --output and --charts.",
                ),
                (
                    len(results) > 1 and not is_otava,
                    f"{len(results)} results are named, and a report is of one",
                    "Name one; only --format otava takes several.",
                ),
            )
        )
        folder = next((each for each in results if each.is_dir()), None)
        if folder is not None and not is_otava:
            raise UsageError(
                f"{folder} is a folder", remedy="Name a result in it; only --format otava takes folders of results."
            )
        if self.output is not None and self.output.is_dir() and not is_otava:
            raise UsageError(f"--output: {self.output} is a folder", remedy="Name a file.")


@click.command(
    "report",
    epilog=f"\b\nFormats:\n{_FORMATS}",
)
@click.argument("results", nargs=-1, type=ANY_PATH, metavar="[RESULT]...")
@click.option(
    "-f", "--format", "name", type=click.Choice(list(_DESCRIPTIONS)), default="terminal",
    show_default=True, metavar="FORMAT", help="See below.",
)  # fmt: skip
@click.option("-o", "--output", type=ANY_PATH, help="Write to this file; otava: to this folder.")
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
@metrics_port_option("until Ctrl-C")
@click.option("-v", "--verbose", is_flag=True, help="As a terminal's text, print every metric and every caveat.")
@filled(options=ReportOptions, rendering=Rendering)
def command(results: tuple[Path, ...], options: ReportOptions, rendering: Rendering) -> None:
    """Render RESULT, by default the newest run in results/, judged as `memcap check` judges it.

    Outside of a project, RESULT is judged only if --against names something to compare it with.

    With --format otava, RESULTs are a history: files, or folders of them, by default all runs in results/. Otava reads
    a file for each cell; --output names the folder for them and Otava's configuration.

    Prints it unless --output is given. Exits with 0 whatever the verdicts: to fail, use `memcap check`, which writes
    any report as well (--report).

    \b
    Examples:
      memcap report
      memcap report --format html --output memory.html --charts charts
      memcap report --format markdown --output memory.md --against main
      memcap report results/20260101T020304-quick-1a2b.json --format csv > runs.csv
      memcap report downloaded.json --no-check
      memcap report --format trace --output memory.json         for ui.perfetto.dev
      memcap report --metrics-port 9464                         for Prometheus on this machine
      memcap report --format otava --output history && otava analyze --config-file history/otava.yaml CELL
    """
    from memcap.workflows.check import judged_as_asked

    rendering.validate(options, results)
    if rendering.name == OTAVA:
        _render_history(results, options.root, rendering)
        return
    options = replace(options, result=results[0] if results else None)
    view, suites = judged_as_asked(options, say)
    if rendering.charts:
        say(f"charts: {counted(len(write_charts(view, rendering.charts)), 'file')} in {rendering.charts}")
    if rendering.metrics_port is not None:
        _serve(view, rendering.metrics_port)
    else:
        _render(view, rendering, suites)


def _render_history(results: tuple[Path, ...], root: Path | None, rendering: Rendering) -> None:
    from memcap.workflows.result_history import history_text, load_histories, write_histories

    found = load_histories(results, root, say)
    if rendering.output is None:
        emit(history_text(found))
        return
    *_, config = write_histories(found, rendering.output, overwrite=rendering.force)
    say(f"{counted(len(found), 'cell')}; next: otava analyze --config-file {config} {found[0].cell_id}")


def _serve(view: View, port: int) -> None:
    from memcap.report.result_metrics import result_metrics
    from memcap.workflows.metrics_endpoint import MetricsEndpoint

    endpoint = MetricsEndpoint(port)
    endpoint.publish(result_metrics(view))
    with endpoint:
        say(f"metrics: {endpoint.address}, until Ctrl-C")
        with suppress(KeyboardInterrupt), HEARTBEAT.saying(lambda: ""):
            endpoint.wait()


def _render(view: View, rendering: Rendering, suites: Mapping[str, Suite]) -> None:
    from memcap.cli.reports import render, terminal_text
    from memcap.report.check import check_document
    from memcap.report.to_terminal import Terminal, to_terminal
    from memcap.store.files import write_atomically

    name, output = rendering.name, rendering.output
    if name != "terminal":
        text = render(view, find_format(name), suites)
    elif output:
        text = (to_terminal(check_document(view, verbose=rendering.verbose), Terminal(verbose=rendering.verbose)),)
    else:
        text = (terminal_text(view, verbose=rendering.verbose),)
    if output:
        write_atomically(output, text, overwrite=rendering.force)
    else:
        emit("".join(text))
