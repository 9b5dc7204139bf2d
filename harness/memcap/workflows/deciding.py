"""``memcap run --until-decided``: judge, give the cells that are open more runs, and judge again, so many times."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from memcap.campaign import Campaign, Save
from memcap.errors import UsageError
from memcap.judge import judge
from memcap.judge.looks import sizes_of_looks, why_more
from memcap.model import Baselines, CampaignResult, Config, Plan, Rules
from memcap.revision import Base, in_base
from memcap.store import load_baselines
from memcap.units import counted
from memcap.workflows.base_ref import judged_against
from memcap.workflows.caller import CampaignWatcher, Tell
from memcap.workflows.request import Deciding

GROWTH = 4  # by default a cell gets up to so many times the plan's runs


def deciding_of(
    plan: Plan, config: Config, base: Base | None, *, max_runs: int | None, earlier: CampaignResult | None, tell: Tell
) -> Deciding:
    """Return when the cells of ``plan`` are looked at, beside ``base`` or else the project's baselines.

    A campaign that is resumed is looked at as was planned when it began. Raises UsageError where ``max_runs`` is less
    than what the plan makes anyway, or not what it was then. ``tell`` hears of runs that are added to begin with.
    """
    if earlier and earlier.looks:
        sizes = earlier.looks
        if max_runs not in (None, sizes[-1]):
            raise UsageError(
                f"the campaign was begun with --max-runs {sizes[-1]}",
                remedy="Leave --max-runs out: how often is looked must be settled before the first run.",
            )
    else:
        sizes = _sizes(plan, config, base, max_runs=max_runs, tell=tell)
    rules, base_grows = config.rules, base is not None
    return Deciding(
        sizes=sizes,
        open_cells=lambda result: open_cells(*judged_against(result, base, config), rules, base_grows=base_grows),
    )


def _sizes(plan: Plan, config: Config, base: Base | None, *, max_runs: int | None, tell: Tell) -> tuple[int, ...]:
    most = max_runs or GROWTH * plan.runs
    if most < plan.runs:
        raise UsageError(
            f"--max-runs {most} is less than the {counted(plan.runs, 'run')} of the plan", remedy="Give --runs too."
        )
    committed = {} if base else load_baselines(config.baseline_directory).cells
    base_runs = [committed[cell.id].runs for cell in plan.cells if cell.id in committed and cell.id not in plan.soaks]
    sizes = sizes_of_looks(plan.runs, most, config.rules, base_runs=None if base else base_runs)
    if sizes[0] > plan.runs:
        tell(
            f"{sizes[0]} runs of each cell to begin with, not {plan.runs}: fewer say too little for {len(sizes)} looks"
        )
    return sizes


def open_cells(result: CampaignResult, baselines: Baselines, rules: Rules, *, base_grows: bool) -> dict[str, str]:
    """Return the ids of the cells that more runs may decide, each with what is open."""
    verdicts = judge(result, baselines, rules)
    why = {verdict.cell_id: why_more(verdict, rules, base_grows=base_grows) for verdict in verdicts}
    return {cell_id: reason for cell_id, reason in why.items() if reason}


def run_until_decided(
    campaign: Campaign,
    result: CampaignResult,
    plan: Plan,
    deciding: Deciding,
    *,
    watcher: CampaignWatcher,
    save: Save,
) -> CampaignResult:
    """Look at ``result`` and give the open cells of ``plan``, and what they are compared with, more runs; and again.

    Ends when nothing is open, or after the last look that was planned. Raises as `Campaign.extend` does.
    """
    for before, size in pairwise(deciding.sizes):
        reasons = deciding.open_cells(result)
        runs = {cell.cell.id: len(cell.runs) for cell in result.cells}
        missing: dict[int, list[str]] = defaultdict(list)
        for cell in plan.cells:
            # An interrupt in between: it was open after the look before, and is not looked at until the next one.
            why = "interrupted between two looks" if runs[cell.id] > before else reasons.get(cell.id)
            if why and runs[cell.id] < size:
                missing[size - runs[cell.id]] += [cell.id, in_base(cell)]
                watcher.say(f"{cell.id}: {counted(size - runs[cell.id], 'more run')}: {why}")
        for times, cells in missing.items():
            result = campaign.extend(cells, times, tell=watcher, save=save)
    return result
