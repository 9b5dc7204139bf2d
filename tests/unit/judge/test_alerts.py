"""Signs of trouble that fail no check."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace

import pytest

from factories import CELL_ID, MIB, make_baselines, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.judge import judge, worst_exit_code
from memcap.judge.alerts import alerts
from memcap.model import (
    Alert,
    AlertKind,
    AlertLimits,
    CellResult,
    Ending,
    GcFacts,
    Measurement,
    Moment,
    PythonRun,
    Rules,
)
from memcap.stats import tenths


def _alerts(cell: CellResult, limits: AlertLimits | None = None) -> tuple[Alert, ...]:
    (verdict,) = judge(make_result(cell), make_baselines(), Rules(minimum_runs=1, alerts=limits or AlertLimits()))
    assert worst_exit_code([verdict]) == 0 or cell.cell.expected_ending.is_oom
    return verdict.alerts


def _kinds(cell: CellResult, limits: AlertLimits | None = None) -> list[AlertKind]:
    return [alert.kind for alert in _alerts(cell, limits)]


def test_a_need_of_more_than_80_percent_of_the_cap() -> None:
    (alert,) = _alerts(make_cell(runs=make_runs([104.5])))  # unreclaimable_peak is 1 MiB less
    assert alert == Alert(kind=AlertKind.NEAR_CAP, detail="unreclaimable_peak 103.5 MiB is 81% of the cap of 128.0 MiB")
    assert _kinds(make_cell(runs=make_runs([103]))) == []
    assert _kinds(make_cell(runs=make_runs([104.5])), AlertLimits(cap_share=None)) == []


def test_page_cache_up_to_the_cap_alerts_nobody() -> None:
    assert _kinds(make_cell(runs=[make_measurement(127, unreclaimable_peak_bytes=20 * MIB)])) == []


def test_a_cell_that_is_to_be_killed_alerts_nobody() -> None:
    assert _kinds(make_cell(runs=[make_oom()], expected_ending=Ending.OOM_KILLED)) == []


def _series(needs: Iterable[float]) -> tuple[Moment, ...]:
    found = [int(need * MIB) for need in needs]
    return tuple(
        Moment(seconds=float(place), usage=need, anon=need, file=0, shmem=0, kernel=0, low=need)
        for place, need in enumerate(found)
    )


def _cycles(
    needs: Iterable[float], *, count: int = 101, before: Iterable[float] = (), after: Iterable[float] = (0.5,)
) -> Measurement:
    """Return a run with so many MiB a second: in its cycles, before the first of them had ended, after the last."""
    start, middle = list(before), list(needs)
    marks = tenths((len(start), len(start) + len(middle) - 1))
    return make_measurement(extra={"cycles": count}, series=_series([*start, *middle, *after]), cycle_tenths=marks)


@pytest.mark.parametrize(
    ("before", "after"),
    [((), ()), ((0.5, 3, 9), (0.5,)), ((), [5] * 30), ([5] * 200, ())],
    ids=["alone", "start and exit", "clean-up", "long start"],
)
def test_growth_over_the_cycles(before: Iterable[float], after: Iterable[float]) -> None:
    (alert,) = _alerts(make_cell(runs=[_cycles(range(20, 61), before=before, after=after)]))
    assert alert == Alert(
        kind=AlertKind.GROWTH,
        detail="unreclaimable memory grew by 35.0 MiB from the first to the last tenth of the cycles: linear leak, "
        "409.6 KiB per cycle (403.9 KiB to 415.3 KiB)",
    )
    assert _kinds(make_cell(runs=[_cycles(range(20, 61))]), AlertLimits(growth_bytes=36 * MIB)) == []
    assert _kinds(make_cell(runs=[_cycles(range(20, 61))]), AlertLimits(growth_bytes=None)) == []


def test_the_alert_says_in_how_many_runs_there_was_growth() -> None:
    flat, growing = _cycles([20] * 41), [_cycles(range(20, 61)), _cycles(range(20, 62))]
    (alert,) = _alerts(make_cell(runs=[flat, *growing, flat]))
    assert "of the cycles in 2 of 4 runs: linear leak" in alert.detail


@pytest.mark.parametrize(("cycles", "moments"), [(8, 41), (101, 14)], ids=["few cycles", "few moments"])
def test_growth_of_a_short_run_is_no_leak_for_certain(cycles: int, moments: int) -> None:
    (alert,) = _alerts(make_cell(runs=[_cycles([20 + 2 * place for place in range(moments)], count=cycles)]))
    assert alert.detail.endswith(" per cycle; the run is too short to tell a leak from a cache")


def test_what_is_not_certain_must_be_in_half_of_the_runs() -> None:
    flat, short = _cycles([20] * 41), _cycles([20 + 2 * place for place in range(14)])
    (alert,) = _alerts(make_cell(runs=[short, flat, short, flat]))
    assert "in 2 of 4 runs: about " in alert.detail
    assert _kinds(make_cell(runs=[short, flat, flat])) == []
    (alert,) = _alerts(make_cell(runs=[short, flat, flat, _cycles(range(20, 61))]))
    assert "in 1 of 4 runs: linear leak" in alert.detail


def test_growth_that_slows_down_is_told_with_what_would_have_been_found() -> None:
    """It rises in each third, so that a longer run is worth while; a leak is not proven."""
    (alert,) = _alerts(make_cell(runs=[_cycles([20 + 5 * place**0.5 for place in range(200)])]))
    assert "not enough data to tell a leak from a cache, a leak of " in alert.detail
    assert alert.detail.endswith(" per cycle would have been found")


def test_nothing_is_judged_where_nothing_rose_by_more_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict needs numpy, which takes long to import."""
    monkeypatch.setitem(sys.modules, "numpy", None)  # not to be imported
    limits = AlertLimits(growth_bytes=36 * MIB)
    assert alerts(make_cell(runs=[_cycles(range(20, 61))]), limits) == ()
    assert alerts(make_cell(runs=[_cycles(range(20, 61))]), AlertLimits(growth_bytes=None)) == ()


