"""In which order the runs of cells are made: warm-ups first, and cells that are compared take turns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from memcap.admission import Demand
from memcap.dispatch import Task
from memcap.model import Cell


@dataclass(frozen=True, kw_only=True)
class Missing:
    """How many warm-ups and runs a cell is to get, and how many it has."""

    cell: Cell
    warmups: int
    runs: int
    warmups_before: int = 0
    runs_before: int = 0


Group = tuple[Missing, ...]


def grouped(missing: Iterable[Missing]) -> Iterator[Group]:
    """Yield the cells that differ in their image or variant only, in the plan's order."""
    for _, group in itertools.groupby(missing, key=_shared_by_a_group):
        yield tuple(group)


def tasks_of(group: Group, serials: Iterator[int]) -> Iterator[Task]:
    """Yield the warm-ups and then the runs of a group, the cells taking turns.

    Every second turn goes through them backwards: none is always the one before, or after, another.
    """
    for is_warmup in (True, False):
        for turn in range(max(each.warmups if is_warmup else each.runs for each in group)):
            order = [each for each in group if turn < (each.warmups if is_warmup else each.runs)]
            for each in reversed(order) if turn % 2 else order:
                yield Task(
                    cell=each.cell,
                    group="/".join(_shared_by_a_group(each)),
                    serial=next(serials),
                    number=turn + (each.warmups_before if is_warmup else each.runs_before),
                    is_warmup=is_warmup,
                    demand=demand_of(each.cell),
                )


def demand_of(cell: Cell) -> Demand:
    """Return what a run of ``cell`` takes of the machine."""
    # A container beside a cold run would read the files that were just dropped from the page cache.
    is_alone = cell.is_cold or cell.benchmark.judges_time
    return Demand(memory_bytes=cell.memory_bytes, cpus=cell.benchmark.quiet.pin_cpus, is_alone=is_alone)


def _shared_by_a_group(missing: Missing) -> tuple[str, str, str]:
    cell = missing.cell
    return cell.benchmark.suite, cell.benchmark.name, cell.cap.name
