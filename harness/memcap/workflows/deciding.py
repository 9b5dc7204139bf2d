"""``memcap run --until-decided``: judge, give the cells that are open more runs, and judge again, so many times."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from memcap.campaign import Campaign, Save
from memcap.errors import UsageError
from memcap.judge import judge
from memcap.judge.looks import PlannedLooks, distance, is_early, plan_looks, why_more
from memcap.model import Baselines, CampaignResult, Cell, Config, Plan, Rules
from memcap.revision import Base, in_base
from memcap.store import load_baselines
from memcap.units import counted
from memcap.workflows.base_ref import judged_against
from memcap.workflows.caller import CampaignWatcher, Tell
from memcap.workflows.request import Deciding

GROWTH = 4  # by default a cell gets up to so many times the plan's runs


@dataclass(frozen=True, kw_only=True)
class DecidingOptions:
    """What --until-decided is given: the most runs of a cell, and of all cells together (None: the defaults).

    Not ``early``: each cell gets the runs of the plan, as one that may become a baseline must.
    """

    max_runs: int | None = None
    max_total_runs: int | None = None
    early: bool = True


def deciding_of(
    plan: Plan,
    config: Config,
    base: Base | None,
    *,
    options: DecidingOptions,
    earlier: CampaignResult | None,
    tell: Tell,
) -> Deciding:
    """Return when the cells of ``plan`` are looked at, beside ``base`` or else the project's baselines.

    A campaign that is resumed is looked at as was planned when it began. Raises UsageError where ``max_runs`` is less
    than what the plan makes anyway, or not what it was then. ``tell`` hears of runs that are added to begin with.
    """
    max_runs = options.max_runs
    if earlier and earlier.looks:
        looks = PlannedLooks(sizes=earlier.looks, early=earlier.early_looks)
        if max_runs not in (None, looks.sizes[-1]):
            raise UsageError(
                f"the campaign was begun with --max-runs {looks.sizes[-1]}",
                remedy="Leave --max-runs out: how often is looked must be settled before the first run.",
            )
    else:
        looks = _looks(plan, config, base, options=options, tell=tell)
    rules, base_grows = config.rules, base is not None
    return Deciding(
        sizes=looks.sizes,
        early=looks.early,
        open_cells=lambda result: open_cells(*judged_against(result, base, config), rules, base_grows=base_grows),
        max_total_runs=options.max_total_runs,
    )


def refuse_few(deciding: Deciding, plan: Plan, base: Base | None) -> None:
    """Raise UsageError where the limit for all cells is less than the runs that they begin with."""
    limit = deciding.max_total_runs
    cells = (*plan.cells, *(base.plan.cells if base else ()))
    least = sum(1 if cell.id in plan.soaks else deciding.sizes[0] for cell in cells)
    if limit is not None and limit < least:
        raise UsageError(
            f"--max-total-runs {limit} is less than the {counted(least, 'run')} that {counted(len(cells), 'cell')} "
            f"begin with",
            remedy=f"Allow {least} or more, or choose fewer cells.",
        )


def _looks(plan: Plan, config: Config, base: Base | None, *, options: DecidingOptions, tell: Tell) -> PlannedLooks:
    most = options.max_runs or GROWTH * plan.runs
    if most < plan.runs:
        raise UsageError(
            f"--max-runs {most} is less than the {counted(plan.runs, 'run')} of the plan", remedy="Give --runs too."
        )
    committed = {} if base else load_baselines(config.baseline_directory).cells
    base_runs = [committed[cell.id].runs for cell in plan.cells if cell.id in committed and cell.id not in plan.soaks]
    looks = plan_looks(plan.runs, most, config.rules, base_runs=None if base else base_runs, early=options.early)
    first = looks.sizes[0]
    if first > plan.runs:
        tell(
            f"{first} runs of each cell to begin with, not {plan.runs}: fewer say too little for "
            f"{len(looks.sizes)} looks"
        )
    elif looks.early:
        tell(f"{first} runs of each cell to begin with; cells that they leave open get {plan.runs} or more")
    return looks


def open_cells(result: CampaignResult, baselines: Baselines, rules: Rules, *, base_grows: bool) -> dict[str, str]:
    """Return the ids of the cells that more runs may decide, the most promising first, each with what is open."""
    verdicts = judge(result, baselines, rules)
    early = {cell.cell.id for cell in result.cells if is_early(cell, result)}
    why = {
        verdict.cell_id: why_more(verdict, rules, base_grows=base_grows, early=verdict.cell_id in early)
        for verdict in sorted(verdicts, key=distance)
    }
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

    Ends when nothing is open, after the last look that was planned, or when all runs are used up. A cell gets all runs
    of a step or none, and so does its base. Raises as `Campaign.extend` does.
    """
    limit = _limit(result, deciding)
    for before, size in pairwise(deciding.sizes):
        runs = {cell.cell.id: len(cell.runs) for cell in result.cells}
        left = limit - sum(runs.values())
        missing: dict[int, list[str]] = defaultdict(list)
        unpaid = 0
        for cell, why in _by_promise(plan, deciding.open_cells(result), runs, before):
            more = size - runs[cell.id]
            sides = [each for each in (cell.id, in_base(cell)) if each in runs]
            if more <= 0:
                continue
            if more * len(sides) > left:
                unpaid += 1
                continue
            left -= more * len(sides)
            missing[more] += sides
            watcher.say(f"{cell.id}: {counted(more, 'more run')}: {why}")
        if unpaid:
            watcher.say(
                f"{counted(unpaid, 'open cell')} without {size} runs: {limit} of all cells is the limit "
                f"(--max-total-runs)"
            )
        for times, cells in missing.items():
            result = campaign.extend(cells, times, tell=watcher, save=save)
    return result


def _limit(result: CampaignResult, deciding: Deciding) -> int:
    """Return how many runs all cells may have: by default as many as the plan alone would make.

    Where the first look asks for those already, twice as many, so that some are left for what is open.
    """
    if deciding.max_total_runs is not None:
        return deciding.max_total_runs
    sizes = deciding.sizes
    each = sizes[1] if deciding.early and len(sizes) > 1 else 2 * sizes[0]
    return sum(1 if cell.cell.is_soak else each for cell in result.cells)


def _by_promise(plan: Plan, reasons: Mapping[str, str], runs: Mapping[str, int], before: int) -> list[tuple[Cell, str]]:
    """Return the cells of ``plan`` that are open, each with why; first those that were interrupted on their way."""
    cells = {cell.id: cell for cell in plan.cells}
    # An interrupt in between: it was open after the look before, and is not looked at until the next one.
    on_their_way = {cell_id: "interrupted between two looks" for cell_id in cells if runs[cell_id] > before}
    return [(cells[cell_id], why) for cell_id, why in {**on_their_way, **reasons, **on_their_way}.items()]