def test_growth_under_the_waves_of_a_garbage_collector() -> None:
    waves = [place + 15 * (place % 4) for place in range(80)]
    assert _kinds(make_cell(runs=[_cycles(waves)])) == [AlertKind.GROWTH]


CALM = {
    "a cache that fills": [*range(20, 50), *[50] * 60],
    "a cache that fills slowly": [50 - 45 * 0.92**place for place in range(80)],
    "waves": [30 + 10 * (place % 5) for place in range(60)],
    "long waves": [30 + place % 37 for place in range(100)],
    "one step": [*[20] * 30, *[50] * 30],
    "a step at the end": [*[20] * 57, 80, 80, 80],
    "a step at the beginning": [20, 20, 20, *[80] * 57],
    "two steps": [*[20] * 10, *[40] * 20, *[60] * 30],
    "falling": [*range(60, 20, -1)],
}


@pytest.mark.parametrize("needs", CALM.values(), ids=CALM)
def test_what_does_not_rise_all_the_time_is_no_growth(needs: Iterable[float]) -> None:
    assert _kinds(make_cell(runs=[_cycles(needs, before=[0.5, 10, 20])])) == []


@pytest.mark.parametrize(
    "run",
    [
        _cycles(range(20, 60), count=6),
        _cycles([20, 40, 60, 80]),
        replace(_cycles(range(20, 60)), cycle_tenths=()),
        replace(_cycles(range(20, 60)), series=()),
        replace(_cycles(range(20, 60)), ending=Ending.OOM_KILLED),
    ],
    ids=["few cycles", "few moments", "no times of cycles", "no series", "killed"],
)
def test_where_too_little_is_known_there_is_no_growth(run: Measurement) -> None:
    assert alerts(make_cell(runs=[run]), AlertLimits()) == ()


def _collecting(seconds: float) -> Measurement:
    gc = GcFacts(collections=(1, 0, 0), collected=(0, 0, 0), uncollectable=(0, 0, 0), seconds=seconds)
    return make_measurement(
        wall_seconds=2.0, python=PythonRun(implementation="cpython", version="3.12", flags={}, gc=gc)
    )


def test_a_garbage_collector_that_takes_more_than_a_tenth_of_the_time() -> None:
    (alert,) = _alerts(make_cell(runs=[_collecting(0.5), _collecting(0.4), _collecting(0.01)]))
    assert alert == Alert(
        kind=AlertKind.GC_OVERHEAD, detail="the garbage collector took 20% of the run's time (400 ms)"
    )
    assert _kinds(make_cell(runs=[_collecting(0.1)])) == []


def test_a_suites_own_metric_above_its_limit() -> None:
    runs = [make_measurement(extra={"agent_mb": value}) for value in (14, 16, 17)]
    cell = make_cell(CELL_ID, runs, extra_metrics={"agent_mb": "MB"}, alerts={"agent_mb": 15})
    assert [alert.detail for alert in _alerts(cell)] == ["agent_mb is 16 MB, above 15"]
