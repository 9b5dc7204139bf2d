"""What is said of a cell, and which exit code follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from factories import (
    CELL_ID,
    MIB,
    TOLERANCES,
    make_baseline,
    make_baselines,
    make_cell,
    make_environment,
    make_fingerprint,
    make_image,
    make_measurement,
    make_oom,
    make_result,
    make_runs,
)
from memcap.judge import EXIT_CODES, judge, worst_exit_code
from memcap.model import (
    Baseline,
    Budget,
    CampaignResult,
    Caveat,
    CaveatKind,
    CellResult,
    Ending,
    Measurement,
    Metric,
    Rules,
    Tolerance,
    Verdict,
    VerdictState,
)

LOST = Measurement(ending=Ending.LOST, detail="the daemon restarted")
RULES = Rules(tolerances=TOLERANCES)
HIGHER = make_runs((70, 70.1, 70.2, 70, 70))


def _judge(cell: CellResult, baseline: Baseline | None, result: CampaignResult | None = None) -> Verdict:
    baselines = make_baselines(baseline) if baseline else make_baselines()
    (verdict,) = judge(result or make_result(cell), baselines, RULES)
    return verdict


def test_the_same_figures_are_unchanged() -> None:
    verdict = _judge(make_cell(), make_baseline())
    assert verdict.state is VerdictState.UNCHANGED
    assert [each.metric for each in verdict.metrics] == [Metric.PEAK, Metric.UNRECLAIMABLE_PEAK]
    assert verdict.caveats == ()
    assert verdict.remedy == ""


def test_a_rise_beyond_both_tolerances_is_a_regression_with_figures_and_the_next_step() -> None:
    verdict = _judge(make_cell(runs=HIGHER), make_baseline())
    assert verdict.state is VerdictState.REGRESSED
    assert (
        "peak rose beyond tolerance: 62.5 MiB -> 70.0 MiB, +12.0% (shift +7.4 MiB to +7.8 MiB, tolerance 1.2 MiB)"
        in verdict.summary
    )
    assert f"memcap baseline accept {CELL_ID}" in verdict.remedy
    assert (verdict.metrics[0].base, verdict.metrics[0].new) == (62.5 * MIB, 70 * MIB)


def test_a_fall_beyond_both_tolerances_is_an_improvement() -> None:
    verdict = _judge(make_cell(), make_baseline(make_cell(runs=HIGHER)))
    assert verdict.state is VerdictState.IMPROVED
    assert "fell beyond tolerance" in verdict.summary


def test_one_regressed_metric_is_enough_and_the_summary_tells_only_that_one() -> None:
    runs = [replace(run, unreclaimable_peak_bytes=80 * MIB) for run in make_runs()]
    verdict = _judge(make_cell(runs=runs), make_baseline())
    assert verdict.state is VerdictState.REGRESSED
    assert verdict.summary.startswith("unreclaimable_peak rose")
    assert "; peak" not in verdict.summary


def test_too_few_values_say_how_many_more_are_needed_and_on_which_side() -> None:
    few_here = _judge(make_cell(runs=make_runs((62, 90))), make_baseline())
    assert few_here.state is VerdictState.NOT_ENOUGH_DATA
    assert "peak needs 3 more here" in few_here.summary
    few_there = _judge(make_cell(), make_baseline(make_cell(runs=make_runs((62,)))))
    assert "peak needs 4 more in the baseline" in few_there.summary


def test_without_a_baseline_a_cell_is_new() -> None:
    verdict = _judge(make_cell(), None)
    assert verdict.state is VerdictState.NEW
    assert verdict.remedy == f'memcap baseline accept {CELL_ID} --reason "…"'
    assert [each.base for each in verdict.metrics] == [None, None]


def test_a_benchmarks_own_tolerance_overrides_and_adds() -> None:
    own = {metric: Tolerance(relative=0.5, absolute=0) for metric in TOLERANCES}
    assert _judge(make_cell(runs=HIGHER, tolerances=own), make_baseline()).state is VerdictState.UNCHANGED
    added = {Metric.RSS_PEAK: Tolerance(relative=0, absolute=0)}
    verdict = _judge(make_cell(tolerances=added), make_baseline())
    assert Metric.RSS_PEAK in [each.metric for each in verdict.metrics]


def test_a_metric_that_neither_side_has_is_left_out() -> None:
    runs = [replace(run, peak_bytes=None) for run in make_runs()]
    cell = make_cell(runs=runs)
    verdict = _judge(cell, make_baseline(cell))
    assert verdict.state is VerdictState.UNCHANGED
    assert [each.metric for each in verdict.metrics] == [Metric.UNRECLAIMABLE_PEAK]


def test_a_metric_that_is_no_longer_measured_is_not_enough_data() -> None:
    runs = [replace(run, peak_bytes=None) for run in make_runs()]
    verdict = _judge(make_cell(runs=runs), make_baseline())
    assert verdict.state is VerdictState.NOT_ENOUGH_DATA
    assert "peak needs 5 more here" in verdict.summary


def test_nothing_measured_is_never_unchanged() -> None:
    runs = [Measurement(ending=Ending.COMPLETED)] * 5
    cell = make_cell(runs=runs)
    verdict = _judge(cell, make_baseline(cell))
    assert verdict.state is VerdictState.NOT_ENOUGH_DATA
    assert "peak, unreclaimable_peak not measured" in verdict.summary


def test_an_unexpected_oom_is_a_changed_ending_with_explanation_and_remedy() -> None:
    verdict = _judge(make_cell(runs=[make_oom(), *make_runs()]), make_baseline())
    assert verdict.state is VerdictState.ENDING_CHANGED
    assert verdict.summary == "in 1 of 6 runs the kernel killed the main process at the cap"
    assert verdict.remedy == "Raise the cap or lower the need."


def test_an_oom_says_more_than_the_failures_beside_it() -> None:
    failed = make_measurement(ending=Ending.FAILED, exit_code=1)
    verdict = _judge(make_cell(runs=[failed, failed, make_oom()]), make_baseline())
    assert verdict.state is VerdictState.ENDING_CHANGED
    assert "the kernel killed" in verdict.summary


def test_a_leak_that_no_longer_dies_is_a_changed_ending() -> None:
    verdict = _judge(make_cell(expected_ending=Ending.OOM_KILLED), None)
    assert verdict.state is VerdictState.ENDING_CHANGED
    assert "expected was oom_killed" in verdict.summary
    assert "`expect` in suite.toml" in verdict.remedy


def test_an_expected_oom_is_fine_and_its_peak_is_not_judged() -> None:
    cell = make_cell(runs=[make_oom()], expected_ending=Ending.OOM_KILLED, budget=_budget(50))
    verdict = _judge(cell, make_baseline(cell))
    assert verdict.state is VerdictState.UNCHANGED
    assert verdict.summary == "ended oom_killed, as expected"
    assert verdict.metrics == ()


@pytest.mark.parametrize("ending", [Ending.FAILED, Ending.CRASHED, Ending.LOAD_FAILED, Ending.TIMED_OUT])
def test_other_unexpected_endings_are_failed_workloads(ending: Ending) -> None:
    verdict = _judge(make_cell(runs=[make_measurement(ending=ending)] * 5), make_baseline())
    assert verdict.state is VerdictState.WORKLOAD_FAILED
    assert verdict.summary == f"in all 5 runs {ending.explanation}"
    assert verdict.remedy == ending.remedy


def test_a_failure_that_no_longer_comes_is_a_changed_ending_not_a_failed_workload() -> None:
    verdict = _judge(make_cell(expected_ending=Ending.FAILED), None)
    assert verdict.state is VerdictState.ENDING_CHANGED


def test_a_new_expectation_needs_a_new_baseline() -> None:
    cell = make_cell(runs=[make_oom()] * 3, expected_ending=Ending.OOM_KILLED)
    verdict = _judge(cell, make_baseline())
    assert verdict.state is VerdictState.ENDING_CHANGED
    assert "but the baseline ended completed" in verdict.summary


def test_lost_runs_are_infrastructure_with_the_reason() -> None:
    verdict = _judge(make_cell(runs=[LOST, LOST, *make_runs((62, 62))]), make_baseline())
    assert verdict.state is VerdictState.INFRASTRUCTURE
    assert verdict.summary == "in 2 of 4 runs the container ended without a report (the daemon restarted)"


def test_a_lost_run_beside_enough_others_does_not_hide_what_they_say() -> None:
    assert _judge(make_cell(runs=[LOST, *make_runs()]), make_baseline()).state is VerdictState.UNCHANGED
    assert _judge(make_cell(runs=[LOST, make_oom()]), make_baseline()).state is VerdictState.ENDING_CHANGED


def test_a_cell_without_runs_is_infrastructure() -> None:
    assert _judge(make_cell(runs=[]), make_baseline()).state is VerdictState.INFRASTRUCTURE


def _budget(mebibytes: int, margin: float = 0.0, metric: Metric = Metric.PEAK) -> Budget:
    return Budget(metric=metric, limit_bytes=mebibytes * MIB, margin=margin)


def test_a_budget_is_broken_by_the_median_and_the_summary_names_both() -> None:
    verdict = _judge(make_cell(budget=_budget(50, 0.2)), make_baseline())
    assert verdict.state is VerdictState.BUDGET_BROKEN
    assert verdict.summary == "peak is 62.5 MiB, over its budget of 50.0 MiB + 20%"


def test_one_run_over_its_budget_breaks_nothing_nor_does_the_limit_itself() -> None:
    runs = make_runs((50, 50, 90))
    assert _judge(make_cell(runs=runs, budget=_budget(50)), None).state is VerdictState.NEW


def test_a_budget_holds_without_a_baseline_and_in_unlike_environments() -> None:
    cell = make_cell(budget=_budget(50))
    assert _judge(cell, None).state is VerdictState.BUDGET_BROKEN
    unlike = make_baseline(fingerprint=make_fingerprint(architecture="aarch64"))
    assert _judge(cell, unlike).state is VerdictState.BUDGET_BROKEN


def test_a_budget_that_could_not_be_checked_is_not_fine_but_hides_no_regression() -> None:
    runs = [replace(run, rss_peak_bytes=None) for run in make_runs()]
    cell = make_cell(runs=runs, budget=_budget(50, metric=Metric.RSS_PEAK))
    verdict = _judge(cell, make_baseline())
    assert verdict.state is VerdictState.NOT_ENOUGH_DATA
    assert "could not be checked: no run measured rss_peak" in verdict.summary
    low = make_baseline(make_cell(runs=make_runs([40] * 5)))
    assert _judge(cell, low).state is VerdictState.REGRESSED


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"architecture": "aarch64"}, "architecture is x86_64, the baseline has aarch64"),
        ({"isolation": "process"}, "isolation is container, the baseline has process"),
        ({"cgroup_version": 2}, "cgroup version is 1, the baseline has 2"),
        ({"python_version": "3.12.1"}, "Python of py312 is CPython 3.12.7, the baseline has CPython 3.12.1"),
        ({"python_implementation": "PyPy"}, "the baseline has PyPy 3.12.7"),
    ],
)
def test_unlike_environments_are_named_and_never_compared(changes: dict[str, object], named: str) -> None:
    verdict = _judge(make_cell(runs=HIGHER), make_baseline(fingerprint=make_fingerprint(**changes)))
    assert verdict.state is VerdictState.INCOMPARABLE
    assert named in verdict.summary
    assert [each.kind for each in verdict.caveats] == [CaveatKind.UNLIKE_ENVIRONMENT]
    assert verdict.metrics == ()


def test_another_cap_under_the_same_name_is_incomparable() -> None:
    verdict = _judge(make_cell(), make_baseline(cap_bytes=64 * MIB))
    assert verdict.state is VerdictState.INCOMPARABLE
    assert "cap in bytes is 134217728, the baseline has 67108864" in verdict.summary


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"image_digest": "sha256:old"}, "digest of py312 is memcap/py312:latest, the baseline has sha256:old"),
        (
            {"image_origin": "pulled"},
            "origin of py312 is built, the baseline has pulled",
        ),
        ({"python_build": None}, "Python build of py312 is main, Oct  1 2024, the baseline has unknown"),
        ({"libc": "musl 1.2"}, "C library of py312 is glibc 2.36, the baseline has musl 1.2"),
    ],
)
def test_another_build_of_the_image_is_told_but_compared(changes: dict[str, object], named: str) -> None:
    result = make_result(images={"py312": make_image(origin="built")})
    baseline = make_baseline(fingerprint=make_fingerprint(**{"image_origin": "built", **changes}))
    verdict = _judge(make_cell(), baseline, result)
    assert verdict.state is VerdictState.UNCHANGED
    assert [each.detail for each in verdict.caveats] == [named]


def test_an_image_that_was_not_recorded_is_unlike() -> None:
    result = make_result(images={}, environment=make_environment())
    assert _judge(make_cell(), make_baseline(), result).state is VerdictState.INCOMPARABLE


def test_caveats_of_runs_stay_with_the_verdict_each_once() -> None:
    cold = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="9 MiB of file pages")
    verdict = _judge(make_cell(runs=[make_measurement(caveats=(cold,))] * 3), None)
    assert verdict.caveats == (cold,)


def test_a_planned_cell_that_was_not_measured_is_gone_but_an_unplanned_one_is_not_missed() -> None:
    planned, unplanned = "agents.llm-py312-128m", "agents.rlm-py312-128m"
    baselines = make_baselines(make_baseline(), make_baseline(make_cell(planned)), make_baseline(make_cell(unplanned)))
    result = make_result(plan_cells=(CELL_ID, planned, "agents.never_accepted-py312-128m"))
    verdicts = judge(result, baselines, RULES)
    assert [(each.cell_id, each.state) for each in verdicts] == [
        (CELL_ID, VerdictState.UNCHANGED),
        (planned, VerdictState.GONE),
    ]


def _with(*states: VerdictState) -> list[Verdict]:
    return [Verdict(cell_id=str(index), state=state, summary="") for index, state in enumerate(states)]


def test_the_worst_exit_code_is_the_one_that_a_second_try_helps_least() -> None:
    worst_first = (
        VerdictState.REGRESSED,
        VerdictState.BUDGET_BROKEN,
        VerdictState.ENDING_CHANGED,
        VerdictState.WORKLOAD_FAILED,
        VerdictState.INFRASTRUCTURE,
    )
    codes = [worst_exit_code(_with(*worst_first[index:])) for index in range(len(worst_first))]
    assert codes == [99, 98, 97, 96, 95]


def test_what_is_not_wrong_exits_with_0() -> None:
    fine = [state for state in VerdictState if state not in EXIT_CODES]
    assert set(fine) == {
        VerdictState.UNCHANGED,
        VerdictState.IMPROVED,
        VerdictState.NEW,
        VerdictState.UNDECIDED,
        VerdictState.NOT_ENOUGH_DATA,
        VerdictState.INCOMPARABLE,
    }
    assert worst_exit_code(_with(*fine)) == 0
    assert worst_exit_code(()) == 0


def test_hostile_ids_are_quoted_in_suggested_commands() -> None:
    assert "accept 'a.b;reboot-py312-128m'" in _judge(make_cell("a.b;reboot-py312-128m"), None).remedy


def test_a_peak_that_was_the_runtimes_own_start_is_not_compared() -> None:
    doubt = Caveat(kind=CaveatKind.PEAK_NEAR_FLOOR, detail="the runtime's own start")
    runs = [replace(run, caveats=(doubt,), unreclaimable_peak_bytes=61 * MIB) for run in make_runs((9, 17, 13, 9, 9))]
    base = make_baseline(
        make_cell(runs=[replace(run, unreclaimable_peak_bytes=61 * MIB) for run in make_runs([9] * 5)])
    )

    verdict = _judge(make_cell(runs=runs), base)

    assert verdict.state is VerdictState.UNCHANGED
    assert Metric.PEAK not in {each.metric for each in verdict.metrics}


def test_what_is_compared_with_another_revision_is_not_to_be_accepted() -> None:
    baselines = replace(make_baselines(make_baseline()), origin="main (1a2b3c4d)")
    (verdict,) = judge(make_result(make_cell(runs=HIGHER)), baselines, RULES)
    assert verdict.state is VerdictState.REGRESSED
    assert verdict.remedy == "Find what grew."
    (new,) = judge(make_result(make_cell()), replace(make_baselines(), origin="main (1a2b3c4d)"), RULES)
    assert (new.summary, new.remedy) == ("main (1a2b3c4d) has no such cell", "")


def test_without_tolerances_it_is_told_that_nothing_is_judged() -> None:
    (verdict,) = judge(make_result(make_cell()), make_baselines(make_baseline()), Rules(tolerances={}))
    assert verdict.state is VerdictState.NOT_ENOUGH_DATA
    assert verdict.summary == "nothing to judge: no metric has a tolerance"
    assert "[tolerances.peak]" in verdict.remedy
