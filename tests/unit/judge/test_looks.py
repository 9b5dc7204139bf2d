"""How often cells are looked at while they get more runs, and which of them need more."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import TOLERANCES, make_baseline, make_baselines, make_cell, make_result, make_runs
from memcap.judge import judge
from memcap.judge.looks import plan_looks, why_more
from memcap.judge.samples import compare, decide
from memcap.model import Metric, MetricVerdict, Rules, Tolerance, Verdict, VerdictState
from memcap.report import build_view
from memcap.stats import values_needed


@pytest.mark.parametrize(
    ("runs", "most", "base_runs", "sizes"),
    [
        (10, 40, None, (10, 20, 40)),
        (10, 35, None, (10, 20, 35)),
        (10, 10, None, (10,)),
        (5, 20, None, (6, 10, 20)),  # 5 v 5 have no interval at a third of 1 %
        (5, 20, [5], (7, 10, 20)),
        (5, 20, [5, 10], (7, 10, 20)),  # the smallest base needs most
        (5, 20, [20], (5, 10, 20)),
        (5, 20, [1], (5, 10, 20)),  # nothing helps there
        (5, 20, [], (5, 10, 20)),
        (2, 4, None, (4,)),  # whatever the looks, never more than allowed
    ],
)
def test_looks_are_at_twice_as_many_runs_each_time(
    runs: int, most: int, base_runs: list[int] | None, sizes: tuple[int, ...]
) -> None:
    assert plan_looks(runs, most, Rules(), base_runs=base_runs, early=False).sizes == sizes


@given(runs=st.integers(1, 30), most=st.integers(1, 200), base=st.one_of(st.none(), st.lists(st.integers(1, 40))))
def test_looks_rise_from_the_plans_runs_to_the_most(runs: int, most: int, base: list[int] | None) -> None:
    most = max(runs, most)
    sizes = plan_looks(runs, most, Rules(), base_runs=base, early=False).sizes
    assert list(sizes) == sorted(set(sizes))
    assert runs <= sizes[0]
    assert sizes[-1] == most
    confidence = 1 - Rules().false_alarms / len(sizes)
    if base is None and most >= 10:
        assert (values_needed(sizes[0], confidence=confidence) or 0) <= sizes[0], "the first look can say something"


def test_looking_several_times_at_chance_gives_no_more_false_alarms_than_promised() -> None:
    """The whole procedure on unchanged code, 2000 times: looks at 6, 10 and 20 runs, stopping as soon as it is decided.

    Without paying for the looks it would be about 10 % (at 5 % a look); the bound is three standard errors above 5 %.
    """
    rules, tolerance, draw = Rules(false_alarms=0.05, looks=3), Tolerance(relative=0, absolute=0), random.Random(7)
    alarms = 0
    for _ in range(2000):
        base, new = ([draw.gauss(100, 1) for _ in range(20)] for _ in range(2))
        for size in (6, 10, 20):
            compared = compare(Metric.PEAK, base[:size], new[:size], tolerance, rules)
            (verdict,) = decide([compared], rules)
            if verdict.state in (VerdictState.REGRESSED, VerdictState.IMPROVED):
                alarms += 1
                break
    assert 0 < alarms < 2000 * 0.0646


def _verdict(state: VerdictState, *metrics: tuple[Metric, VerdictState, int]) -> Verdict:
    return Verdict(
        cell_id="agents.crew-py312-128m",
        state=state,
        summary="",
        metrics=tuple(
            MetricVerdict(metric=metric, state=each, base=1, new=1, detail=each.value, base_values=(1,) * base)
            for metric, each, base in metrics
        ),
    )


PEAK, NEED = Metric.PEAK, Metric.UNRECLAIMABLE_PEAK
OPEN, FEW, SAME = VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA, VerdictState.UNCHANGED


@pytest.mark.parametrize(
    ("verdict", "base_grows", "reason"),
    [
        (_verdict(OPEN, (PEAK, OPEN, 5), (NEED, SAME, 5)), False, "peak undecided"),
        (_verdict(FEW, (PEAK, FEW, 5), (NEED, OPEN, 5)), False,
         "peak not enough data; unreclaimable_peak undecided"),
        (_verdict(FEW, (PEAK, FEW, 2)), False, ""),  # it is the baseline that has too few
        (_verdict(FEW, (PEAK, FEW, 2)), True, "peak not enough data"),
        (_verdict(FEW), False, ""),  # nothing was measured: more of it would be nothing too
        (_verdict(VerdictState.REGRESSED, (PEAK, OPEN, 5)), False, ""),
        (_verdict(VerdictState.NEW, (PEAK, VerdictState.NEW, 0)), True, ""),
        (_verdict(VerdictState.ENDING_CHANGED), True, ""),
        (_verdict(SAME, (PEAK, SAME, 5)), True, ""),
    ],
)  # fmt: skip
def test_more_runs_are_for_what_they_can_decide(verdict: Verdict, base_grows: bool, reason: str) -> None:
    assert why_more(verdict, Rules(), base_grows=base_grows) == reason


@pytest.mark.parametrize(("looks", "more"), [((), ""), ((7, 14), " --max-runs N")])
def test_who_has_looked_several_times_is_not_told_to_do_the_same_again(looks: tuple[int, ...], more: str) -> None:
    base, cell = (make_cell(runs=make_runs((40, 80, 60, 50, 70, 45, last))) for last in (75, 90))
    result = make_result(cell, looks=looks)
    (verdict,) = judge(result, make_baselines(make_baseline(base)), Rules(tolerances=TOLERANCES))
    assert verdict.state is OPEN
    assert f"(memcap run --until-decided{more})" in verdict.remedy
    assert build_view(result, (verdict,)).next_step == f"memcap run --until-decided{more}"
