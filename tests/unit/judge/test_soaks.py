"""A soak is judged by whether it leaks, and more than its baseline does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from factories import MIB, make_baseline, make_baselines, make_cell, make_measurement, make_result
from memcap.judge import judge, worst_exit_code
from memcap.judge.acceptance import refusals
from memcap.judge.alerts import alerts
from memcap.model import (
    Accepted,
    AcceptedGrowth,
    AlertLimits,
    Baseline,
    Budget,
    CellResult,
    Ending,
    Measurement,
    Metric,
    Moment,
    Rules,
    Verdict,
    VerdictState,
)
from memcap.report.baselines import change_lines
from memcap.run_growth import growth_of_cell
from memcap.stats import tenths
from memcap.store import accept, as_baselines, load_baselines, save_baselines

RULES = Rules(minimum_runs=5, alerts=AlertLimits(growth_bytes=None, cap_share=None))


def _run(held: Callable[[float], float], *, samples: int = 120) -> Measurement:
    """Return a run of 101 cycles that holds so many MiB at each share of its time."""
    sizes = [int(MIB * held(place / samples)) for place in range(samples)]
    series = tuple(
        Moment(seconds=place, usage=size, anon=size, file=0, shmem=0, kernel=0, low=size)
        for place, size in enumerate(sizes)
    )
    return make_measurement(extra={"cycles": 101}, series=series, cycle_tenths=tenths((0, samples - 1)))


def _soak(run: Measurement) -> CellResult:
    return make_cell(runs=[run], is_soak=True)


def _leaking(mib: float) -> CellResult:
    return _soak(_run(lambda share: 20 + mib * share))


CALM = _soak(_run(lambda _: 20.0))
FULL = _soak(_run(lambda share: 20 + 90 * min(share, 0.5)))
SLOWING = _soak(_run(lambda share: 20 + 60 * share**0.5))
SHORT = _soak(_run(lambda share: 20 + 60 * share, samples=12))


def _baseline(cell: CellResult) -> Baseline:
    (found,) = as_baselines(make_result(cell))[0].cells.values()
    return found


def _judged(cell: CellResult, *baselines: Baseline) -> Verdict:
    (verdict,) = judge(make_result(cell), make_baselines(*baselines), RULES)
    return verdict


@pytest.mark.parametrize(
    ("now", "before", "state", "words"),
    [
        (_leaking(50), CALM, VerdictState.REGRESSED, "the baseline does not leak (flat)"),
        (_leaking(50), FULL, VerdictState.REGRESSED, "the baseline does not leak (bounded cache)"),
        (
            _leaking(90),
            _leaking(50),
            VerdictState.REGRESSED,
            "faster than the baseline (linear leak, 507.7 KiB per cycle (",
        ),
        (_leaking(50), _leaking(50.2), VerdictState.UNCHANGED, "as fast as the baseline (linear leak, "),
        (
            _leaking(50),
            _leaking(90),
            VerdictState.IMPROVED,
            "slower than the baseline (linear leak, 913.9 KiB per cycle (",
        ),
        (CALM, _leaking(50), VerdictState.IMPROVED, "the baseline leaks (linear leak, "),
        (FULL, CALM, VerdictState.UNCHANGED, "nor does the baseline leak (flat)"),
    ],
)
def test_a_soak_is_compared_by_what_it_leaks(
    now: CellResult, before: CellResult, state: VerdictState, words: str
) -> None:
    verdict = _judged(now, _baseline(before))

    assert verdict.state is state
    assert words in verdict.summary
    assert verdict.metrics == ()
    assert worst_exit_code([verdict]) == (99 if state is VerdictState.REGRESSED else 0)
    assert ("memcap baseline accept" in verdict.remedy) == (state is not VerdictState.UNCHANGED)


def test_the_rate_is_told_with_its_interval() -> None:
    assert _judged(_leaking(50), _baseline(CALM)).summary.startswith("linear leak, 507.7 KiB per cycle (")


@pytest.mark.parametrize("cell", [SLOWING, SHORT], ids=["slowing", "short"])
def test_too_little_is_not_enough_whatever_the_baseline_is(cell: CellResult) -> None:
    verdict = _judged(cell, _baseline(_leaking(50)))

    assert (verdict.state, verdict.is_unjudged) == (VerdictState.NOT_ENOUGH_DATA, True)
    assert verdict.summary.startswith("not enough data")
    assert "Let it run longer" in verdict.remedy


def test_without_a_baseline_it_says_what_was_found() -> None:
    verdict = _judged(_leaking(50))

    assert verdict.state is VerdictState.NEW
    assert verdict.summary.startswith("linear leak, ")
    assert "there is no baseline" in verdict.summary


@pytest.mark.parametrize("cell", [_leaking(50), replace(_leaking(5), cell=CALM.cell), CALM, FULL, SLOWING])
def test_a_leak_is_an_alert_whatever_the_baseline_is(cell: CellResult) -> None:
    leaks = growth_of_cell(cell)
    assert leaks is not None
    expected = [f"unreclaimable memory grew up to the end: {leaks.words}"] if leaks.verdict.leak else []

    assert [each.detail for each in alerts(cell, AlertLimits())] == expected
    assert alerts(cell, AlertLimits(growth_bytes=None)) == ()


def test_a_baseline_of_the_time_before_it_was_a_soak_says_nothing() -> None:
    verdict = _judged(_leaking(50), make_baseline())

    assert verdict.state is VerdictState.NEW
    assert verdict.summary.endswith("the baseline is of no soak")


def test_endings_and_budgets_count_as_ever() -> None:
    run = _run(lambda share: 20 + 50 * share)
    killed = _soak(replace(run, ending=Ending.OOM_KILLED))
    budget = Budget(metric=Metric.PEAK, limit_bytes=MIB, margin=0)
    over = make_cell(runs=[run], is_soak=True, budget=budget)

    assert _judged(killed, _baseline(CALM)).state is VerdictState.ENDING_CHANGED
    assert _judged(over, _baseline(_leaking(50))).state is VerdictState.BUDGET_BROKEN
    assert _judged(over, _baseline(CALM)).state is VerdictState.BUDGET_BROKEN


def test_rates_of_two_units_are_not_compared() -> None:
    growth = AcceptedGrowth(kind="linear_leak", leak=True, unit="hour", rate=1.0, low=0.5, high=2.0)
    verdict = _judged(_leaking(50), replace(_baseline(CALM), growth=growth))

    assert verdict.state is VerdictState.UNCHANGED
    assert verdict.summary.endswith("the baseline leaks, too (linear leak, 1 B per hour (0 B to 2 B))")


@pytest.mark.parametrize(("cell", "refused"), [(_leaking(50), False), (CALM, False), (SLOWING, True), (SHORT, True)])
def test_one_run_is_a_baseline_unless_it_was_too_short(cell: CellResult, refused: bool) -> None:
    found = refusals(make_result(cell), make_baselines(), RULES, cells=[cell.cell.id])

    assert bool(found) == refused
    assert all("Let it run longer" in each.remedy for each in found)


def test_a_baseline_keeps_the_verdict_and_no_metrics(tmp_path: Path) -> None:
    result = make_result(_leaking(50))
    known = accept(make_baselines(), result, cells=result.plan_cells, accepted=Accepted(source=result.id))
    save_baselines(known.baselines, tmp_path)
    (loaded,) = load_baselines(tmp_path).cells.values()

    assert loaded == _baseline(_leaking(50))
    assert loaded.values == {}
    assert loaded.growth is not None
    assert (loaded.growth.kind, loaded.growth.leak, loaded.growth.unit) == ("linear_leak", True, "cycle")
    assert loaded.growth.rate == pytest.approx(50 * MIB / 100, rel=0.02)


def test_memory_that_may_shrink_is_read_again(tmp_path: Path) -> None:
    growth = AcceptedGrowth(kind="flat", leak=False, unit="hour", rate=-1.5, low=-20.0, high=17)
    baselines = make_baselines(replace(_baseline(CALM), growth=growth))
    save_baselines(baselines, tmp_path)

    assert load_baselines(tmp_path) == baselines


def test_what_accepting_a_soak_changes_is_told() -> None:
    first, later = _baseline(CALM), _baseline(_leaking(50))

    assert change_lines(None, first)[1:] == ["  growth: flat"]
    assert change_lines(first, later)[1:] == [
        "  growth: flat -> linear leak, 507.7 KiB per cycle (505.5 KiB to 509.9 KiB)"
    ]
    assert change_lines(make_baseline(), later)[-1].startswith("  growth: - -> linear leak, ")


def test_other_cells_have_no_growth_in_their_baselines() -> None:
    assert _baseline(make_cell()).growth is None
