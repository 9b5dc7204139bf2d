"""``memcap fit``: how small can the cap be?"""

from __future__ import annotations

from pathlib import Path

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.option_groups import filled
from memcap.cli.output import echo
from memcap.cli.progress import caller
from memcap.cli.quantities import FOLDER, SIZE, TIME
from memcap.cli.reports import Wanted, document_report_option, show_document
from memcap.cli.serving_options import serving_options
from memcap.cli.subject import subject_options
from memcap.cli.verdict import conclude_unjudged
from memcap.workflows.subject_options import FitOptions


def _share(_: click.Context, __: click.Parameter, value: str) -> float:
    """Return a share such as ``15%`` as a fraction."""
    try:
        share = float(value.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not value.endswith("%") or not 0 <= share <= 10:
        raise click.BadParameter(f"{value!r} is not a share; write it like 15%")
    return share


@click.command("fit", cls=NamesBeforeDashes)
@subject_options(
    cap="What counts as no cap.  [default: half of the daemon's memory]",
    time_limit="After which a run without a cap is ended.",
)
@click.option("--resolution", default="1MiB", show_default=True, type=SIZE, help="How exactly.")
@click.option(
    "--slowdown", type=click.FloatRange(min=1, min_open=True), default=1.25, show_default=True,
    help="How many times slower than without a cap it may be.",
)  # fmt: skip
@click.option(
    "--time-lost", callback=_share, metavar="SHARE", default="2%", show_default=True,
    help="What it may lose of its time with the comfortable cap.",
)  # fmt: skip
@click.option("--precise", is_flag=True, help="Time the comfortable cap until that is 95 % sure.")
@click.option(
    "--max-runs", type=click.IntRange(min=1),
    help="Runs of the search, without those that are timed and those that start from cold.  [default: 12; 24 if runs "
    "with the same cap end differently]",
)  # fmt: skip
@click.option(
    "--headroom",
    callback=_share,
    metavar="SHARE",
    default="15%",
    show_default=True,
    help="To recommend above the minimum.",
)
@click.option("-o", "--output", type=FOLDER, metavar="DIR",
              help="Also write fit.json, fit.md, index.html and charts there.")  # fmt: skip
@serving_options
@click.option(
    "--max-errors",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Requests of a run that may fail, of a server.",
)
@click.option(
    "--added-latency",
    default="100ms",
    show_default=True,
    type=TIME,
    help="How much later than without a cap 95 % of a server's answers may be there.",
)
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@filled(options=FitOptions)
def command(options: FitOptions, output: Path | None, reports: tuple[Wanted, ...], as_json: bool) -> None:
    """Find the smallest memory cap that a cell or a command can live with, and the one it does not notice.

    It is run with as good as no cap, three times; then under caps near what could not be taken back
    (unreclaimable_peak), closer and closer. A cap is good enough if the workload ends as it should, and is not slower
    than --slowdown allows. What was found is confirmed by repeating it. The comfortable cap costs no time. What is
    recommended is tried from a cold start, as on a machine where the image has never run. A server has to serve its
    load: without failed requests, and without much later answers.

    \b
    Examples:
      memcap fit my/prod:1.4 -- python app.py
      memcap fit agents.crew_backed-py312-256m
      memcap fit my/prod:1.4 --resolution 8MiB --slowdown 1.1 --output fitted -- python app.py
      memcap fit --image my/prod:1.4 --headroom 30% --json
    """
    from memcap.report.fit import fit_document
    from memcap.report.fit_files import write_fit
    from memcap.report.fit_json import render_fit_json
    from memcap.workflows.fit import fit
    from memcap.workflows.judging import UnexpectedEnding

    try:
        report = fit(options, caller())
    except UnexpectedEnding as error:
        conclude_unjudged(error.measured)
    if output is not None:
        for path in write_fit(report, output):
            echo(f"wrote {path}", err=True)
    show_document(fit_document(report), reports, json=(lambda: render_fit_json(report)) if as_json else None)
