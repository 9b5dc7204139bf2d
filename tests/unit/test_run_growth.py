"""By what a run is judged: its cycles, its requests, or time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from factories import MIB, make_measurement
from memcap.leaks import LeakClass, Rate
from memcap.model import Measurement, Moment, PhaseFigures, PhaseName, ServerRun
from memcap.run_growth import growth_of_run, rate_words
from memcap.stats import tenths


def _run(held: Callable[[int], float], *, seconds: int = 100) -> Measurement:
    """Return a run that holds so many MiB at each second, and little at its exit."""
    sizes = [int(MIB * held(second)) for second in range(seconds)]
    series = tuple(
        Moment(seconds=second, usage=size, anon=size, file=0, shmem=0, kernel=0, low=size, running=second < seconds - 2)
        for second, size in enumerate(sizes)
    )
    return make_measurement(series=series)


def _in_cycles(run: Measurement, *, begin: float = 10, end: float = 90, cycles: int = 41) -> Measurement:
    return replace(run, extra={"cycles": cycles}, cycle_tenths=tenths((begin, end)))


def _loaded(run: Measurement, requests: int = 1000) -> Measurement:
    load = PhaseFigures(name=PhaseName.LOAD, start_seconds=20, end_seconds=80, requests=requests)
    return replace(run, server=ServerRun(phases=(load,)))


def test_cycles_count_and_not_what_is_around_them() -> None:
    leak = _in_cycles(_run(lambda second: 500 if second < 10 else 20 + second))
    found = growth_of_run(leak)

    assert (found.verdict.kind, found.unit) == (LeakClass.LINEAR_LEAK, "cycle")
    assert found.rate is not None
    assert found.rate.estimate == pytest.approx(2 * MIB, rel=0.01)
    assert found.words.startswith("linear leak, 2.0 MiB per cycle (")


def test_requests_count_while_they_are_sent() -> None:
    found = growth_of_run(_loaded(_run(lambda second: 20 + 5 * min(max(second, 20), 80))))

    assert (found.verdict.kind, found.unit) == (LeakClass.LINEAR_LEAK, "request")
    assert found.rate is not None
    assert found.rate.estimate == pytest.approx(300 * MIB / 1000, rel=0.02)


def test_other_runs_are_judged_by_time() -> None:
    found = growth_of_run(_run(lambda second: 20 + second))

    assert (found.verdict.kind, found.unit) == (LeakClass.LINEAR_LEAK, "hour")
    assert found.rate is not None
    assert found.rate.estimate == pytest.approx(3600 * MIB, rel=0.01)


def test_a_program_that_has_begun_to_exit_has_not_given_back_what_it_leaked() -> None:
    found = growth_of_run(_run(lambda second: 20 + second if second < 94 else 110 - 15 * (second - 93)))

    assert found.verdict.kind is LeakClass.LINEAR_LEAK


def test_what_falls_all_the_time_is_judged_as_a_whole() -> None:
    found = growth_of_run(_run(lambda second: 200 - second))

    assert found.verdict.kind is LeakClass.FLAT


def test_what_is_level_says_what_would_have_been_found() -> None:
    found = growth_of_run(_in_cycles(_run(lambda _: 20)))

    assert found.verdict.leak is False
    assert found.detectable is not None
    assert found.words.startswith("flat; a leak of ")
    assert found.words.endswith(" per cycle would have been found")


@pytest.mark.parametrize(
    "run",
    [
        make_measurement(series=()),
        _in_cycles(_run(lambda second: second), end=14),
        _loaded(_run(lambda second: second), requests=0),
        replace(_run(lambda second: second), server=ServerRun()),
        _run(lambda second: second, seconds=12),
    ],
    ids=["no samples", "short cycles", "no requests", "no load", "a short run"],
)
def test_too_little_is_not_enough(run: Measurement) -> None:
    found = growth_of_run(run)

    assert found.verdict.kind is LeakClass.NOT_ENOUGH_DATA
    assert (found.rate, found.detectable) == (None, None)
    assert "are needed" in found.words


def test_a_series_in_any_order_is_judged() -> None:
    run = _run(lambda second: 20 + second)

    assert growth_of_run(replace(run, series=run.series[::-1])) == growth_of_run(run)


def test_a_rate_has_its_unit_and_its_interval() -> None:
    assert rate_words(Rate(estimate=MIB, low=1024, high=2 * MIB), "cycle") == ("1.0 MiB per cycle (1.0 KiB to 2.0 MiB)")
