"""Plans divided into shards: every cell once, the same everywhere, and about as long each."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_baseline, make_baselines, make_cell, make_measurement, make_plan, make_plan_cell, make_result
from memcap.errors import UsageError
from memcap.model import START_SECONDS, CallWorkload, Plan, Shard
from memcap.shards import Division, divide, known_seconds, parse_shard

NAMES = [f"bench{number}" for number in range(40)]
PLANS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=40, unique=True).map(
    lambda names: make_plan(*map(make_plan_cell, names), runs=3, warmups=1)
)
SECONDS = st.dictionaries(
    st.sampled_from([make_plan_cell(name).id for name in NAMES]), st.floats(min_value=0, max_value=1e5)
)


@given(PLANS, st.integers(min_value=1, max_value=50), SECONDS)
def test_every_cell_is_in_exactly_one_shard_in_the_order_of_the_plan(
    plan: Plan, count: int, seconds: dict[str, float]
) -> None:
    shards = divide(plan, count, seconds).shards

    assert len(shards) == count
    assert sorted(cell.id for shard in shards for cell in shard.cells) == sorted(cell.id for cell in plan.cells)
    for shard in shards:
        assert [cell for cell in plan.cells if cell in shard.cells] == list(shard.cells)
        assert replace(shard, cells=plan.cells) == plan


@given(PLANS, st.integers(min_value=1, max_value=9), SECONDS, st.randoms(use_true_random=False))
def test_the_same_plan_and_durations_give_the_same_shards_in_any_order(
    plan: Plan, count: int, seconds: dict[str, float], random: Random
) -> None:
    cells, items = list(plan.cells), list(seconds.items())
    random.shuffle(cells)
    random.shuffle(items)

    def ids(division: Division) -> list[set[str]]:
        return [{cell.id for cell in shard.cells} for shard in division.shards]

    assert ids(divide(replace(plan, cells=tuple(cells)), count, dict(items))) == ids(divide(plan, count, seconds))


@given(PLANS, st.integers(min_value=1, max_value=9), SECONDS)
def test_no_shard_takes_longer_than_graham_proved(plan: Plan, count: int, seconds: dict[str, float]) -> None:
    found = divide(plan, count, seconds).seconds
    alone = divide(plan, len(plan.cells), seconds).seconds  # a cell in each

    # The best division takes at least the longest cell, and at least an equal share of all.
    least = max(Fraction(max(alone)), sum(map(Fraction, alone)) / count)
    assert Fraction(max(found)) <= 2 * least
    assert sum(map(Fraction, found)) == pytest.approx(float(sum(map(Fraction, alone))))


def test_a_long_cell_gets_a_machine_of_its_own() -> None:
    cells = [make_plan_cell(name) for name in ("a", "b", "c", "d")]
    plan = make_plan(*cells, runs=2, warmups=1)
    division = divide(plan, 2, {cells[0].id: 1.0, cells[1].id: 1.0, cells[2].id: 9.0, cells[3].id: 1.0})

    assert [[cell.benchmark.name for cell in shard.cells] for shard in division.shards] == [["c"], ["a", "b", "d"]]
    assert division.seconds == (3 * (START_SECONDS + 9), 3 * 3 * (START_SECONDS + 1))
    assert division.guessed == 0


def test_what_is_not_known_takes_as_long_as_configured_or_as_the_others() -> None:
    lasting = make_plan_cell("lasting")
    workload = CallWorkload(call="work:long", duration_seconds=60.0)
    lasting = replace(lasting, benchmark=replace(lasting.benchmark, workload=workload))
    known, unknown = make_plan_cell("known"), make_plan_cell("unknown")
    plan = make_plan(lasting, known, unknown, runs=1, warmups=0)

    division = divide(plan, 3, {known.id: 4.0})

    assert division.seconds == (START_SECONDS + 60, START_SECONDS + 32, START_SECONDS + 4)  # 32: the median
    assert division.guessed == 1
    assert divide(plan, 1, {lasting.id: 2.0}).seconds == (3 * (START_SECONDS + 2),), "what was learned goes first"


def test_durations_are_those_of_the_result_or_else_of_the_baselines() -> None:
    one, two = make_cell("agents.one-py312-128m"), make_cell("agents.two-py312-128m")
    unknown = make_cell("agents.three-py312-128m", [make_measurement(wall_seconds=None)])
    baselines = make_baselines(
        make_baseline(one, seconds=7.0), make_baseline(two, seconds=8.0), make_baseline(unknown, seconds=9.0)
    )

    assert known_seconds(make_baselines(make_baseline(one)), None) == {}
    assert known_seconds(baselines, make_result(two, unknown)) == {
        one.cell.id: 7.0,
        two.cell.id: 1.25,
        unknown.cell.id: 9.0,
    }


@pytest.mark.parametrize("text", ["1/1", "3/8", "8/8", "9999/9999"])
def test_a_shard_is_read_as_it_is_written(text: str) -> None:
    assert str(parse_shard(text)) == text
    assert parse_shard("3/8") == Shard(number=3, count=8)


@pytest.mark.parametrize(
    "text", ["0/8", "9/8", "a/b", "1/0", "0/0", "3", "", "1/2/3", "-1/2", " 1/2", "1/2\n", "\u0661/\u0662", "1/10000"]
)
def test_what_is_no_shard_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_shard(text)
    assert repr(text) in refused.value.message
    assert "3/8" in refused.value.remedy
