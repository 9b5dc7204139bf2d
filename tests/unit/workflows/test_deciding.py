"""More runs until cells are decided: which, beside what, how often. With the fake engine."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factories import (
    MIB,
    make_baseline,
    make_baselines,
    make_cell,
    make_layer,
    make_plan,
    make_plan_cell,
    make_result,
    make_runs,
    make_settings,
)
from memcap.campaign import Campaign
from memcap.cli.progress import CampaignProgress, say
from memcap.config import load_config
from memcap.engine.fake import FakeEngine
from memcap.errors import UsageError
from memcap.model import CampaignResult, Config, Metric, Plan, RawRun, Rules, RunSpec, Tolerance
from memcap.revision import Base, side_by_side, split, with_base_layers
from memcap.store import as_baselines, save_baselines
from memcap.workflows.deciding import DecidingOptions, deciding_of, open_cells, refuse_few, run_until_decided
from memcap.workflows.request import Deciding

RULES = Rules(tolerances={Metric.PEAK: Tolerance(relative=0.01, absolute=MIB)})
CREW, LLM = make_plan_cell("crew"), make_plan_cell("llm")
# By turns far below and far above: no small number of runs tells where the middle is.
WILD = (40, 80)


class Scattered(FakeEngine):
    """Give the runs of crew wild figures by turns, and those of others a figure that hardly moves."""

    def __init__(self) -> None:
        super().__init__({})
        self._count = 0

    def execute(self, spec: RunSpec) -> RawRun:
        raw = super().execute(spec)
        self._count += 1
        peak = (WILD[self._count % 2] if "crew" in spec.cell_id else 50) * MIB + self._count
        return replace(raw, report=json.dumps(json.loads(raw.report or "") | {"peak_bytes": peak}))


def run(plan: Plan, deciding: Deciding, *, base: Base | None = None) -> tuple[CampaignResult, Scattered]:
    engine = Scattered()
    layers = {(cell.image.name, "agents"): make_layer(cell.image.name) for cell in plan.cells}
    campaign = Campaign(
        side_by_side(plan, base),
        engine=engine,
        layers=with_base_layers(layers, layers),
        settings=make_settings(looks=deciding.sizes, early_looks=deciding.early),
    )
    with CampaignProgress(lambda: campaign.activity) as progress:
        result = campaign.run(tell=progress, save=lambda _: None)
        result = run_until_decided(campaign, result, plan, deciding, watcher=progress, save=lambda _: None)
    return result, engine


def runs_of(result: CampaignResult) -> dict[str, int]:
    return {cell.cell.id: len(cell.runs) for cell in result.cells}


def test_what_is_open_gets_more_runs_up_to_the_last_look(capsys: pytest.CaptureFixture[str]) -> None:
    wild, steady = make_runs([40, 80] * 5), make_runs([50 + n / 1000 for n in range(10)])
    here = make_result(environment=FakeEngine({}).environment()).fingerprint("py312")
    cells = make_cell(CREW.id, wild), make_cell(LLM.id, steady)
    baselines = make_baselines(*(make_baseline(cell, fingerprint=here) for cell in cells))
    asked = []

    def find_open(result: CampaignResult) -> dict[str, str]:
        asked.append(runs_of(result))
        return open_cells(result, baselines, RULES, base_grows=False)

    plan = make_plan(CREW, LLM, runs=10, warmups=0)
    result, _ = run(plan, Deciding(sizes=(10, 20, 40), open_cells=find_open, max_total_runs=50))

    assert runs_of(result) == {CREW.id: 40, LLM.id: 10}
    assert [each[CREW.id] for each in asked] == [10, 20], "the last look is the verdict's"
    told = [line for line in capsys.readouterr().err.splitlines() if "more runs" in line]
    assert told == [
        f"{CREW.id}: 10 more runs: peak too much scatter to tell",
        f"{CREW.id}: 20 more runs: peak too much scatter to tell",
    ]


def test_the_base_gets_as_many_interleaved() -> None:
    plan = make_plan(CREW, LLM, runs=10, warmups=0)
    base = Base(plan=plan, suites={}, new=(), gone=())

    def find_open(result: CampaignResult) -> dict[str, str]:
        head, older = split(result)
        return open_cells(head, as_baselines(older)[0], RULES, base_grows=True)

    result, engine = run(plan, Deciding(sizes=(10, 12), open_cells=find_open), base=base)

    crew, older = CREW.id, CREW.id.replace("-py312-", "-py312.base-")
    llm = LLM.id, LLM.id.replace("-py312-", "-py312.base-")
    assert runs_of(result) == {crew: 12, older: 12, **dict.fromkeys(llm, 10)}
    assert [spec.cell_id for spec in engine.runs[-4:]] == [crew, older, older, crew]


def test_cells_that_have_runs_of_an_earlier_extension_get_the_missing_ones_only() -> None:
    plan = make_plan(CREW, LLM, runs=3, warmups=0)
    asked = iter([{CREW.id: "open"}, {CREW.id: "open", LLM.id: "open"}])
    result, _ = run(plan, Deciding(sizes=(3, 5, 6), open_cells=lambda _: next(asked)))
    assert runs_of(result) == {CREW.id: 6, LLM.id: 6}


def test_when_all_is_decided_nothing_is_added() -> None:
    result, engine = run(make_plan(runs=3, warmups=1), Deciding(sizes=(3, 6), open_cells=lambda _: {}))
    assert set(runs_of(result).values()) == {3}
    assert len(engine.runs) == 1 + 4


def test_a_result_is_judged_as_strictly_as_its_looks_need() -> None:
    """5 v 5 values suffice for one look at 1 %, and not for three."""
    shifted = make_cell(CREW.id, make_runs([70, 71, 72, 73, 74]))
    baselines = make_baselines(make_baseline(make_cell(CREW.id, make_runs([40, 41, 42, 43, 44]))))
    assert open_cells(make_result(shifted), baselines, RULES, base_grows=False) == {}
    looked_at = make_result(shifted, looks=(5, 10, 20))
    assert open_cells(looked_at, baselines, RULES, base_grows=False) == {CREW.id: "peak needs 2 more here"}


@pytest.fixture
def config(tmp_path: Path) -> Config:
    (tmp_path / "limits.toml").write_text('[caps]\n128m = "128m"\n[profiles.quick]\n')
    (tmp_path / "suites").mkdir()
    return load_config(tmp_path)


def test_looks_are_planned_up_to_four_times_the_runs(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(CREW, runs=10)
    assert deciding_of(
        plan, config, None, options=DecidingOptions(max_runs=None, early=False), earlier=None, tell=say
    ).sizes == (10, 20, 40)
    assert deciding_of(
        plan, config, None, options=DecidingOptions(max_runs=25, early=False), earlier=None, tell=say
    ).sizes == (10, 20, 25)
    assert capsys.readouterr().err == ""


def test_a_small_baseline_asks_for_more_runs_to_begin_with(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    save_baselines(make_baselines(make_baseline(make_cell(CREW.id))), config.baseline_directory)
    assert deciding_of(
        make_plan(CREW, runs=5),
        config,
        None,
        options=DecidingOptions(max_runs=None, early=False),
        earlier=None,
        tell=say,
    ).sizes == (
        7,
        10,
        20,
    )
    assert "7 runs of each cell to begin with, not 5" in capsys.readouterr().err
    assert deciding_of(
        make_plan(LLM, runs=5),
        config,
        None,
        options=DecidingOptions(max_runs=None, early=False),
        earlier=None,
        tell=say,
    ).sizes == (5, 10, 20)


def test_a_campaign_that_is_resumed_is_looked_at_as_was_planned(config: Config) -> None:
    plan, earlier = make_plan(runs=6), make_result(looks=(6, 10, 20))
    for most in (None, 20):
        assert deciding_of(
            plan, config, None, options=DecidingOptions(max_runs=most, early=False), earlier=earlier, tell=say
        ).sizes == (6, 10, 20)
    with pytest.raises(UsageError, match="begun with --max-runs 20"):
        deciding_of(plan, config, None, options=DecidingOptions(max_runs=40, early=False), earlier=earlier, tell=say)
    assert deciding_of(
        plan, config, None, options=DecidingOptions(max_runs=None, early=False), earlier=make_result(), tell=say
    ).sizes == (6, 12, 24)


def test_fewer_runs_at_most_than_at_least_are_refused(config: Config) -> None:
    with pytest.raises(UsageError, match="less than the 5 runs"):
        deciding_of(
            make_plan(runs=5), config, None, options=DecidingOptions(max_runs=4, early=False), earlier=None, tell=say
        )


def test_a_campaign_begins_with_the_fewest_runs_that_can_say_unchanged(
    config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    save_baselines(
        make_baselines(make_baseline(make_cell(CREW.id, make_runs(range(40, 47))))), config.baseline_directory
    )
    deciding = deciding_of(make_plan(CREW, runs=7), config, None, options=DecidingOptions(), earlier=None, tell=say)
    assert (deciding.sizes, deciding.early) == ((3, 7, 14, 28), 1)
    assert "3 runs of each cell to begin with; cells that they leave open get 7 or more" in capsys.readouterr().err
    resumed = make_result(looks=(3, 7, 14, 28), early_looks=1)
    again = deciding_of(make_plan(CREW, runs=3), config, None, options=DecidingOptions(), earlier=resumed, tell=say)
    assert (again.sizes, again.early) == ((3, 7, 14, 28), 1)


def test_after_the_early_look_all_but_the_unchanged_get_the_runs_of_the_plan() -> None:
    """Steady cells stop; a cell without a baseline goes on, as it may become one."""
    steady = make_runs([50 + n / 1000 for n in range(7)])
    here = make_result(environment=FakeEngine({}).environment()).fingerprint("py312")
    baselines = make_baselines(make_baseline(make_cell(LLM.id, steady), fingerprint=here))

    def find_open(result: CampaignResult) -> dict[str, str]:
        return open_cells(result, baselines, RULES, base_grows=False)

    plan = make_plan(CREW, LLM, runs=3, warmups=0)
    result, _ = run(plan, Deciding(sizes=(3, 7, 14), open_cells=find_open, early=1))
    assert runs_of(result) == {CREW.id: 7, LLM.id: 3}


@given(
    limit=st.integers(6, 60),
    first=st.integers(1, 3),
    steps=st.lists(st.integers(1, 6), min_size=1, max_size=3),
    answers=st.lists(st.permutations([CREW.id, LLM.id]).flatmap(lambda ids: st.integers(0, 2).map(lambda n: ids[:n]))),
    with_base=st.booleans(),
)
@settings(max_examples=25, deadline=None)
def test_the_limit_of_all_cells_is_kept_and_each_gets_its_least(
    limit: int, first: int, steps: list[int], answers: list[list[str]], with_base: bool
) -> None:
    sizes = (first, *(first + sum(steps[: n + 1]) for n in range(len(steps))))
    plan = make_plan(CREW, LLM, runs=first, warmups=0)
    base = Base(plan=plan, suites={}, new=(), gone=()) if with_base else None
    limit = max(limit, 4 * first)

    def once() -> tuple[dict[str, int], list[str]]:
        asked = iter(answers)
        deciding = Deciding(
            sizes=sizes, open_cells=lambda _: dict.fromkeys(next(asked, []), "open"), max_total_runs=limit
        )
        result, engine = run(plan, deciding, base=base)
        return runs_of(result), [spec.cell_id for spec in engine.runs]

    counts, order = once()
    assert sum(counts.values()) <= limit
    assert set(counts.values()) <= set(sizes)
    if with_base:
        for cell in (CREW.id, LLM.id):
            assert counts[cell] == counts[cell.replace("-py312-", "-py312.base-")]
    assert once() == (counts, order)


def test_the_first_of_the_open_cells_gets_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    plan = make_plan(CREW, LLM, runs=3, warmups=0)
    opened = {LLM.id: "open", CREW.id: "open"}
    result, _ = run(plan, Deciding(sizes=(3, 7), open_cells=lambda _: opened, max_total_runs=10))
    assert runs_of(result) == {CREW.id: 3, LLM.id: 7}
    assert "1 open cell without 7 runs: 10 of all cells is the limit (--max-total-runs)" in capsys.readouterr().err


def test_a_limit_below_the_first_runs_is_refused() -> None:
    deciding = Deciding(sizes=(3, 7), open_cells=lambda _: {}, max_total_runs=5)
    with pytest.raises(UsageError, match="--max-total-runs 5 is less than the 6 runs that 2 cells begin with"):
        refuse_few(deciding, make_plan(CREW, LLM, runs=3), None)
