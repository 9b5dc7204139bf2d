"""``memcap measure --tune``: run a workload under each setting, then under those that helped, and say which do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NoReturn

from memcap.cli.execute import Order, execute, new_campaign
from memcap.cli.output import emit
from memcap.cli.reports import Wanted, for_documents, print_document, write_documents
from memcap.cli.verdict import conclude_unjudged
from memcap.errors import UsageError
from memcap.model import CampaignResult, Ending
from memcap.report.tune import render_tune_json, tune_document
from memcap.tune import MINIMUM_RUNS, SETTINGS, Setting, Trial, Tuning, cells_of, compare_settings, together


def conclude_tuning(order: Order, *, is_alone: bool, wanted: Sequence[Wanted], as_json: bool) -> NoReturn:
    """Try the settings on the one cell of ``order``, print what they do, and exit.

    ``is_alone`` False: other options were given that do not go with it. Raises UsageError, and what ``execute`` raises.
    """
    if not is_alone:
        raise UsageError(
            "--tune goes with none of --cold, --no-thp and --output", remedy="Its JSON holds all figures: --json"
        )
    if len(order.plan.cells) > 1:
        raise UsageError("--tune takes one cap", remedy="Give --cap once.")
    if order.plan.runs < MINIMUM_RUNS:
        raise UsageError(
            f"--tune needs {MINIMUM_RUNS} runs of each setting or more, to tell them from chance",
            remedy="Leave --runs out, or use --runs 20 for small differences.",
        )
    wanted = for_documents(wanted)
    (cell,) = order.plan.cells
    first, result = _round(order, SETTINGS)
    if any(run.ending is not Ending.COMPLETED for run in result.cells[0].runs):
        conclude_unjudged(replace(result, cells=result.cells[:1]))  # it fails as it is: that comes first
    settings = together(first)
    second = _round(order, settings)[0] if settings else ()
    tuning = Tuning(cell_id=cell.id, first=first, second=second)
    document = tune_document(tuning)
    write_documents(document, wanted)
    if as_json:
        emit(render_tune_json(tuning))
    else:
        print_document(document)
    raise SystemExit(0)


def _round(order: Order, settings: tuple[Setting, ...]) -> tuple[tuple[Trial, ...], CampaignResult]:
    """Run the cell of ``order`` under each of ``settings`` in turn."""
    (cell,) = order.plan.cells
    campaign, started = new_campaign("tune")
    plan = replace(order.plan, cells=cells_of(cell, settings))
    result = execute(replace(order, plan=plan, id=campaign, started=started), save=lambda _: None, kept_in=None)
    return compare_settings(result.cells, settings), result
