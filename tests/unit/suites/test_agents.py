"""The agents' structures keep their bounds, and every unbounded twin breaks them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from projects import benchmark_tables

Import = Callable[[str, str], ModuleType]
ON_A_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

STANDARD = {
    "crew_backed": {"memory_entries": 1000, "interaction_entries": 1000, "crew_entries": 4000},
    "llm": {"memory_entries": 1000, "interaction_entries": 1000, "audit_entries": 1000, "audit_dropped": 0},
    "ldt": {"memory_entries": 1000, "interaction_entries": 1000, "models": 100, "longest_history": 50},
    "rlm": {"memory_entries": 1000, "interaction_entries": 1000, "plans": 100, "models": 100, "longest_history": 50},
    "base": {"memory_entries": 1000, "interaction_entries": 1000},
    "adaptive_adversary": {
        "memory_entries": 1000,
        "interaction_entries": 1000,
        "tracked_vulnerable": 200,
        "tracked_dangerous": 200,
        "tracked_allies": 200,
        "tracked_harmed": 200,
    },
    "prompt_audit_log": {"audit_entries": 50_000, "audit_dropped": 10_000},
}


@pytest.fixture(scope="module")
def benchmarks() -> Mapping[str, Mapping[str, Any]]:
    return benchmark_tables("agents")


def call(suite_module: Import, benchmark: Mapping[str, Any], **changed: Any) -> dict[str, float]:
    module, _, function = benchmark["call"].partition(":")
    result: dict[str, float] = getattr(suite_module("agents", module), function)(**benchmark["parameters"], **changed)
    return result


@pytest.mark.parametrize("name", STANDARD)
def test_a_standard_workload_fills_every_structure_to_its_bound(
    suite_module: Import, benchmarks: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    retained = call(suite_module, benchmarks[name])
    assert {metric: retained[metric] for metric in STANDARD[name]} == STANDARD[name]
    assert set(retained) == set(benchmarks[name]["metrics"])


@pytest.mark.parametrize("name", STANDARD)
def test_an_unbounded_twin_breaks_every_bound(
    suite_module: Import, benchmarks: Mapping[str, Mapping[str, Any]], name: str
) -> None:
    twin = benchmarks[f"{name}_twin"]
    length = next(key for key in ("epochs", "exchanges", "prompts") if key in twin["parameters"])
    # Long enough to pass each bound, far too short to be killed.
    shorter = {**twin, "parameters": {**twin["parameters"], length: 60_000 if length == "prompts" else 1200}}
    retained = call(suite_module, shorter)
    for metric, bound in STANDARD[name].items():
        if metric == "audit_dropped":
            assert retained[metric] == 0
        else:
            assert retained[metric] > bound, metric


def test_the_same_seed_gives_the_same_life(suite_module: Import) -> None:
    workloads = suite_module("agents", "workloads")
    assert workloads.ldt(epochs=40) == workloads.ldt(epochs=40)


def test_budgets_are_those_of_the_agent_types(benchmarks: Mapping[str, Mapping[str, Any]]) -> None:
    budgets = {"crew_backed": 200, "llm": 50, "ldt": 100, "rlm": 150, "base": 50, "adaptive_adversary": 75}
    for name, megabytes in budgets.items():
        assert benchmarks[name]["budget"] == benchmarks[f"{name}_long"]["budget"] == f"{megabytes}MB"
        assert benchmarks[name]["budget_margin"] == "20%"
        assert benchmarks[name]["caps"] == (["128m"] if megabytes <= 100 else ["256m"])


def test_only_the_ldt_agent_pays_for_numpy() -> None:
    importers = {
        file.name
        for file in (Path(__file__).parents[3] / "suites/agents").glob("*.py")
        if "import numpy" in file.read_text()
    }
    assert importers == {"ldt.py"}


keys = st.lists(st.integers(0, 30), max_size=200)
limits = st.integers(1, 12)


@ON_A_FIXTURE
@given(met=keys, limit=limits)
def test_lru_models_are_those_met_most_recently(suite_module: Import, met: list[int], limit: int) -> None:
    models = suite_module("agents", "bounded").LruModels(limit, list)
    created = 0
    for key in met:
        created += key not in models
        models.meet(key)
    by_recency = list(dict.fromkeys(reversed(met)))[:limit]
    assert list(models) == by_recency[::-1]
    assert models.evicted == created - len(models)


def test_a_model_keeps_what_it_learnt_until_it_is_evicted(suite_module: Import) -> None:
    models = suite_module("agents", "bounded").LruModels(2, list)
    models.meet("ann").append("kind")
    models.meet("bob")
    assert models.meet("ann") == ["kind"]
    models.meet("eve")
    assert "bob" not in models
    assert models.peek("bob") is None
    models.meet("bob")
    assert models.meet("ann") == []


@ON_A_FIXTURE
@given(seen=keys, limit=limits)
def test_a_tracking_set_holds_the_last_arrivals(suite_module: Import, seen: list[int], limit: int) -> None:
    bounded = suite_module("agents", "bounded")
    tracked, everybody = bounded.TrackingSet(limit), bounded.TrackingSet(None)
    arrivals: list[int] = []
    for member in seen:
        if member not in arrivals[-limit:]:
            arrivals.append(member)
        tracked.add(member)
        everybody.add(member)
    assert list(tracked) == arrivals[-limit:]
    assert list(everybody) == list(dict.fromkeys(seen))


@ON_A_FIXTURE
@given(lines=st.lists(st.text(max_size=5), max_size=40), limit=limits)
def test_an_audit_log_keeps_its_beginning_and_stops(suite_module: Import, lines: list[str], limit: int) -> None:
    log = suite_module("agents", "bounded").AuditLog(limit)
    written = [log.write(line) for line in lines]
    assert log.lines == lines[:limit]
    assert written == [place < limit for place in range(len(lines))]
    assert log.dropped == max(0, len(lines) - limit)


def test_bounds_are_those_of_the_original_systems(suite_module: Import) -> None:
    bounds = suite_module("agents", "bounded").Bounds
    assert bounds.choose(True) == bounds(1000, 1000, 100, 50, 200, 50_000)
    assert bounds.choose(False) == bounds(None, None, None, None, None, None)


def test_an_llm_agent_sends_its_past_and_audits_only_the_beginning(suite_module: Import) -> None:
    world = suite_module("agents", "world").World(1, peers=10)
    llm, bounded = suite_module("agents", "llm"), suite_module("agents", "bounded")
    agent = llm.LLMAgent("anna", bounded.Bounds(), world.prose)
    first = agent.step(world.observe(0, 0))
    second = agent.step(world.observe(1, 0))
    assert f"epoch 0: trade with {first.target}" in second.reason["prompt"]
    assert len(agent.audit) == 2
    assert second.reason["prompt"] not in agent.audit.lines[1]
    assert len(agent.audit.lines[1]) < 600


def test_an_ldt_agent_finds_the_peer_that_decides_alike(suite_module: Import) -> None:
    pytest.importorskip("numpy")
    ldt, bounded = suite_module("agents", "ldt"), suite_module("agents", "bounded")
    interaction = suite_module("agents", "world").Interaction
    agent = ldt.LDTAgent("anna", bounded.Bounds())
    for epoch in range(20):
        for peer, payoff in (("alike", 2.0), ("contrary", -2.0)):
            agent.learn(interaction(epoch, "anna", peer, "trade", True, payoff, {}))
    alike, contrary, stranger = agent.similarities(["alike", "contrary", "stranger"])
    assert alike > 0.8
    assert contrary < -0.8
    assert stranger == 0
