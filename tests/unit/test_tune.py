"""Which settings are said to quiet a workload: only what chance does not explain, and nothing that disturbs another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
import tomli

from factories import MIB, make_cell, make_measurement, make_plan_cell
from memcap.config.suite_schema import BenchmarkTable
from memcap.model import Caveat, CaveatKind, CellResult, Ending, Metric, Quiet
from memcap.tune import (
    AS_IT_IS,
    METRICS,
    SETTINGS,
    Effect,
    Setting,
    Tuning,
    cells_of,
    compare_settings,
    suite_lines,
    together,
)

STEPS = (-5, -4, -3, -2, -1, 1, 2, 3, 4, 5)
ONE_CPU, NO_ASLR, ONE_ARENA = (
    next(setting for setting in SETTINGS if setting.name == name) for name in ("one_cpu", "no_aslr", "one_arena")
)


def scattered(
    name: str, *, peak: int, need: int = 10_000, rss: int = 10_000, runs: Sequence[int] = STEPS
) -> CellResult:
    """Return a cell whose figures lie that many bytes a step around 64 MiB."""
    measurements = [
        make_measurement(
            peak_bytes=64 * MIB + peak * step,
            unreclaimable_peak_bytes=62 * MIB + need * step,
            rss_peak_bytes=70 * MIB + rss * step,
        )
        for step in runs
    ]
    return make_cell(f"measure.python.{name}-py312-128m", measurements)


def test_a_setting_that_scatters_ten_times_less_is_quieter_and_nothing_else_is() -> None:
    results = [scattered("a", peak=10_000), scattered("b", peak=1_000), scattered("c", peak=9_000)]
    baseline, one_cpu, no_aslr = compare_settings(results, (AS_IT_IS, ONE_CPU, NO_ASLR))
    assert (one_cpu.named(Effect.QUIETER), one_cpu.named(Effect.NOISIER)) == ((Metric.PEAK,), ())
    assert no_aslr.named(Effect.NO_DIFFERENCE) == METRICS
    assert (baseline.helps, one_cpu.helps, no_aslr.helps) == (False, True, False)
    assert [each.chance for each in baseline.metrics] == [None] * 3
    assert (baseline.runs, baseline.metrics[0].median) == (10, 64 * MIB)
    assert Tuning(cell_id="x", first=(baseline, one_cpu, no_aslr)).best is ONE_CPU


def test_a_setting_that_disturbs_another_metric_does_not_help() -> None:
    results = [scattered("a", peak=10_000), scattered("b", peak=1_000, need=100_000)]
    trials = compare_settings(results, (AS_IT_IS, ONE_CPU))
    assert trials[1].named(Effect.NOISIER) == (Metric.UNRECLAIMABLE_PEAK,)
    assert not trials[1].helps
    assert Tuning(cell_id="x", first=trials).best is None


def test_a_small_difference_is_left_to_chance() -> None:
    trials = compare_settings([scattered("a", peak=10_000), scattered("b", peak=8_000)], (AS_IT_IS, ONE_CPU))
    assert trials[1].named(Effect.NO_DIFFERENCE) == METRICS


def test_what_is_near_the_limit_alone_is_chance_among_many() -> None:
    quieter = scattered("b", peak=5_000)
    alone = compare_settings([scattered("a", peak=10_000), quieter], (AS_IT_IS, ONE_CPU))
    others = [scattered(f"c{number}", peak=10_000) for number in range(12)]
    settings = [AS_IT_IS, ONE_CPU, *(Setting(name=f"c{number}", words="") for number in range(12))]
    among_many = compare_settings([scattered("a", peak=10_000), quieter, *others], settings)
    assert alone[1].named(Effect.QUIETER) == (Metric.PEAK,)
    assert among_many[1].named(Effect.QUIETER) == ()


@pytest.mark.parametrize("side", [0, 1])
def test_too_few_good_runs_are_not_compared(side: int) -> None:
    results = [scattered("a", peak=10_000), scattered("b", peak=10)]
    failed = [replace(run, ending=Ending.FAILED) for run in results[side].runs[:3]]
    results[side] = replace(results[side], runs=(*failed, *results[side].runs[3:]))
    trials = compare_settings(results, (AS_IT_IS, ONE_CPU))
    assert trials[1].named(Effect.NOT_ENOUGH_DATA) == METRICS
    assert trials[side].runs == 7
    assert not trials[1].helps


def test_runs_that_read_from_disk_do_not_count() -> None:
    cold = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="")
    disturbed = scattered("b", peak=1_000)
    disturbed = replace(
        disturbed, runs=(*disturbed.runs, replace(make_measurement(90), caveats=(cold,)), make_measurement(64))
    )
    trials = compare_settings([scattered("a", peak=10_000), disturbed], (AS_IT_IS, ONE_CPU))
    assert trials[1].runs == 11
    assert trials[1].named(Effect.QUIETER) == (Metric.PEAK,)


def test_without_any_good_run_there_are_no_figures() -> None:
    trials = compare_settings([scattered("a", peak=1), scattered("b", peak=1, runs=())], (AS_IT_IS, ONE_CPU))
    assert [(each.median, each.variation) for each in trials[1].metrics] == [(None, None)] * 3


def test_the_second_round_tries_what_helped_and_all_of_it_at_once() -> None:
    results = [
        scattered("a", peak=10_000),
        scattered("b", peak=1_000),
        scattered("c", peak=10_000, rss=100),
        scattered("d", peak=10_000),
    ]
    trials = compare_settings(results, (AS_IT_IS, ONE_CPU, NO_ASLR, ONE_ARENA))
    *alone, combined = together(trials)
    assert alone == [AS_IT_IS, ONE_CPU, NO_ASLR]
    assert combined.quiet == Quiet(pin_cpus=1, aslr=False)
    assert together(trials[:2]) == (), "one that helped needs no combination"


def test_the_second_round_decides() -> None:
    first = compare_settings([scattered("a", peak=10_000), scattered("b", peak=100)], (AS_IT_IS, ONE_CPU))
    combined = Setting(name="together", words="both", quiet=Quiet(pin_cpus=1, aslr=False))
    results = [scattered("a", peak=9_000), scattered("b", peak=900), scattered("e", peak=300, need=1_000)]
    second = compare_settings(results, (AS_IT_IS, ONE_CPU, combined))
    assert Tuning(cell_id="x", first=first, second=second).best is combined
    lucky = compare_settings([scattered("a", peak=9_000), scattered("b", peak=9_000)], (AS_IT_IS, ONE_CPU))
    assert Tuning(cell_id="x", first=first, second=lucky).best is None


def test_settings_are_variants_of_one_cell_that_keep_its_environment() -> None:
    cell = make_plan_cell(env={"A": "1"})
    cells = dict(zip((setting.name for setting in SETTINGS), cells_of(cell, SETTINGS), strict=True))
    assert len({each.id for each in cells.values()}) == len(SETTINGS)
    assert cells["one_cpu"].id == "agents.crew.one_cpu-py312-128m"
    assert cells["one_cpu"].benchmark.quiet == Quiet(pin_cpus=1)
    assert cells["one_arena"].benchmark.env == {"A": "1", "MALLOC_ARENA_MAX": "1"}
    assert cells["as_it_is"].benchmark == cell.benchmark


@pytest.mark.parametrize(
    "setting", [*SETTINGS, Setting(name="x", words="", quiet=Quiet(pin_cpus=2, thp=False, aslr=False))]
)
def test_the_lines_for_suite_toml_are_read_as_the_setting(setting: Setting) -> None:
    table = BenchmarkTable.model_validate(tomli.loads("\n".join(suite_lines(setting))))
    assert (table.quiet.pin_cpus, table.quiet.thp is None, table.quiet.aslr is None) == (
        setting.quiet.pin_cpus,
        setting.quiet.thp,
        setting.quiet.aslr,
    )
    assert table.env == setting.env


def test_the_baseline_needs_no_lines() -> None:
    assert suite_lines(AS_IT_IS) == ()
