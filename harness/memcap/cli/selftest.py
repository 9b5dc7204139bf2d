"""``memcap selftest``: the same code twice, and what the gate makes of it."""

from __future__ import annotations

import click

from memcap.cli.option_groups import filled
from memcap.cli.output import echo
from memcap.cli.progress import caller
from memcap.cli.quantities import EXISTING_FILE, EXISTING_FOLDER, FILE, SIZE
from memcap.cli.reports import Wanted, document_report_option, show_document
from memcap.cli.verdict import conclude_unjudged
from memcap.units import counted
from memcap.workflows.options import SUITE_SIZE, SelftestOptions


@click.command("selftest")
@click.argument("argv", nargs=-1, type=click.UNPROCESSED, metavar="[-- CMD ARGS...]")
@click.option("-i", "--image", metavar="IMAGE", help="The image to run in; by default the project's last by name.")
@click.option("-c", "--cap", default="512m", show_default=True, type=SIZE, help="The cap of the containers.")
@click.option("-n", "--runs", type=click.IntRange(min=2), default=40, show_default=True, help="Runs to draw from.")
@click.option("--from", "source", type=EXISTING_FILE, metavar="RESULT", help="Draw from this result; measure nothing.")
@click.option(
    "--sample", type=click.IntRange(min=2), default=10, show_default=True, help="Runs on each side of a comparison."
)
@click.option(
    "--cells", type=click.IntRange(min=1), help=f"Cells of a suite.  [default: {SUITE_SIZE}, or all of RESULT if more]"
)
@click.option("--resamplings", type=click.IntRange(min=1), default=1000, show_default=True, help="Suites to judge.")
@click.option(
    "-C", "--project", "root", type=EXISTING_FOLDER, metavar="DIR", help="The project, whose tolerances are used."
)
@click.option("-o", "--output", type=FILE, help="Save what was measured there.")
@click.option("--force", is_flag=True, help="Replace the output file if it exists.")
@document_report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@filled(options=SelftestOptions)
def command(options: SelftestOptions, reports: tuple[Wanted, ...], as_json: bool) -> None:
    """Measure the same code again and again, and say how often the gate would err.

    The runs are split by lot into "before" and "after", judged as a whole suite, a thousand times: whatever is found is
    a false alarm. Then one cell's figures are raised by 0.5, 1 and 3 percent, and it is counted how often that is
    found. docs/statistics.md explains the rule and has figures.

    \b
    Examples:
      memcap selftest
      memcap selftest --image py312 --runs 80 --output aa.json
      memcap selftest --image my/prod:1.4 -- python app.py
      memcap selftest --from aa.json --json
      memcap selftest --from results/nightly.json --sample 5
    """
    from memcap.report.selftest import render_selftest_json, selftest_document
    from memcap.workflows.judging import UnexpectedEnding
    from memcap.workflows.selftest import run_selftest

    try:
        found = run_selftest(options, caller())
    except UnexpectedEnding as error:
        conclude_unjudged(error.measured)
    tested, promised = found.tested, found.false_alarms
    json = (lambda: render_selftest_json(tested, false_alarms=promised)) if as_json else None
    show_document(selftest_document(tested, false_alarms=promised), reports, json=json)
    if found.left_out and not as_json:
        left_out = counted(found.left_out, "cell")
        echo(f"Left out: {left_out}, with fewer than {2 * options.sample} runs that can be judged.")
