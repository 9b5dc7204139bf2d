"""The optimised ways to collect and to run agents do what the plain ones do, and clean up."""

from __future__ import annotations

import contextlib
import gc
import itertools
import threading
import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Import = Callable[[str, str], ModuleType]
ON_A_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(autouse=True)
def _leave_the_collector_as_it_was() -> Iterator[None]:
    thresholds, enabled = gc.get_threshold(), gc.isenabled()
    yield
    gc.set_threshold(*thresholds)
    (gc.enable if enabled else gc.disable)()


class Cycle:
    def __init__(self) -> None:
        self.me = self


def clock_of(collecting: float, between: float) -> Callable[[], float]:
    """Return a clock by which each collection takes ``collecting``, and ``between`` passes before the next."""
    return itertools.accumulate(itertools.cycle((between, collecting)), initial=0.0).__next__


@pytest.mark.parametrize(
    ("collecting", "between", "begins", "ends"),
    [(0.5, 0.5, 700, 100_000), (0.001, 1.0, 64_000, 700), (0.01, 1.0, 2_000, 2_000)],
    ids=["much", "little", "as it should be"],
)
def test_thresholds_follow_the_time_spent(
    suite_module: Import, collecting: float, between: float, begins: int, ends: int
) -> None:
    adaptive = suite_module("optimization", "collector").AdaptiveThresholds(
        target=0.02, floor=700, ceiling=100_000, clock=clock_of(collecting, between)
    )
    found = gc.get_threshold()
    gc.set_threshold(begins, *found[1:])
    gc.disable()  # only the collections below
    with adaptive:
        for _ in range(10):
            gc.collect(0)
        assert adaptive.threshold == ends
    assert gc.get_threshold() == (begins, *found[1:])


def test_thresholds_are_restored_after_an_error(suite_module: Import) -> None:
    found, callbacks = gc.get_threshold(), list(gc.callbacks)
    adaptive = suite_module("optimization", "collector").AdaptiveThresholds(clock=clock_of(1, 1))
    with contextlib.suppress(RuntimeError), adaptive:
        gc.collect()
        assert gc.get_threshold() != found
        raise RuntimeError
    assert gc.get_threshold() == found
    assert gc.callbacks == callbacks


@pytest.mark.parametrize("enabled", [True, False])
def test_a_pause_leaves_the_collector_as_it_was(suite_module: Import, enabled: bool) -> None:
    paused = suite_module("optimization", "collector").paused
    (gc.enable if enabled else gc.disable)()
    with paused():
        with paused():
            assert not gc.isenabled()
        assert not gc.isenabled(), "the outer pause goes on"
    assert gc.isenabled() is enabled
    with pytest.raises(RuntimeError), paused():
        raise RuntimeError
    assert gc.isenabled() is enabled


def test_garbage_waits_for_an_idle_moment(suite_module: Import) -> None:
    deferred = suite_module("optimization", "collector").DeferredCollector(enough=100, most_waiting=10_000)
    gc.enable()
    gc.collect()
    with deferred:
        waiting = weakref.ref(Cycle())
        kept = [[number] for number in range(500)]
        deferred.before_request()
        assert (waiting() is not None, gc.isenabled()) == (True, False)
        deferred.idle()
        assert waiting() is None
        assert (deferred.collections, deferred.forced) == (1, 0)
        gc.collect()
        deferred.idle()
        assert deferred.collections == 1, "there was nothing to look at"
    assert gc.isenabled()
    assert len(kept) == 500


def test_garbage_has_a_bound_without_idle_moments(suite_module: Import) -> None:
    deferred = suite_module("optimization", "collector").DeferredCollector(enough=100, most_waiting=1000)
    with deferred:
        waiting = weakref.ref(Cycle())
        kept = [[number] for number in range(1500)]
        deferred.before_request()
        assert waiting() is None
        assert deferred.forced == 1
    assert len(kept) == 1500


def test_deferred_garbage_that_grew_old_is_collected_too(suite_module: Import) -> None:
    deferred = suite_module("optimization", "collector").DeferredCollector(enough=0)
    cycle = Cycle()
    waiting = weakref.ref(cycle)
    gc.collect()  # it is old now
    del cycle
    with deferred:
        for _ in range(100):
            deferred.idle()
    assert waiting() is None


def managers(suite_module: Import) -> tuple[Any, Any]:
    module = suite_module("optimization", "manager")
    return module.ThreadPerAgent(), module.PooledAgents(3)


@ON_A_FIXTURE
@given(scales=st.lists(st.integers(-5, 5), max_size=12), observations=st.lists(st.integers(-9, 9), max_size=4))
def test_both_managers_do_what_a_loop_would(suite_module: Import, scales: list[int], observations: list[int]) -> None:
    for manager in managers(suite_module):
        with manager:
            for place, scale in enumerate(scales):
                manager.register(f"agent-{place}", lambda seen, scale=scale: seen * scale)
            for seen in observations:
                expected = {f"agent-{place}": seen * scale for place, scale in enumerate(scales)}
                assert manager.step_all(seen) == expected


def test_one_agent_that_fails_does_not_stop_the_others(suite_module: Import) -> None:
    module = suite_module("optimization", "manager")
    for manager in managers(suite_module):
        with manager:
            manager.register("good", lambda seen: seen + 1)
            manager.register("bad", lambda seen: seen / 0)
            for _ in range(2):
                with pytest.raises(module.StepError, match="1 of 2 agents failed: bad") as caught:
                    manager.step_all(1)
                assert caught.value.results == {"good": 2}
                assert isinstance(caught.value.errors["bad"], ZeroDivisionError)


def test_a_name_is_taken_once(suite_module: Import) -> None:
    for manager in managers(suite_module):
        with manager:
            manager.register("ann", abs)
            with pytest.raises(ValueError, match="there is an agent 'ann' already"):
                manager.register("ann", abs)


def test_the_pool_has_few_threads_and_both_end_them(suite_module: Import) -> None:
    before = threading.active_count()
    plain, pooled = managers(suite_module)
    for manager, most in ((plain, 20), (pooled, 3)):
        with manager:
            for number in range(20):
                manager.register(str(number), abs)
            manager.step_all(-1)
            assert before < threading.active_count() <= before + most
        assert threading.active_count() == before


@ON_A_FIXTURE
@given(
    durations=st.lists(st.integers(0, 1000), min_size=1, max_size=150), percent=st.sampled_from([1, 50, 95, 99, 100])
)
def test_a_percentile_is_the_least_that_so_many_do_not_exceed(
    suite_module: Import, durations: list[int], percent: int
) -> None:
    ticks = iter(itertools.accumulate(itertools.chain(*((0, each) for each in durations))))
    latencies = suite_module("optimization", "gauges").Latencies(ticks.__next__)
    for _ in durations:
        with latencies.timed():
            pass
    found = latencies.percentile(percent) / 1000
    assert found in durations
    assert sum(each <= found for each in durations) * 100 >= percent * len(durations)
    assert sum(each < found for each in durations) * 100 < percent * len(durations)


def test_the_collectors_time_is_counted_within_the_context_only(suite_module: Import) -> None:
    ticks = itertools.count()
    clock = suite_module("optimization", "gauges").GcClock(ticks.__next__)
    gc.disable()
    for _ in range(2):
        with clock:
            gc.collect(0)
        gc.collect(0)
    # Entering, start, stop, leaving: a tick each.
    assert (clock.seconds, clock.elapsed, clock.collections) == (2, 6, 2)
    assert clock.percent == pytest.approx(100 / 3)
