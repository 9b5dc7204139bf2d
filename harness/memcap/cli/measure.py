"""``memcap measure``: measure any command in any image, with no file at all."""

from __future__ import annotations

from dataclasses import replace

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.container_options import container_options
from memcap.cli.option_groups import filled
from memcap.cli.progress import caller
from memcap.cli.quantities import FILE, SIZE, TIME
from memcap.cli.reports import for_documents, report_option, show_document, show_output_option
from memcap.cli.serving_options import serving_options
from memcap.cli.subject import no_thp_option
from memcap.cli.verdict import Printing, conclude_unjudged
from memcap.workflows.options import MeasureOptions


@click.command("measure", cls=NamesBeforeDashes)
@click.argument("image")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD ARGS...]")
@click.option(
    "-c", "--cap", "caps", multiple=True, default=("1g",), show_default=True, type=SIZE, help="May be repeated."
)
@click.option(
    "-n", "--runs", type=click.IntRange(min=1), help="Runs, one container each.  [default: 5; 10 with --tune]"
)
@click.option("--warmups", type=click.IntRange(min=0), default=1, show_default=True, help="Discarded runs before them.")
@click.option("--time-limit", default="10min", show_default=True, type=TIME, help="After which a run is ended.")
@container_options
@no_thp_option
@serving_options
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Containers at once.")
@click.option("-o", "--output", type=FILE, help="Also save the result there.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@click.option("--cold", is_flag=True, help="Drop the image's files from the page cache before each run; no warm-ups.")
@click.option("--tune", is_flag=True, help="Try settings that may make the figures scatter less, and say which do.")
@report_option
@show_output_option
@click.option("--json", "as_json", is_flag=True, help="Print the measurements as JSON.")
@click.option("--verbose", is_flag=True, help="Print every metric of every cell, and every caveat.")
@filled(options=MeasureOptions, printing=Printing)
def command(image: str, argv: tuple[str, ...], options: MeasureOptions, printing: Printing, tune: bool) -> None:
    """Measure the command CMD in IMAGE: peak memory and OOM kills over repeated runs in fresh containers.

    IMAGE is any reference (my/prod:1.4), or an image of this project (py312). Without CMD the image's own command
    is run; its ENTRYPOINT is kept, as `docker run` does. The IMAGE `host` is this Linux machine without Docker: CMD is
    run as a plain process in the current folder, and every result says so.

    With --serve, CMD is a server: it is started, loaded with requests at a fixed rate, left idle and stopped, and each
    of these phases has its figures.

    \b
    Examples:
      memcap measure python:3.12-slim --cap 128m -- python -c 'list(range(10**6))'
      memcap measure host --cap 128m -- python -c 'list(range(10**6))'
      memcap measure my/prod:1.4 -c 256m -c 512m --runs 10 --json -- python app.py
      memcap measure my/prod:1.4 --show-output --runs 1 -- python app.py
      memcap measure my/prod:1.4 --cold -- python app.py       as the first start after a deployment
      memcap measure my/prod:1.4 --tune --runs 20 -- python app.py
      memcap measure my/api:2.0 --serve --ready http://localhost:8000/health \\
          --load 'GET /items/{1..500} rate=200 for 20s' -- uvicorn app:app
    """
    from memcap.report.tune import render_tune_json, tune_document
    from memcap.workflows.judging import UnexpectedEnding
    from memcap.workflows.measure import measure, try_settings

    options = replace(options, keep_output=printing.show_output)
    if not tune:
        conclude_unjudged(measure(image, argv, options, caller()), printing)
    reports = for_documents(printing.wanted)
    try:
        tuning = try_settings(image, argv, options, caller())
    except UnexpectedEnding as error:
        conclude_unjudged(error.measured)
    json = (lambda: render_tune_json(tuning)) if printing.as_json else None
    show_document(tune_document(tuning), reports, json=json)
