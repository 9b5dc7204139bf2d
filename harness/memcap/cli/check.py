"""``memcap check``: judge a result against the committed baselines."""

from __future__ import annotations

from pathlib import Path

import click

from memcap.cli.reports import Reports, Wanted, report_option

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command("check", short_help="Judge a result against the committed baselines.")
@click.argument("result", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "-C", "--project", "root", type=_FOLDER, metavar="DIR",
    help="The project; by default the nearest folder upwards with a limits.toml.",
)  # fmt: skip
@click.option(
    "--baselines", type=_FOLDER, metavar="DIR", help="The baselines; by default the project's results/baselines."
)
@report_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("-v", "--verbose", is_flag=True, help="Print every metric of every cell.")
def command(
    *,
    result: Path | None,
    root: Path | None,
    baselines: Path | None,
    wanted: tuple[Wanted, ...],
    as_json: bool,
    verbose: bool,
) -> None:
    """Judge RESULT, by default the newest in results/, against the baselines, the budgets and the expected endings.

    Exits with 0 if nothing was found wrong, or with the code of the worst verdict: 99 regression, 98 budget broken,
    97 unexpected ending, 96 workload failed, 95 infrastructure.

    \b
    Examples:
      memcap check
      memcap check results/20260101T020304-quick-1a2b.json --verbose
      memcap check --json > verdicts.json
      memcap check --report junit --report markdown=memory.md
      memcap check --baselines ../release-1.4/results/baselines
    """
    from memcap.cli.selection import load_project
    from memcap.cli.verdict import conclude
    from memcap.store import latest_result, load_result

    config = load_project(root)
    measured = load_result(result or latest_result(config.results_directory))
    reports = Reports(wanted=wanted, suites=config.suites)
    conclude(measured, config, baselines=baselines, as_json=as_json, verbose=verbose, reports=reports)
