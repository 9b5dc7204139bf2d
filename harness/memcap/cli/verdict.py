"""The last step of `run`, `check` and `measure`: judge, print, and end with the code that says how it went."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from memcap.model import CampaignResult, Config, Verdict


def conclude(
    result: CampaignResult, config: Config, *, baselines: Path | None = None, as_json: bool, verbose: bool
) -> NoReturn:
    """Judge ``result`` against the baselines, print the verdicts and exit with their code."""
    from memcap.judge import judge
    from memcap.store import load_baselines

    committed = load_baselines(baselines or config.baseline_directory)
    verdicts = judge(result, committed, config.rules)
    _print_and_exit(result, verdicts, is_judged=True, as_json=as_json, verbose=verbose)


def conclude_unjudged(result: CampaignResult, *, measurements: bool = False, verbose: bool = False) -> NoReturn:
    """Print the figures of ``result``; exit with a code if a workload did not end as it should.

    ``measurements`` prints them as the JSON of `measure --json`.
    """
    from memcap.judge import judge, worst_exit_code
    from memcap.model import Baselines, Rules, VerdictState
    from memcap.report.json import render_measure_json

    verdicts = judge(result, Baselines(cells={}), Rules(minimum_runs=1))
    bad = tuple(verdict for verdict in verdicts if verdict.state is not VerdictState.NEW)
    if measurements:
        click.echo(render_measure_json(result), nl=False)
        raise SystemExit(worst_exit_code(bad))
    _print_and_exit(result, bad, is_judged=False, as_json=False, verbose=verbose)


def _print_and_exit(
    result: CampaignResult, verdicts: tuple[Verdict, ...], *, is_judged: bool, as_json: bool, verbose: bool
) -> NoReturn:
    from memcap.judge import worst_exit_code
    from memcap.report import build_view
    from memcap.report.json import render_check_json
    from memcap.report.sparkline import levels_for
    from memcap.report.terminal import render_terminal

    code = worst_exit_code(verdicts)
    view = build_view(result, verdicts, exit_code=code, is_judged=is_judged)
    width = max(80, shutil.get_terminal_size().columns)
    levels = levels_for(sys.stdout.encoding)
    text = render_check_json(view) if as_json else render_terminal(view, width=width, verbose=verbose, levels=levels)
    click.echo(text, nl=False)
    raise SystemExit(code)
