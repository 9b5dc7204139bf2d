"""Every scenario keeps its promises, and its deliberately worse variants are caught.

Without a container the capacity is a parameter, and what the components hold is counted: the same on every system.
"""

from __future__ import annotations

import gc
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from projects import benchmark_tables

from memcap.config import load_config
from memcap.feasible import too_long
from memcap.model import Grade, PlanProblem, Thresholds
from memcap.plan import Selection, make_plan
from memcap.units import parse_seconds

Import = Callable[[str, str], ModuleType]
REPOSITORY = Path(__file__).parents[3]
SUITE = REPOSITORY / "suites" / "stress"
BENCHMARKS = benchmark_tables("stress")
COMPREHENSIVE = [name for name, each in BENCHMARKS.items() if "comprehensive" in each["tags"]]
HOUR = 3600
SMALL: dict[str, Any] = {"capacity_mb": 24}
# How many cycles at least one round takes under 24 MB, and the parameters that make it one.
ROUNDS: dict[str, tuple[int, dict[str, Any]]] = {
    "baseline": (10, {"units": 1}),
    "memory_leak": (8, {"leak_mb": 0.5}),
    "high_memory": (18, {}),
    "rapid_growth": (9, {"step_mb": 4}),
    "vector_store": (10, {"document_kb": 64}),
    "concurrent_agents": (5, {"agents": 3}),
    "optimization_overload": (10, {}),
    "pressure_crisis": (6, {}),
    "recovery": (20, {}),
    "endurance": (15, {"units": 1}),
}
# Parameters with which the promise named is broken.
WORSE: dict[str, tuple[dict[str, Any], str]] = {
    "baseline": ({"bounded": False, "units": 100, "capacity_mb": 500}, "growth must stay below 50 MB"),
    "memory_leak": ({"managed": False}, "the leak must be found within 20 cycles"),
    "high_memory": ({"managed": False}, "memory that is no longer in use must be returned"),
    "rapid_growth": ({"managed": False}, "the manager must react at once|a crisis must be over"),
    "concurrent_agents": ({"bounded": False, "units": 260, "capacity_mb": 500}, "growth must stay below 100 MB"),
    "optimization_overload": ({"managed": False}, "requests must be served"),
    "pressure_crisis": ({"managed": False, "target": 80}, "the crisis must be over within 10 cycles"),
    "recovery": ({"managed": False}, "memory must be returned within 10 cycles"),
    "endurance": ({"bounded": False, "units": 34, "capacity_mb": 500}, "growth must stay below 100 MB"),
}


def scenario(suite_module: Import, name: str, **parameters: Any) -> Iterator[dict[str, float]]:
    module, _, function = BENCHMARKS[name]["call"].partition(":")
    found: Iterator[dict[str, float]] = getattr(suite_module("stress", module), function)(**parameters)
    return found


@pytest.fixture(autouse=True)
def objects_of_the_scenario_alone() -> Iterator[None]:
    """Let a collection see what a scenario makes: one of all objects takes a tenth of a second after 6000 tests."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def time_of_the_cpu(suite_module: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what is timed be CPU time: how busy the machine is must decide nothing here."""
    for module in ("stage", "scenarios", "pressure"):
        monkeypatch.setattr(suite_module("stress", module), "perf_counter", time.process_time)


def play(suite_module: Import, name: str, cycles: int, **parameters: Any) -> dict[str, float]:
    """Return the last figures of so many cycles, closed afterwards as the runner does it."""
    running = scenario(suite_module, name, **parameters)
    metrics: dict[str, float] = {}
    for each in itertools.islice(running, cycles):
        metrics = each
    running.close()  # type: ignore[attr-defined]
    return metrics


def test_there_are_the_ten_scenarios_with_their_lengths() -> None:
    minutes = {
        "baseline": 5, "memory_leak": 3, "high_memory": 4, "rapid_growth": 2, "vector_store": 5,
        "concurrent_agents": 3, "optimization_overload": 2, "pressure_crisis": 3, "recovery": 4, "endurance": 10,
    }  # fmt: skip
    assert {name: parse_seconds(BENCHMARKS[name]["duration"]) / 60 for name in COMPREHENSIVE} == minutes


