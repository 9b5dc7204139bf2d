"""``memcap measure --tune``: run a workload under each setting, then under those that helped, and say which do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from memcap.model import CampaignResult, Ending
from memcap.tune import SETTINGS, Setting, SettingTrial, Tuning, cells_of, compare_settings, together
from memcap.workflows.caller import Caller
from memcap.workflows.execute import execute
from memcap.workflows.judging import UnexpectedEnding, unjudged
from memcap.workflows.request import CampaignRequest, new_campaign


def tune_request(request: CampaignRequest, caller: Caller) -> Tuning:
    """Try the settings on the one cell of ``request``, and return what they do.

    Raises UnexpectedEnding for a workload that fails as it is, and what `execute` raises.
    """
    (cell,) = request.plan.cells
    first, result = _round(request, SETTINGS, caller)
    if any(run.ending is not Ending.COMPLETED for run in result.cells[0].runs):
        raise UnexpectedEnding(unjudged(replace(result, cells=result.cells[:1])))
    settings = together(first)
    second = _round(request, settings, caller)[0] if settings else ()
    return Tuning(cell_id=cell.id, first=first, second=second)


def _round(
    request: CampaignRequest, settings: Sequence[Setting], caller: Caller
) -> tuple[tuple[SettingTrial, ...], CampaignResult]:
    """Run the cell of ``request`` under each of ``settings`` in turn."""
    (cell,) = request.plan.cells
    plan = replace(request.plan, cells=cells_of(cell, settings))
    result = execute(replace(request, plan=plan, name=new_campaign("tune")), caller)
    return compare_settings(result.cells, settings), result
