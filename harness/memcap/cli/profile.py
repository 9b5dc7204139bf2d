"""``memcap profile``: which lines allocate, in the user's own image and under its cap."""

from __future__ import annotations

import click

from memcap.cli.before_dashes import NamesBeforeDashes
from memcap.cli.option_groups import filled
from memcap.cli.progress import caller
from memcap.cli.quantities import FOLDER, TIME
from memcap.cli.reports import Wanted, document_report_option, show_document
from memcap.cli.serving_options import serving_options
from memcap.cli.subject import subject_options
from memcap.workflows.subject_options import ProfileOptions


@click.command("profile", cls=NamesBeforeDashes)
@subject_options(cap="Instead of the cell's cap.  [default of a command: 1g]", time_limit="After which a run is ended.")
@click.option("--container", metavar="NAME", help="Attach to a container that runs already, where it allows that.")
@click.option("--duration", type=TIME, help="How long to stay attached.  [default: 30s]")
@click.option("--native", is_flag=True, help="Follow compiled code, too (memray).")
@click.option("--follow-fork", is_flag=True, help="Record child processes, too.")
@click.option("--tracemalloc", is_flag=True, help="Use Python's own tracemalloc, which every CPython has.")
@click.option(
    "--frames", type=click.IntRange(min=1, max=100), default=16, show_default=True,
    help="How many callers tracemalloc notes.",
)  # fmt: skip
@click.option("--top", type=click.IntRange(min=1), default=10, show_default=True, help="Lines to print.")
@click.option("-o", "--output", type=FOLDER, metavar="DIR",
              help="Write there.  [default: results/profiles/ID]")  # fmt: skip
@serving_options
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@filled(options=ProfileOptions)
def command(options: ProfileOptions, top: int, reports: tuple[Wanted, ...], as_json: bool) -> None:
    """Run a cell or a command once with memray in its image, and say which lines allocated what lived at the peak.

    Nothing of the image is changed, and the container needs no network: memray goes in as a layer on top. The cap is
    raised by what it needs; it is run without it first, to say what it took. All figures are PROFILED ones: they are
    never judged, and never baselines. If the profiled run did not end as expected, the end of its output is shown, and
    the exit code is that of `memcap measure`: 96 for a failure, 97 for an OOM kill.

    \b
    Examples:
      memcap profile streams.sustained_leaky-py312-128m
      memcap profile my/prod:1.4 --cap 512m -- python app.py
      memcap profile --image my/prod:1.4 --follow-fork -- gunicorn app:app
      memcap profile --image my/prod:1.4 --native -- pytest tests/test_load.py::test_rows
      memcap profile my/alpine:3 --tracemalloc -- python app.py      where memray has no wheel
      memcap profile --container web --duration 1min                 with gdb and SYS_PTRACE in it
    """
    from memcap.report.profile import profile_document
    from memcap.report.profile_json import profile_json
    from memcap.workflows.profile import profile, write_reports

    found = profile(options, caller())
    where = str(found.folder)
    written = write_reports(found.profile, found.folder, top=top)
    document = profile_document(found.profile, top=top, where=f"{where} ({', '.join(written)})")
    json = (lambda: profile_json(found.profile, top=top, where=where)) if as_json else None
    show_document(document, reports, json=json)
    raise SystemExit(found.exit_code)