def test_a_pass_over_all_of_it_is_allowed_an_hour_and_more_is_refused() -> None:
    config = load_config(REPOSITORY)

    def refused(**chosen: Any) -> tuple[PlanProblem, ...]:
        plan = make_plan(config, profile="full", selection=Selection(suites=("stress",), **chosen))
        return too_long(plan, config.suites, time_limit_seconds=config.run_time_limit_seconds)

    assert config.suites["stress"].total_seconds == HOUR
    assert not refused()
    assert not refused(tags=("comprehensive",), duration_seconds=300)
    [problem] = refused(tags=("comprehensive",), duration_seconds=360)
    assert "in py310 (10) may take 1 h 3 min" in problem.reason
    for each in BENCHMARKS.values():  # what a busy machine takes to start, and to end a cycle
        assert parse_seconds(each["time_limit"]) >= parse_seconds(each.get("duration", "10s")) + 20


def test_all_levels_are_there() -> None:
    def levels(call: str, parameter: str) -> set[float]:
        return {each["parameters"][parameter] for each in BENCHMARKS.values() if each["call"].endswith(f":{call}")}

    assert levels("concurrent_agents", "agents") == {1, 3, 5, 10, 20}
    assert levels("optimization_overload", "requests") == {1, 5, 10, 20, 50}
    assert levels("pressure_crisis", "target") == {70, 80, 90, 95, 99}
    assert levels("rapid_growth", "factor") == {0.5, 1, 2, 5, 10}


@pytest.mark.parametrize("name", ROUNDS)
def test_a_scenario_keeps_its_promises_and_yields_the_figures_that_are_declared(
    suite_module: Import, name: str
) -> None:
    cycles, parameters = ROUNDS[name]
    metrics = play(suite_module, name, cycles, **SMALL, **parameters)
    assert set(metrics) == set(BENCHMARKS[name]["metrics"])
    assert metrics["errors"] == 0
    assert 0 < metrics["peak_mb"] < 0.99 * 24
    assert metrics["stability"] > 85
    assert metrics["business_value_usd"] >= 0.5 * metrics["stability"]


@pytest.mark.parametrize("name", WORSE)
def test_a_worse_variant_is_caught(suite_module: Import, name: str) -> None:
    parameters, complaint = WORSE[name]
    with pytest.raises(Exception, match=complaint) as caught:
        play(suite_module, name, 40, **{**SMALL, **ROUNDS[name][1], **parameters})
    assert type(caught.value).__name__ == "Broken"


@pytest.mark.parametrize(
    ("agents", "requests", "target"), [(1, 1, 70), (3, 5, 80), (10, 20, 90), (20, 50, 95), (2, 10, 99)]
)
def test_every_level_holds(suite_module: Import, agents: int, requests: int, target: int) -> None:
    crew = play(suite_module, "concurrent_agents", 5, capacity_mb=64, agents=agents)
    assert crew["errors"] == 0
    asked = play(suite_module, "optimization_overload", 10, **SMALL, requests=requests)
    assert asked["longest_queue"] <= 64
    assert asked["optimizations"] <= 20, "two a cycle, however many ask"
    flooded = play(suite_module, "pressure_crisis", 14, **SMALL, target=target)
    assert target - 3 < flooded["reached_percent"] < 99
    assert flooded["strategy"] == 4 if target >= 95 else flooded["strategy"] >= 1


@pytest.mark.parametrize(
    ("name", "attribute", "worse", "complaint"),
    [
        ("vector_store", "library.PIECE", 1 << 20, "documents must be streamed in pieces"),
        ("vector_store", "vectors.BUCKETS", 1, "95 % of the queries must find their chunk"),
        ("baseline", "load.content", lambda key, size: b"x" * (size - 1), "stability must stay above 90"),
    ],
)
def test_a_service_that_does_worse_is_caught(
    suite_module: Import, monkeypatch: pytest.MonkeyPatch, name: str, attribute: str, worse: Any, complaint: str
) -> None:
    module, _, attribute = attribute.partition(".")
    monkeypatch.setattr(suite_module("stress", module), attribute, worse)
    with pytest.raises(AssertionError, match=complaint):
        play(suite_module, name, 10, **SMALL)


def test_it_stops_in_time_and_says_why(suite_module: Import) -> None:
    benchmark = BENCHMARKS["memory_leak_stopped"]
    assert benchmark["expect"] == "failed"
    reason = r"emergency stop: .* MB are used, 99\.\d % of the capacity \(268.4 MB\)"
    with pytest.raises(RuntimeError, match=reason) as stopped:
        play(suite_module, "memory_leak", 20, capacity_mb=268.4, **benchmark["parameters"])
    assert type(stopped.value).__name__ == "EmergencyStop"


