"""What servers need and keep is found in runs of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from factories import make_measurement
from memcap.leaks import LeakClass
from memcap.model import Measurement, Moment, PhaseFigures, PhaseName, ProcessRss, ServerRun
from memcap.serving import (
    NOT_ENOUGH_LEVELS,
    NOT_MEASURED,
    PerUnit,
    growth_under_load,
    kept_after_load,
    serving_figures,
)
from memcap.stats import Slope
from server_runs import KIB, MIB, Level, Truth, make_server_run

THREE = (Level(requests=1000), Level(requests=2000), Level(requests=4000))


def _slope(unit: PerUnit) -> Slope:
    assert unit.slope is not None, unit.why_not
    return unit.slope


@given(
    base=st.integers(10 * MIB, 2000 * MIB),
    first=st.integers(0, 20 * MIB),
    noise=st.integers(0, 256 * KIB),
    seed=st.integers(0, 1000),
)
def test_16_kib_kept_for_each_request_are_found_within_2_percent(base: int, first: int, noise: int, seed: int) -> None:
    truth = Truth(base=base, kept_per_request=16 * KIB, first_request=first)
    runs = [make_server_run(truth, THREE, noise=noise, seed=seed + number) for number in range(2)]
    for some in (runs, runs[:1]):
        found = _slope(serving_figures(some).kept_per_1000_requests)
        assert found.estimate == pytest.approx(16 * KIB * 1000, rel=0.02)
        assert found.low is not None and found.low <= found.estimate  # noqa: PT018


@given(kept=st.integers(0, 64 * KIB), requests=st.lists(st.integers(100, 9000), min_size=2, max_size=4))
def test_without_noise_the_slope_is_the_truth(kept: int, requests: list[int]) -> None:
    run = make_server_run(Truth(kept_per_request=kept), tuple(Level(requests=each) for each in requests))
    found = _slope(serving_figures([run]).kept_per_1000_requests)
    assert found.estimate == pytest.approx(1000 * kept, abs=1)


@given(cost=st.integers(0, 64 * KIB), leak=st.integers(0, 256 * KIB), seed=st.integers(0, 1000))
def test_connections_cost_while_they_are_open_and_leaks_remain(cost: int, leak: int, seed: int) -> None:
    levels = tuple(Level(requests=1000, connections=count) for count in (10, 50, 200))
    truth = Truth(per_connection=cost, kept_per_connection=leak)
    found = serving_figures([make_server_run(truth, levels, noise=KIB, seed=seed)])
    assert _slope(found.per_connection).estimate == pytest.approx(cost, abs=16)
    assert _slope(found.kept_per_connection).estimate == pytest.approx(leak, abs=16)


def test_one_level_is_not_enough() -> None:
    found = serving_figures([make_server_run(Truth(), THREE[:1])] * 5)
    units = (found.per_worker, found.per_connection, found.kept_per_connection, found.kept_per_1000_requests)
    assert {(unit.slope, unit.why_not) for unit in units} == {(None, NOT_ENOUGH_LEVELS)}
    assert serving_figures([]).per_worker.why_not == NOT_ENOUGH_LEVELS


def test_two_levels_of_one_run_have_no_interval_and_say_why() -> None:
    unit = serving_figures([make_server_run(Truth(kept_per_request=KIB), THREE[:2])]).kept_per_1000_requests
    assert _slope(unit).estimate == pytest.approx(1000 * KIB)
    assert (_slope(unit).low, unit.why_not) == (None, NOT_ENOUGH_LEVELS)


def test_what_never_changed_has_no_slope() -> None:
    found = serving_figures([make_server_run(Truth(), THREE)])
    assert found.per_connection == PerUnit(slope=None, why_not="all levels had the same number of connections")
    assert found.per_worker == PerUnit(slope=None, why_not=NOT_MEASURED), "there are no figures of processes"


def test_workers_that_a_server_adds_have_a_price() -> None:
    run = make_server_run(Truth(), THREE)
    phases, workers = [], 0
    for phase in run.phases:
        if phase.name is PhaseName.LOAD:
            workers += 2
            more = 30 * MIB * workers
            held = tuple(ProcessRss(pid=pid, name="w", rss_bytes=MIB, is_worker=True) for pid in range(workers))
            phase = replace(  # noqa: PLW2901
                phase, processes=held, unreclaimable_peak_bytes=(phase.unreclaimable_peak_bytes or 0) + more
            )
        phases.append(phase)
    found = serving_figures([ServerRun(phases=tuple(phases))])
    assert _slope(found.per_worker).estimate == pytest.approx(30 * MIB)


@given(kept=st.integers(0, 50 * KIB), noise=st.integers(0, 512 * KIB), count=st.integers(1, 5))
def test_what_is_kept_after_the_load_is_found_with_its_interval(kept: int, noise: int, count: int) -> None:
    truth = Truth(kept_per_request=kept)
    runs = [make_server_run(truth, THREE[:1], noise=noise, seed=seed) for seed in range(count)]
    found = kept_after_load(runs)
    assert found is not None
    assert found.kept_bytes == pytest.approx(1000 * kept, abs=noise + 1)
    assert found.low_bytes <= found.kept_bytes <= found.high_bytes
    if count < 3:
        assert found.low_bytes <= 1000 * kept <= found.high_bytes


def test_nothing_is_said_of_runs_that_ended_before_their_rest() -> None:
    run = make_server_run(Truth(), THREE[:1])
    cut = replace(run, phases=run.phases[:3])
    assert kept_after_load([cut]) is None
    assert kept_after_load([run], after=PhaseName.COLLECT) is None
    assert kept_after_load([cut, run]) == kept_after_load([run])


def _loaded(shape: Callable[[float], float], *, samples: int = 60, load: float = 60.0) -> Measurement:
    """Return a run with a small load of 10 s, and then 1000 requests in ``load`` seconds that hold ``shape`` MiB."""
    small = PhaseFigures(name=PhaseName.LOAD, start_seconds=0, end_seconds=10, requests=10)
    large = PhaseFigures(name=PhaseName.LOAD, start_seconds=10, end_seconds=10 + load, requests=1000)
    idle = PhaseFigures(name=PhaseName.IDLE, start_seconds=10 + load, end_seconds=20 + load)
    held = [(10 + load * place / samples, shape(place / samples)) for place in range(samples)]
    sizes = [*((float(second), 20.0) for second in range(10)), *held, (15 + load, 5.0)]
    series = [
        Moment(seconds=second, usage=0, anon=0, file=0, shmem=0, kernel=0, low=int(size * MIB))
        for second, size in sizes
    ]
    return make_measurement(series=tuple(series), server=ServerRun(phases=(small, large, idle)))


def test_a_leak_of_each_request_is_found_in_the_load() -> None:
    found = growth_under_load([_loaded(lambda share: 30 + 50 * share)])
    assert found is not None
    assert (found.verdict.kind, found.leaking, found.runs) == (LeakClass.LINEAR_LEAK, 1, 1)
    assert found.verdict.per_work is not None
    assert found.verdict.per_work.estimate == pytest.approx(50 * MIB / 1000, rel=0.05)


def test_a_cache_that_fills_in_the_load_is_no_leak() -> None:
    found = growth_under_load([_loaded(lambda share: 30 + 90 * min(share, 0.5))])
    assert found is not None
    assert (found.verdict.kind, found.leaking) == (LeakClass.BOUNDED_CACHE, 0)


def test_the_run_in_the_middle_speaks_for_all() -> None:
    leak, flat = _loaded(lambda share: 30 + 50 * share), _loaded(lambda share: 30)
    few, many = growth_under_load([flat, leak, flat]), growth_under_load([leak, flat, leak])
    assert few is not None
    assert many is not None
    assert (few.verdict.kind, few.leaking, few.runs) == (LeakClass.FLAT, 1, 3)
    assert (many.verdict.kind, many.leaking, many.runs) == (LeakClass.LINEAR_LEAK, 2, 3)


def test_a_short_load_has_no_verdict() -> None:
    short, other = _loaded(lambda share: 30 + 50 * share, samples=15), make_measurement()
    assert growth_under_load([short, other]) is None
    assert growth_under_load([short, _loaded(lambda share: 30)]) is not None
    assert growth_under_load([_loaded(lambda share: 30, load=0.0)]) is None
