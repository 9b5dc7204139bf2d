"""Which cells a shard has: the longest first, each to the shard that has least to do until then.

The same plan and the same durations give the same shards everywhere: whole milliseconds are added, and ties are settled
by ids and numbers. R. L. Graham, "Bounds on Multiprocessing Timing Anomalies", SIAM J. Appl. Math. 17 (1969): the
longest shard takes at most 4/3 of what the best division would give it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from memcap.errors import UsageError
from memcap.model import MOST_SHARDS, START_SECONDS, Baselines, CampaignResult, Cell, Plan, Shard
from memcap.stats import median

USUAL_SECONDS: Final = 1.0  # of a run, where no cell of the plan has a duration
_FORM = re.compile(r"([0-9]{1,9})/([0-9]{1,9})", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Division:
    """A plan in shards, and how long each is expected to take with one container at a time.

    ``guessed`` counts the cells of the plan whose duration is not known.
    """

    shards: tuple[Plan, ...]
    seconds: tuple[float, ...]
    guessed: int


def parse_shard(text: str) -> Shard:
    """Return the shard that ``text`` names, such as 3/8. Raises UsageError."""
    form = _FORM.fullmatch(text)
    number, count = (int(form[1]), int(form[2])) if form else (0, 0)
    if not 1 <= number <= count <= MOST_SHARDS:
        raise UsageError(
            f"{text!r} is not a shard",
            remedy="Write NUMBER/COUNT: 3/8 is the third of eight shards, and the first is 1/8.",
        )
    return Shard(number=number, count=count)


def known_seconds(baselines: Baselines, result: CampaignResult | None) -> dict[str, float]:
    """Return how long a run of each cell took, by the cells' ids: what ``result`` says, and else the baselines."""
    found = {cell_id: each.seconds for cell_id, each in baselines.cells.items() if each.seconds is not None}
    measured = {cell.cell.id: cell.seconds for cell in result.cells} if result else {}
    return found | {cell_id: seconds for cell_id, seconds in measured.items() if seconds is not None}


def divide(plan: Plan, count: int, seconds: Mapping[str, float]) -> Division:
    """Return ``plan`` in ``count`` shards, each with its cells in the order of the plan; some may have none.

    ``seconds`` says how long a run takes, by the ids of cells. One without is taken to last as long as it is configured
    to, or else as the median of the others.
    """
    known = {cell.id: found for cell in plan.cells if (found := _known(cell, seconds)) is not None}
    usual = median(list(known.values())) if known else USUAL_SECONDS
    costs = {cell.id: _cost(plan, cell.id, known.get(cell.id, usual)) for cell in plan.cells}
    loads, shard_of = [0] * count, dict[str, int]()
    for cell_id in sorted(costs, key=lambda each: (-costs[each], each)):
        shard_of[cell_id] = min(range(count), key=lambda number: (loads[number], number))
        loads[shard_of[cell_id]] += costs[cell_id]
    cells: list[list[Cell]] = [[] for _ in range(count)]
    for cell in plan.cells:
        cells[shard_of[cell.id]].append(cell)
    return Division(
        shards=tuple(replace(plan, cells=tuple(own)) for own in cells),
        seconds=tuple(load / 1000 for load in loads),
        guessed=len(plan.cells) - len(known),
    )


def _known(cell: Cell, seconds: Mapping[str, float]) -> float | None:
    return seconds.get(cell.id, cell.configured_seconds or None)


def _cost(plan: Plan, cell_id: str, seconds: float) -> int:
    """Return the milliseconds that all runs of a cell take, warm-ups included."""
    runs = plan.runs_of(cell_id) + plan.warmups_of(cell_id)
    return runs * round((START_SECONDS + seconds) * 1000)
