"""Both sides of each pair give the same answer, and the plain agent breaks what the optimised one is judged by."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from projects import benchmark_tables

from factories import make_cell, make_measurement
from memcap.judge.alerts import alerts
from memcap.judge.limits import find_budget, find_poor, grades
from memcap.model import AlertLimits, Budget, CellResult, Metric, Thresholds, VerdictState

Import = Callable[[str, str], ModuleType]
SUITE = Path(__file__).parents[3] / "suites" / "optimization"
BENCHMARKS = benchmark_tables("optimization")
TECHNIQUES = {
    "lazy_arrays": {"agents": 3},
    "sparse_beliefs": {"agents": 2},
    "compressed_history": {"agents": 2, "events": 1100},
    "shared_parameters": {"agents": 3},
    "pooled_buffers": {"agents": 3},
    "mapped_observations": {"rows": 600, "features": 20},
    "float32": {"tables": 3, "size": 10_000},
    "gc_adaptive": {"live": 1000, "steps": 20},
    "gc_batch": {"objects": 5000},
    "gc_deferred": {"live": 1000, "requests": 50},
    "agent_manager": {"agents": 20, "steps": 3},
}
needs_proc = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc/self")


def judged_by(name: str, extra: dict[str, float]) -> CellResult:
    """Return a cell of benchmark ``name`` whose runs all had ``extra``."""
    own = BENCHMARKS[name]
    cell = make_cell(runs=[make_measurement(extra=extra)] * 5)
    thresholds = {metric: Thresholds(**limits) for metric, limits in own["thresholds"].items()}
    return replace(
        cell,
        cell=replace(cell.cell, extra_metrics=own["metrics"], thresholds=thresholds, alerts=own["alerts"]),
    )


def poor(name: str, extra: dict[str, float]) -> set[str]:
    """Return the metrics that ``extra`` makes poor, or none."""
    cell = judged_by(name, extra)
    graded = grades(cell)
    found = find_poor(cell, graded)
    assert (found is None) or found.state is VerdictState.BUDGET_BROKEN
    return {each.name for each in graded if each.grade.value == "poor"}


def test_each_technique_is_a_pair_that_differs_in_nothing_else() -> None:
    pairs = {name.rpartition("_")[0] for name, own in BENCHMARKS.items() if "technique" in own["tags"]}
    assert pairs == set(TECHNIQUES)
    for name in pairs:
        before, after = BENCHMARKS[f"{name}_before"], BENCHMARKS[f"{name}_after"]
        assert (before["parameters"], after["parameters"]) == ({"after": False}, {"after": True})
        assert {key: before[key] for key in ("call", "caps", "env", "metrics")} == {
            key: after[key] for key in ("call", "caps", "env", "metrics")
        }


@pytest.mark.parametrize("name", TECHNIQUES)
def test_both_sides_of_a_pair_do_the_same_work(suite_module: Import, name: str) -> None:
    workload = getattr(suite_module("optimization", "workloads"), name)
    before, after = (workload(after=side, **TECHNIQUES[name]) for side in (False, True))
    assert before["checksum"] == pytest.approx(after["checksum"], rel=1e-6)
    assert before["checksum"] != 0
    declared = set(BENCHMARKS[f"{name}_before"]["metrics"])
    assert set(before) == set(after) == declared


@pytest.mark.parametrize(
    ("name", "most"), [("lazy_arrays", 1 / 8), ("sparse_beliefs", 0.1), ("float32", 0.5), ("pooled_buffers", 0.4)]
)
def test_a_technique_saves_what_it_should(suite_module: Import, name: str, most: float) -> None:
    workload = getattr(suite_module("optimization", "workloads"), name)
    metric = "buffers" if name == "pooled_buffers" else "held_mb"
    before, after = (workload(after=side, **TECHNIQUES[name])[metric] for side in (False, True))
    assert after <= most * before


def test_belief_states_are_sparse(suite_module: Import) -> None:
    found = suite_module("optimization", "workloads").sparse_beliefs(after=True, agents=1)
    assert found["zeros_percent"] > 90


def test_both_forms_of_an_agent_answer_alike(suite_module: Import) -> None:
    fleet = suite_module("optimization", "fleet")
    plain, lean = fleet.Fleet(fleet.form(lean=False)), fleet.Fleet(fleet.form(lean=True))
    for each in (plain, lean):
        each.register()
        each.register()
    for epoch in range(12):
        assert lean.step(epoch) == pytest.approx(plain.step(epoch), rel=1e-5)
    for (left, _), (right, _) in zip(plain._members, lean._members, strict=True):
        assert list(left.history) == list(right.history)
        assert len(left.history) == 1000
        assert left.beliefs.nonzero == right.beliefs.nonzero == 25_000


def run_apart(lean: bool) -> dict[str, float]:
    """Run two agents in a process of their own: in this one, what earlier tests left would be used again."""
    program = f"import json, fleet; print(json.dumps(fleet.run(2, lean={lean}, steps=13)))"
    done = subprocess.run([sys.executable, "-c", program], cwd=SUITE, stdout=subprocess.PIPE, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


@needs_proc
@pytest.mark.allow_processes
def test_a_plain_agent_is_poor_where_an_optimised_one_is_not() -> None:
    steady = {"per_agent_mb", "efficiency_percent"}
    plain, lean = run_apart(lean=False), run_apart(lean=True)
    assert set(plain) == set(lean) == set(BENCHMARKS["agents_10_after"]["metrics"])
    assert poor("agents_10_after", plain) >= steady
    assert not poor("agents_10_after", lean) & steady
    told = [each.detail for each in alerts(judged_by("agents_10_after", plain), AlertLimits())]
    assert any(detail.startswith("per_agent_mb is ") for detail in told)


def test_parameters_that_begin_in_32_bits_are_the_same(suite_module: Import) -> None:
    agent = suite_module("optimization", "agent")
    wide, narrowed = agent.common_parameters(), agent.narrow_parameters()
    assert {name: array.dtype.name for name, array in narrowed.items()} == dict.fromkeys(wide, "float32")
    assert all((narrowed[name] == wide[name].astype("float32")).all() for name in wide)


def test_steps_that_do_not_fill_an_agent_are_refused(suite_module: Import) -> None:
    with pytest.raises(ValueError, match="10 steps fill an agent"):
        suite_module("optimization", "fleet").run(1, lean=True, steps=10)


@pytest.mark.parametrize(
    ("metric", "target"),
    [("per_agent_mb", 10), ("gc_percent", 5), ("registration_p95_ms", 100), ("step_p95_ms", 50)],
)
def test_targets_are_where_poor_begins(metric: str, target: float) -> None:
    for count in (10, 50, 200):
        assert poor(f"agents_{count}_after", {metric: target}) == set()
        assert poor(f"agents_{count}_after", {metric: target * 1.01}) == {metric}
        assert poor(f"agents_{count}_after", {"efficiency_percent": 49.9}) == {"efficiency_percent"}


def test_slow_steps_and_much_collecting_are_noticed(suite_module: Import) -> None:
    """With a clock that says how long it took."""
    gauges = suite_module("optimization", "gauges")
    clock = itertools.count(step=0.06)
    steps = gauges.Latencies(clock.__next__)
    for _ in range(20):
        with steps.timed():
            pass
    assert poor("agents_10_after", steps.metrics("step")) == {"step_p95_ms"}
    ticks = itertools.count()
    collector = gauges.GcClock(ticks.__next__)
    with collector:
        collector._note("start", {})
        collector._note("stop", {})
    assert "gc_percent" in poor("agents_10_after", collector.metrics())


def test_fifty_agents_have_a_budget_that_fifty_plain_ones_are_killed_in() -> None:
    after, twin = BENCHMARKS["agents_50_after"], BENCHMARKS["agents_50_twin"]
    assert after["budget"] == "512MB"
    assert twin["expect"] == "oom_killed"
    assert set(twin["caps"]) <= set(after["caps"])
    assert twin["parameters"] == BENCHMARKS["agents_50_before"]["parameters"]
    budget = Budget(metric=Metric(after["budget_metric"]), limit_bytes=512_000_000)
    cell = make_cell(runs=[make_measurement(1700)] * 5)
    found = find_budget(replace(cell, cell=replace(cell.cell, budget=budget)))
    assert found is not None
    assert found.state is VerdictState.BUDGET_BROKEN