def test_an_emergency_stop_in_a_thread_ends_the_scenario_and_all_threads(suite_module: Import) -> None:
    before = threading.active_count()
    with pytest.raises(RuntimeError, match="emergency stop"):
        play(suite_module, "concurrent_agents", 40, **SMALL, agents=4, units=60, bounded=False, managed=False)
    assert threading.active_count() == before


def test_a_scenario_that_is_closed_before_its_first_round_says_so(suite_module: Import) -> None:
    with pytest.raises(AssertionError, match=r"ended after 3 cycles, before a round was complete.*--duration"):
        play(suite_module, "baseline", 3, **SMALL)


def test_a_slow_service_is_caught(suite_module: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=0.05)  # so long takes whatever is timed
    monkeypatch.setattr(suite_module("stress", "stage"), "perf_counter", lambda: next(clock))
    with pytest.raises(AssertionError, match="a cycle must take less than 1 s"):
        play(suite_module, "baseline", 10, **SMALL)


def test_a_typing_error_in_a_parameter_is_named(suite_module: Import) -> None:
    with pytest.raises(TypeError, match=r"baseline has no parameter pace; there are also .*pace_s"):
        play(suite_module, "baseline", 1, **SMALL, pace=1)


def test_temporary_files_are_removed(suite_module: Import, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    running = scenario(suite_module, "vector_store", **SMALL, document_kb=64)
    for _ in itertools.islice(running, 10):
        assert len(list(tmp_path.iterdir())) == 1
    running.close()  # type: ignore[attr-defined]
    assert list(tmp_path.iterdir()) == []


def test_health_checks_and_clean_ups_come_at_their_intervals(suite_module: Import) -> None:
    often = play(suite_module, "baseline", 10, **SMALL, clean_up_every_s=0, health_check_every_s=0)
    never = play(suite_module, "baseline", 10, **SMALL)
    assert (often["optimizations"], never["optimizations"]) == (10, 0)
    assert often["health"] == never["health"] == 100


@pytest.mark.parametrize("name", [name for name, each in BENCHMARKS.items() if "expect" not in each])
def test_thresholds_are_those_of_the_original_system(name: str) -> None:
    thresholds = {key: Thresholds(**each) for key, each in BENCHMARKS[name]["thresholds"].items()}
    graded = {
        "response_s": (0.5, 1, 2, 5, 5.1),
        "stability": (95, 85, 70, 50, 49),
        "growth_mb": (50, 100, 200, 500, 501),
        "error_rate": (1, 3, 5, 10, 11),
    }
    assert {key: [each.grade(value) for value in graded[key]] for key, each in thresholds.items()} == {
        key: [Grade.EXCELLENT, Grade.GOOD, Grade.ACCEPTABLE, Grade.MARGINAL, Grade.POOR] for key in graded
    }


def test_the_twins_lack_what_must_save_them(suite_module: Import) -> None:
    """Their unlimited forms are OOM-killed in containers; here the safety stop is back, and is needed."""
    twins = {name: each for name, each in BENCHMARKS.items() if "twin" in each["tags"]}
    assert set(twins) == {"memory_leak_twin", "baseline_twin"}
    for name, each in twins.items():
        assert each["expect"] == "oom_killed"
        parameters = {**each["parameters"], "stop_share": 0.99, "capacity_mb": 150}
        with pytest.raises(RuntimeError, match=r"emergency stop: .* 99\.\d % of the capacity"):
            play(suite_module, name.removesuffix("_twin"), 20, **parameters)


def test_only_the_vector_store_pays_for_numpy() -> None:
    importers = {file.name for file in SUITE.glob("*.py") if "import numpy" in file.read_text()}
    assert importers == {"vectors.py", "library.py"}
    assert all("import library" not in file.read_text().split("def ")[0] for file in SUITE.glob("*.py"))


def test_without_a_cap_the_capacity_must_be_given(suite_module: Import, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suite_module("stress", "stage"), "find_cgroup", lambda: None)
    with pytest.raises(ValueError, match="capacity_mb"):
        play(suite_module, "baseline", 1)
