"""``memcap repro``: make the OOM kill happen, and show who did it."""

from __future__ import annotations

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.option_groups import filled
from memcap.cli.progress import caller
from memcap.cli.quantities import FOLDER
from memcap.cli.reports import Wanted, document_report_option, show_document
from memcap.cli.serving_options import serving_options
from memcap.cli.subject import subject_options
from memcap.workflows.subject_options import ReproOptions


@click.command("repro", cls=NamesBeforeDashes)
@subject_options(
    cap="Instead of the cell's cap.  [default of a command: 128m]", time_limit="After which a run is ended."
)
@click.option("-n", "--attempts", type=click.IntRange(min=1), default=3, show_default=True, help="Runs at the cap.")
@click.option("--lower", is_flag=True, help="If nothing is killed, lower the cap in steps until something is.")
@click.option("--escalate", metavar="NAME[=FIRST]",
              help="Double a load until something is killed: {NAME} in the command; of a cell cycles, duration or a "
              "parameter.")  # fmt: skip
@click.option("--native", is_flag=True, help="Follow compiled code, too.")
@click.option("--top", type=click.IntRange(min=1), default=5, show_default=True, help="Lines to print.")
@click.option("-o", "--output", type=FOLDER, metavar="DIR",
              help="Write there.  [default: results/repro/ID]")  # fmt: skip
@serving_options
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@filled(options=ReproOptions)
def command(options: ReproOptions, top: int, reports: tuple[Wanted, ...], as_json: bool) -> None:
    """Run a cell or a command at its cap, say how often the kernel kills it, and then once more with a flight recorder.

    The recorder (memray, or tracemalloc where memray has no wheel) notes allocations, and where all threads are at each
    new height of memory, in files that outlive the kill; the cap is raised by what it needs. Nothing of the image is
    changed. Of a command that is no Python the processes tell. Exit code 97 says that nothing was killed, 96 that it
    did not end well either.

    \b
    Examples:
      memcap repro streams.sustained_leaky-py312-128m
      memcap repro my/prod:1.4 --cap 256m -- python app.py
      memcap repro my/prod:1.4 --cap 256m --lower -- python app.py
      memcap repro my/prod:1.4 --escalate n=10 -- python app.py --requests '{n}'
      memcap repro streams.sustained_leaky-py312-128m --escalate streams=25
      memcap repro --image my/prod:1.4 --cap 1g --native -- gunicorn app:app
    """
    from memcap.report.repro import repro_document
    from memcap.report.repro_json import repro_json
    from memcap.workflows.repro import repro, write_all

    reproduced = repro(options, caller())
    found, where = reproduced.found, str(reproduced.folder)
    files = write_all(found, reproduced.folder, top=top)
    json = (lambda: repro_json(found, top=top, where=where, artefacts=files)) if as_json else None
    show_document(repro_document(found, top=top, where=where), reports, json=json)
    raise SystemExit(reproduced.exit_code)
