"""Signs of trouble that fail no check."""

from __future__ import annotations

from collections.abc import Iterable

from factories import CELL_ID, MIB, make_baselines, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.judge import judge, worst_exit_code
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


def _cycles(needs: Iterable[float], cycles: int = 100) -> Measurement:
    return make_measurement(extra={"cycles": cycles}, series=_series(needs))


def test_growth_over_many_cycles() -> None:
    (alert,) = _alerts(make_cell(runs=[_cycles(range(20, 60))]))
    assert alert.kind is AlertKind.GROWTH
    assert "grew by 32.0 MiB" in alert.detail


def test_what_levels_off_or_goes_up_and_down_or_has_few_cycles_is_no_growth() -> None:
    sawtooth = [30 + 20 * (place % 2) for place in range(60)]
    for calm in (_cycles([5, 10, 20, *[50] * 60]), _cycles(sawtooth), _cycles(range(20, 60), cycles=5)):
        assert _kinds(make_cell(runs=[calm])) == []


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
