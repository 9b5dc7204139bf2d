"""In which order runs are made."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from factories import make_plan_cell
from memcap.model import COLD, Metric, Quiet, Thresholds, Tolerance
from memcap.turns import Missing, demand_of, grouped, tasks_of

CELLS = [make_plan_cell(name, image) for name in ("crew", "llm") for image in ("py312", "py313")]


def test_warmups_come_first_and_cells_take_turns() -> None:
    first, _ = grouped(Missing(cell=cell, warmups=1, runs=3, runs_before=2) for cell in CELLS)
    tasks = list(tasks_of(first, itertools.count(1)))
    a, b = CELLS[0].id, CELLS[1].id
    assert [task.cell.id for task in tasks] == [a, b, a, b, b, a, a, b]
    assert [task.is_warmup for task in tasks] == [True] * 2 + [False] * 6
    assert [task.serial for task in tasks] == list(range(1, 9))
    assert [task.number for task in tasks] == [0, 0, 2, 2, 3, 3, 4, 4]


def test_a_cell_that_has_more_runs_to_come_goes_on_alone() -> None:
    group = (Missing(cell=CELLS[0], warmups=0, runs=1), Missing(cell=CELLS[1], warmups=0, runs=3))
    assert [task.cell.image.name for task in tasks_of(group, itertools.count())] == ["py312", "py313", "py313", "py313"]


def test_a_run_takes_its_cap_and_its_cpus() -> None:
    demand = demand_of(make_plan_cell(cap="512m", quiet=Quiet(pin_cpus=2)))
    assert (demand.memory_bytes, demand.cpus, demand.is_alone) == (512 * 1024**2, 2, False)


def test_cold_runs_are_alone() -> None:
    assert demand_of(replace(make_plan_cell(), variant=COLD)).is_alone


@pytest.mark.parametrize(
    ("judged", "alone"),
    [
        ({"tolerances": {Metric.WALL: Tolerance(relative=0.1, absolute=0.1)}}, True),
        ({"tolerances": {Metric.PEAK: Tolerance(relative=0.1, absolute=1)}}, False),
        ({"extra_metrics": {"step_ms": "ms", "held": "MB"}, "alerts": {"step_ms": 10}}, True),
        ({"extra_metrics": {"step_ms": "ms", "held": "MB"}, "alerts": {"held": 10}}, False),
        ({"extra_metrics": {"step_ms": "ms"}}, False),
        ({"thresholds": {"cpu": Thresholds(excellent=1, good=2, acceptable=3, poor=3)}}, True),
    ],
)
def test_runs_whose_time_is_judged_are_alone(judged: dict[str, Any], alone: bool) -> None:
    cell = make_plan_cell()
    cell = replace(cell, benchmark=replace(cell.benchmark, **judged))
    assert demand_of(cell).is_alone is alone
