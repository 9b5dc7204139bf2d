"""``memcap compare A B`` and ``memcap check B --against A`` say the same of the same figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from compared import make_run, make_runs_of
from hypothesis import given
from hypothesis import strategies as st

from factories import MIB, make_cell, make_result
from memcap.comparing import Comparison, compare_sides, match_results
from memcap.judge import judge
from memcap.model import (
    CampaignResult,
    Caveat,
    CaveatKind,
    Measurement,
    Metric,
    MetricVerdict,
    Rules,
    Tolerance,
    VerdictState,
)
from memcap.store import as_baselines

TIGHT = Tolerance(relative=0, absolute=MIB // 4)
PROJECT = Rules(tolerances=dict.fromkeys((Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK), TIGHT))
FLOOR = Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail="")


def _compare(base: CampaignResult, new: CampaignResult, rules: Rules) -> Comparison:
    return compare_sides(match_results(base, new), (base, new), rules, labels=("A", "B"))


def _check(base: CampaignResult, new: CampaignResult, rules: Rules) -> dict[str, Mapping[str, MetricVerdict]]:
    verdicts = judge(new, as_baselines(base)[0], rules)
    return {
        verdict.cell_id: {
            each.metric.value: each for each in verdict.metrics if each.state is not VerdictState.NEW
        }
        for verdict in verdicts
    }  # fmt: skip


_SIZES = st.floats(0, 3).map(lambda size: round(size, 2))
_RUNS = st.lists(
    st.builds(make_run, interpreter=_SIZES, imports=_SIZES, workload=_SIZES.map(lambda size: 20 + size), slack=_SIZES),
    min_size=4,
    max_size=8,
)
_TOLERANCES = st.dictionaries(
    st.sampled_from((Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK, Metric.WALL)),
    st.builds(Tolerance, relative=st.sampled_from((0, 0.02)), absolute=st.sampled_from((0, MIB // 4, MIB))),
)


@st.composite
def _results(draw: st.DrawFn, name: str) -> CampaignResult:
    cells = []
    for benchmark in ("a", "b", "c"):
        runs: tuple[Measurement, ...] = tuple(draw(_RUNS))
        if draw(st.booleans()) and benchmark == "c":
            runs = tuple(replace(run, caveats=(FLOOR,)) for run in runs)
        cells.append(make_cell(f"agents.{benchmark}-py312-128m", runs, tolerances=draw(_TOLERANCES)))
    return make_result(*cells, id=name, looks=draw(st.sampled_from(((), (5, 10)))))


@given(base=_results("base"), new=_results("new"), tolerances=_TOLERANCES.filter(bool))
def test_the_verdict_and_the_interval_of_each_metric_are_those_of_check(
    base: CampaignResult, new: CampaignResult, tolerances: Mapping[Metric, Tolerance]
) -> None:
    rules = Rules(tolerances=tolerances)
    checked = _check(base, new, rules)
    for pair in _compare(base, new, rules).pairs:
        found = {each.name: each for each in pair.metrics}
        for name, verdict in checked[pair.match.against.cell.id].items():
            said = found[name]
            assert (said.state, said.shift, said.margin, said.probability, said.detail) == (
                verdict.state,
                verdict.shift,
                verdict.margin,
                verdict.probability,
                verdict.detail,
            )


def test_parts_near_to_changing_do_not_make_the_metrics_less_certain() -> None:
    """Five runs a side are enough for what is clear alone, and not among several open comparisons."""
    base = make_result(make_cell(runs=make_runs_of()[:5]))
    steps = (0.1, 0.2, 0.3, 0.4, 0.5)
    new = make_result(make_cell(runs=[make_run(imports=2 + step, workload=22, slack=1 + step) for step in steps]))
    (pair,) = _compare(base, new, PROJECT).pairs
    (verdict,) = judge(new, as_baselines(base)[0], PROJECT)

    open_parts = {each.name for each in pair.parts if each.state is VerdictState.UNDECIDED}
    assert open_parts >= {"imports", "slack"}
    assert (pair.state, verdict.state) == (VerdictState.REGRESSED, VerdictState.REGRESSED)


@pytest.mark.parametrize("open_cells", [0, 4])
def test_an_interval_beyond_the_tolerance_that_is_not_certain_says_why(open_cells: int) -> None:
    near, clear = make_runs_of(workload=20.27)[:5], make_runs_of(workload=22)[:5]
    names = [f"agents.near_{number}-py312-128m" for number in range(open_cells)]
    last = "agents.z-py312-128m"
    base = make_result(*(make_cell(name, make_runs_of()[:5]) for name in (*names, last)))
    new = make_result(*(make_cell(name, near) for name in names), make_cell(last, clear))

    answer = _compare(base, new, PROJECT).pairs[-1].answer
    checked = _check(base, new, PROJECT)[last]["unreclaimable_peak"]
    assert answer is not None
    assert answer.is_beyond
    assert (answer.state, answer.detail) == (checked.state, checked.detail)
    assert answer.state is (VerdictState.UNDECIDED if open_cells else VerdictState.REGRESSED)
    assert ("by itself, but that is not certain among 15 open comparisons" in answer.detail) is bool(open_cells)
