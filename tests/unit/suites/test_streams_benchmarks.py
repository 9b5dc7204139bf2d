"""What each benchmark of the suite counts in both forms; the check of the fixed form must catch the leaky code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from factories import make_cell, make_measurement
from memcap.config import load_config
from memcap.judge.limits import find_poor, grades
from memcap.model import Benchmark, CallWorkload, Ending, projected_names
from memcap.testing.retention import project

Import = Callable[[str, str], ModuleType]
BENCHMARKS = {each.name: each for each in load_config(Path(__file__).parents[3]).suites["streams"].benchmarks}
PAIRS = sorted(name[: -len("_fixed")] for name in BENCHMARKS if name.endswith("_fixed"))
MAY_REMAIN = {"type_errors": 30, "runs_failed": 10, "most_under_way": 8}  # what is no retention
MOST_CYCLES = 40

# README.md has these numbers.
LEAKED = {
    "output_buffer": {"chunks_replayed": 101, "chunks_retained": 101, "runs_registered": 1},
    "processor_parts": {"parts_retained": 500, "chunks_retained": 501},
    "many_steps": {"step_chunks_retained": 1000, "parts_retained": 1000, "chunks_retained": 1001},
    "custom_state": {"state_objects": 1000},
    "malformed": {"type_errors": 30, "runs_registered": 30, "context_characters": 240_000},
    "streams": {"runs_registered": 20, "chunks_retained": 1120},
    "large_payloads": {"runs_registered": 5, "payload_characters": 400_000},
    "second_run": {"runs_registered": 2, "chunks_retained": 112, "context_characters": 96_521},
    "nested": {"runs_registered": 10, "levels_retained": 27_500},
    "cleanup_callback": {"runs_registered": 30, "runs_failed": 10},
    "listeners": {"listeners": 30, "late_notices": 30},
    "calls": {"runs_registered": 30, "chunks_retained": 1680},
}


def counts_of(suite_module: Import, benchmark: Benchmark) -> dict[str, float]:
    """Return the extra metrics of a benchmark as memcap would; of a generator those of its first cycles."""
    workload = benchmark.workload
    assert isinstance(workload, CallWorkload)
    if workload.call == "workloads:calls" and not sys.platform.startswith("linux"):
        pytest.skip("reads its own memory from /proc")
    module, _, function = workload.call.partition(":")
    returned: Any = getattr(suite_module("streams", module), function)(**workload.parameters)
    if isinstance(returned, dict):
        return returned
    cycles: list[Mapping[str, float]] = list(islice(returned, MOST_CYCLES))
    returned.close()
    counts = dict(cycles[-1])
    for metric, ats in benchmark.projections.items():
        for at in ats:
            found = project([cycle[metric] for cycle in cycles], at=at)
            assert found is not None
            counts.update(zip(projected_names(metric, at), (found.estimate, found.low, found.high), strict=True))
    return counts


def is_poor(benchmark: Benchmark, counts: Mapping[str, float]) -> bool:
    """Judge these counts by the benchmark's thresholds, as `memcap check` does."""
    cell = make_cell(
        f"streams.{benchmark.name}-py312-128m",
        [make_measurement(extra=counts)],
        thresholds=benchmark.thresholds,
        extra_metrics=benchmark.extra_metrics,
    )
    return find_poor(cell, grades(cell)) is not None


@pytest.mark.parametrize("pair", PAIRS)
def test_the_forms_differ_in_one_parameter(pair: str) -> None:
    leaky, fixed = BENCHMARKS[f"{pair}_leaky"], BENCHMARKS[f"{pair}_fixed"]
    assert isinstance(leaky.workload, CallWorkload)
    assert isinstance(fixed.workload, CallWorkload)
    assert fixed.workload == replace(leaky.workload, parameters={**leaky.workload.parameters, "leaky": False})
    assert leaky.workload.parameters["leaky"] is True
    assert (leaky.cap_names, leaky.tags, leaky.extra_metrics) == (fixed.cap_names, fixed.tags, fixed.extra_metrics)
    assert fixed.expected_ending("128m") is Ending.COMPLETED
    assert fixed.thresholds


@pytest.mark.parametrize("pair", LEAKED)
def test_a_leaky_form_retains_exactly_what_the_readme_says(suite_module: Import, pair: str) -> None:
    counts = counts_of(suite_module, BENCHMARKS[f"{pair}_leaky"])
    assert {metric: counts[metric] for metric in LEAKED[pair]} == LEAKED[pair]


@pytest.mark.parametrize("pair", PAIRS)
def test_a_fixed_form_retains_nothing_and_its_check_would_fail_on_the_leaky_code(
    suite_module: Import, pair: str
) -> None:
    leaky, fixed = BENCHMARKS[f"{pair}_leaky"], BENCHMARKS[f"{pair}_fixed"]
    released, retained = counts_of(suite_module, fixed), counts_of(suite_module, leaky)

    exact = {name: value for name, value in released.items() if not name.startswith("retained_mb")}
    assert {name: value for name, value in exact.items() if value} == {
        name: value for name, value in MAY_REMAIN.items() if name in exact
    }
    assert set(released) == set(retained) == set(fixed.extra_metrics)
    assert not is_poor(replace(fixed, thresholds=_exact(fixed)), exact)
    for metric, thresholds in _exact(fixed).items():
        if metric not in MAY_REMAIN:
            assert is_poor(replace(fixed, thresholds={metric: thresholds}), retained), metric


def _exact(benchmark: Benchmark) -> dict[str, Any]:
    """Return the thresholds but those of memory, which belongs to the test's process here."""
    return {name: own for name, own in benchmark.thresholds.items() if not name.startswith("retained_mb")}


def test_an_error_that_is_no_type_error_fails_the_check(suite_module: Import) -> None:
    counts = counts_of(suite_module, BENCHMARKS["malformed_fixed"])
    assert is_poor(BENCHMARKS["malformed_fixed"], {**counts, "type_errors": 29})


def test_growth_that_the_leaky_form_was_measured_to_have_fails_the_check() -> None:
    for name, measured in (("projection_fixed", 459), ("projection_20k_fixed", 1950)):
        benchmark = BENCHMARKS[name]
        limits = {"retained_mb_at_10000": benchmark.thresholds["retained_mb_at_10000"]}
        assert is_poor(replace(benchmark, thresholds=limits), {"retained_mb_at_10000": measured})


def test_the_projection_of_chunks_is_exact(suite_module: Import) -> None:
    counts = counts_of(suite_module, BENCHMARKS["projection_leaky"])
    for at in (100, 1000, 10_000):
        for name in projected_names("chunks_retained", at):
            assert counts[name] == pytest.approx(56 * at)


def test_what_must_be_killed_is_declared_and_its_fixed_form_has_a_budget() -> None:
    killed = {name for name, each in BENCHMARKS.items() if each.expected_ending("128m") is Ending.OOM_KILLED}
    assert killed == {"sequential_leaky", "sustained_leaky", "concurrent_leaky"}
    for name in killed:
        fixed = BENCHMARKS[name.replace("leaky", "fixed")]
        assert fixed.budget is not None
        assert fixed.cap_names == BENCHMARKS[name].cap_names == ("128m",)
