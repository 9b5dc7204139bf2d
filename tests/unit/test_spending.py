"""A short form of the simulation in docs/statistics.md: few runs first, more where the verdict is open."""

from __future__ import annotations

import random

import pytest
from truth.spending import Source, simulate

from memcap.judge.looks import plan_looks
from memcap.judge.samples import compare
from memcap.model import Metric, Rules, Tolerance

MIB = 1024 * 1024
TOLERANCE = Tolerance(relative=0.0, absolute=MIB / 2)


def _sources() -> list[Source]:
    draw = random.Random(3)
    return [
        Source(
            cell_id=f"cell{number}",
            values={Metric.PEAK: [draw.gauss(20 * MIB, 40_000) for _ in range(7)]},
            tolerances={Metric.PEAK: TOLERANCE},
        )
        for number in range(20)
    ]


@pytest.mark.parametrize(("change", "found"), [("none", None), ("a tolerance", 0.0), ("+5 %", 1.0), ("+20 %", 1.0)])
def test_the_verdicts_are_those_of_seven_runs_for_about_half_of_them(change: str, found: float | None) -> None:
    got = simulate(_sources(), Rules(), change=change, runs=7, most=7, suites=20)
    assert got.runs <= 3.5
    assert got.same >= 0.98
    assert got.regressed == found == got.fixed_regressed
    assert got.false_alarms == 0
    assert abs(got.bias) <= 0.15  # as near as so few suites can tell


def test_unchanged_is_wrong_no_more_often_than_promised() -> None:
    """Cells that moved by just their tolerance, 4000 times; the bound is three standard errors above 1 %."""
    draw = random.Random(11)
    looks = plan_looks(7, 28, Rules(), base_runs=[7], early=True)
    rules = Rules(looks=len(looks.sizes), early_looks=looks.early)
    wrong = 0
    for _ in range(4000):
        base = [draw.gauss(20 * MIB, 100_000) for _ in range(7)]
        new = [draw.gauss(20 * MIB, 100_000) + MIB / 2 for _ in range(28)]
        states = [
            compare(Metric.PEAK, base, new[:size], TOLERANCE, rules, is_early=size == looks.sizes[0]).verdict
            for size in looks.sizes
        ]
        wrong += any(each.shift is not None and each.shift.high <= MIB / 2 for each in states)
    assert 0 < wrong <= 4000 * 0.0147
