"""The last step of `run`, `check` and `measure`: judge, print, and end with the code that says how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from memcap.cli.output import emit
from memcap.cli.reports import Reports, terminal_text, write_reports

if TYPE_CHECKING:
    from memcap.cli.explain import Asked
    from memcap.model import Baselines, CampaignResult, Config, Verdict
    from memcap.report import View

_NO_REPORTS = Reports()


def conclude(  # noqa: PLR0913 - all that a verdict is made of
    result: CampaignResult,
    config: Config,
    *,
    baselines: Baselines | None = None,
    as_json: bool,
    verbose: bool,
    show_output: bool = False,
    reports: Reports = _NO_REPORTS,
    asked: Asked | None = None,
    time_is_up: bool = False,
    accept_new: bool = False,
) -> NoReturn:
    """Judge ``result``, print the verdicts, write the reports and exit with the code.

    ``baselines`` are those of the project if None; with ``asked``, what became worse is explained by line. If
    ``time_is_up``, planned cells are lacking for that reason. ``accept_new`` makes the first baselines of benchmarks.
    """
    from memcap.cli.explain import explain
    from memcap.cli.first_baselines import accept_first
    from memcap.errors import BaselineRefused, Interrupted
    from memcap.report.json import render_check_json
    from memcap.store import load_baselines

    def text() -> str:
        if as_json:
            return render_check_json(view)
        return terminal_text(view, verbose=verbose, show_output=show_output)

    baselines = load_baselines(config.baseline_directory) if baselines is None else baselines
    view = judged_view(result, config, baselines, time_is_up=time_is_up)
    if asked is not None:
        try:
            view = replace(view, explained=explain(view, result, config, asked))
        except (Interrupted, KeyboardInterrupt):
            emit(text())  # the verdicts are there
            raise
    first = accept_first(result, view, config, baselines) if accept_new else None
    if first and first.is_any:
        view = replace(view, next_step="review the new files in results/baselines, and commit them")
    elif first and first.refused:
        view = replace(view, next_step="")  # each refusal says what to do
    emit(text())
    write_reports(view, reports, print_to_stderr=as_json)
    if first:
        first.tell()
    raise SystemExit(view.exit_code or (BaselineRefused.exit_code if first and first.refused else 0))


def with_new_cells(config: Config, *, allowed: bool) -> Config:
    """Return ``config``, by whose rules cells without a baseline pass if that is ``allowed``."""
    return replace(config, rules=replace(config.rules, allow_new=allowed))


def conclude_unjudged(
    result: CampaignResult,
    *,
    measurements: bool = False,
    verbose: bool = False,
    show_output: bool = False,
    reports: Reports = _NO_REPORTS,
    time_is_up: bool = False,
) -> NoReturn:
    """Print the figures of ``result``; exit with a code if a workload did not end as it should, or ``time_is_up``.

    ``measurements`` prints them as the JSON of `measure --json`.
    """
    from memcap.report.json import render_measure_json

    view = unjudged_view(result, root=reports.root, time_is_up=time_is_up)
    shown = terminal_text(view, verbose=verbose, show_output=show_output)
    emit(render_measure_json(result) if measurements else shown)
    write_reports(view, reports, print_to_stderr=measurements)
    raise SystemExit(view.exit_code)


def judged_view(result: CampaignResult, config: Config, baselines: Baselines, *, time_is_up: bool = False) -> View:
    """Return the view of ``result`` judged against ``baselines`` by the rules of the project."""
    from memcap.config import folder_in_repository
    from memcap.judge import judge
    from memcap.report import build_view

    verdicts = judge(result, baselines, config.rules)
    return build_view(
        result,
        verdicts,
        exit_code=_exit_code(verdicts, time_is_up=time_is_up),
        against=baselines.origin,
        project=folder_in_repository(config.root),
    )


def unjudged_view(result: CampaignResult, *, root: Path | None = None, time_is_up: bool = False) -> View:
    """Return the view of ``result`` compared with nothing: only what did not end as it should has a verdict.

    ``root`` is the project, if there is one.
    """
    from memcap.config import folder_in_repository
    from memcap.judge import judge
    from memcap.model import Baselines, Rules, VerdictState
    from memcap.report import build_view

    verdicts = judge(result, Baselines(cells={}), Rules(tolerances={}, minimum_runs=1))
    bad = tuple(verdict for verdict in verdicts if verdict.state is not VerdictState.NEW)
    return build_view(
        result,
        bad,
        exit_code=_exit_code(bad, time_is_up=time_is_up),
        is_judged=False,
        project=folder_in_repository(root) if root else "",
    )


def _exit_code(verdicts: Sequence[Verdict], *, time_is_up: bool) -> int:
    """Return the code of what was found; if nothing was, and ``time_is_up``, that of this: what lacks lacks for it."""
    from memcap.errors import TimeIsUp
    from memcap.judge import worst_exit_code
    from memcap.model import VerdictState

    if not time_is_up:
        return worst_exit_code(verdicts)
    found = worst_exit_code(verdict for verdict in verdicts if verdict.state is not VerdictState.GONE)
    return found or TimeIsUp.exit_code
