"""``memcap check``: judge a result against the committed baselines."""

from __future__ import annotations

import click

from memcap.cli.option_groups import filled
from memcap.cli.progress import say
from memcap.cli.quantities import FILE
from memcap.cli.reports import allow_new_option, explain_option, report_option, show_output_option
from memcap.cli.selection import project_option
from memcap.cli.verdict import Printing, conclude
from memcap.workflows.options import CheckOptions


@click.command("check")
@click.argument("result", required=False, type=FILE)
@click.option(
    "--against", metavar="FILE|DIR|REVISION",
    help="Another result, a file or folder of baselines, or the baselines of a git revision, instead of the project's.",
)  # fmt: skip
@allow_new_option
@explain_option
@report_option
@show_output_option
@project_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print every metric of every cell, and every caveat.")
@filled(options=CheckOptions, printing=Printing)
def command(options: CheckOptions, printing: Printing) -> None:
    """Judge RESULT, by default the newest run in results/, against the baselines, the budgets and the expected endings.

    Exits with 0 if nothing was found wrong, or with the code of the worst verdict: 99 regression, 98 budget broken,
    97 unexpected ending, 96 workload failed, 95 infrastructure; or with 94 if a benchmark has baselines and one of its
    cells could not be compared with any. A benchmark without a baseline passes.

    A result named by --against is taken as if its cells were accepted; what is left out of it is told. Where a file
    and a git revision have the same name, the file is taken. Two files can be compared outside of a project, too, with
    the default tolerances.

    \b
    Examples:
      memcap check
      memcap check results/20260101T020304-quick-1a2b.json --verbose
      memcap check --json > verdicts.json
      memcap check --report junit --report markdown=memory.md
      memcap check --against main                  the baselines that main has
      memcap check --against v1.4.0
      memcap check --against results/20260101T020304-quick-1a2b.json
      memcap check --against ../release-1.4/results/baselines
      memcap check --explain                       which lines made it worse?
    """
    from memcap.workflows.check import load_case

    conclude(load_case(options, say), printing)
