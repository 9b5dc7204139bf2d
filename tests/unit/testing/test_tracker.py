"""Trackers on real allocations."""

from __future__ import annotations

import mmap
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from memcap.errors import UsageError
from memcap.testing import MemoryTracker
from memcap.testing.meters import METRICS, TracemallocMeter
from memcap.testing.reading import descendants

pytestmark = pytest.mark.allow_processes
MB = 1_000_000


@pytest.fixture
def tracker() -> Iterator[MemoryTracker]:
    with MemoryTracker() as made:
        yield made


def spike(size: int) -> None:
    """Use memory that is given back to the kernel at once."""
    with mmap.mmap(-1, size) as memory:
        memory.write(b"x" * size)


def hold(size: int) -> mmap.mmap:
    memory = mmap.mmap(-1, size)
    for start in range(0, size, mmap.PAGESIZE):
        memory[start] = 1
    return memory


def test_the_first_checkpoint_is_made_at_once(tracker: MemoryTracker) -> None:
    assert [each.name for each in tracker.checkpoints] == ["start"]
    assert tracker.checkpoints[0].bytes > MB


def test_growth_is_the_difference_to_the_first_checkpoint(tracker: MemoryTracker) -> None:
    with hold(30 * MB):
        assert tracker.get_delta_mb() == pytest.approx(30, abs=2)
        assert tracker.checkpoint("held").mb - tracker.checkpoints[0].mb == pytest.approx(30, abs=2)
    assert tracker.get_delta_mb() == pytest.approx(0, abs=2)


def test_a_spike_between_two_checkpoints_is_the_peak_of_the_second(tracker: MemoryTracker) -> None:
    spike(60 * MB)
    with_spike = tracker.checkpoint("with")
    without = tracker.checkpoint("without")

    assert with_spike.peak_bytes - with_spike.bytes > 55 * MB
    assert without.peak_bytes - without.bytes < 5 * MB
    assert tracker.get_peak_delta_mb() > 55


def test_bounded_means_that_memory_never_rose_higher(tracker: MemoryTracker) -> None:
    tracker.assert_bounded(max_mb=20)
    spike(40 * MB)

    with pytest.raises(AssertionError, match=r"(?s)rose by .* MB, over the limit of 20 MB.*metric: rss.*checkpoint"):
        tracker.assert_bounded(max_mb=20)


def test_what_children_hold_counts_while_they_hold_it(tracker: MemoryTracker) -> None:
    hungry = "data = b'x' * 50_000_000; import time; time.sleep(0.5)"
    subprocess.run([sys.executable, "-I", "-S", "-c", hungry], check=True)

    with pytest.raises(AssertionError, match="over the limit of 30 MB"):
        tracker.assert_bounded(max_mb=30)
    assert tracker.own_peak_bytes is None or tracker.own_peak_bytes - tracker.start_bytes < 30 * MB


def test_stable_checkpoints_lie_close_together(tracker: MemoryTracker) -> None:
    with hold(30 * MB):  # warming up is no instability
        for epoch in range(3):
            tracker.checkpoint(f"epoch {epoch}")
        tracker.assert_stable(tolerance_mb=3)
        with hold(20 * MB):
            tracker.checkpoint("grown")
        with pytest.raises(AssertionError, match=r"'grown' is 2\d\.\d MB above 'epoch \d'"):
            tracker.assert_stable(tolerance_mb=3)


def test_one_checkpoint_is_compared_with_the_first(tracker: MemoryTracker) -> None:
    with hold(30 * MB):
        tracker.checkpoint("only")
        with pytest.raises(AssertionError, match="'only' is"):
            tracker.assert_stable(tolerance_mb=10)


def test_without_any_checkpoint_memory_is_compared_now(tracker: MemoryTracker) -> None:
    with hold(30 * MB), pytest.raises(AssertionError, match="'assert_stable' is"):
        tracker.assert_stable(tolerance_mb=10)


def test_garbage_is_no_growth(tracker: MemoryTracker) -> None:
    circle: list[object] = [bytearray(40 * MB)]
    circle.append(circle)
    del circle

    assert tracker.get_delta_mb() < 5


def test_memory_that_the_allocator_keeps_is_no_growth(tracker: MemoryTracker) -> None:
    """After the first free of a large block glibc takes the next one from its heap, and keeps it there."""
    for _ in range(3):
        data = b"x" * (30 * MB)
        del data
        tracker.checkpoint("freed")
        assert tracker.get_delta_mb() < 5


def test_what_was_kept_before_the_start_does_not_hide_growth() -> None:
    for _ in range(2):
        data = b"x" * (30 * MB)
        del data
    with MemoryTracker() as tracker:
        held = b"x" * (30 * MB)
        assert tracker.get_delta_mb() == pytest.approx(30, abs=3)
    assert held


def test_what_was_freed_at_the_start_is_no_peak() -> None:
    circle: list[object] = [b"x" * (30 * MB)]
    circle.append(circle)
    del circle
    with MemoryTracker() as tracker:
        tracker.assert_bounded(max_mb=5)
        assert tracker.checkpoints[0].peak_bytes == tracker.start_bytes
        assert tracker.own_peak_bytes is None or tracker.own_peak_bytes < tracker.start_bytes + 5 * MB


def test_two_trackers_at_once_see_the_same_peak(tracker: MemoryTracker) -> None:
    with MemoryTracker() as inner:
        spike(40 * MB)
        assert inner.checkpoint("seen by the inner").peak_bytes - inner.start_bytes > 35 * MB
    assert tracker.checkpoint("seen by the outer").peak_bytes - tracker.start_bytes > 35 * MB


def test_the_watcher_is_neither_a_thread_nor_a_child(tracker: MemoryTracker) -> None:
    threads = threading.active_count()
    children = list(descendants(os.getpid()))
    with MemoryTracker():
        assert threading.active_count() == threads
        assert list(descendants(os.getpid())) == children
    assert tracker.checkpoints


def test_what_grew_is_named_when_allocations_are_traced() -> None:
    with MemoryTracker("tracemalloc") as tracker:
        kept = [str(number) * 10 for number in range(20_000)]
        with pytest.raises(AssertionError) as caught:
            tracker.assert_bounded(max_mb=0.5)

    assert kept
    assert "what grew since the start" in str(caught.value)
    assert "kept = [str(number)" in str(caught.value)


def test_traced_peaks_are_exact_and_children_are_not_in_them() -> None:
    with MemoryTracker("tracemalloc") as tracker:
        data = bytes(30 * MB)
        del data
        point = tracker.checkpoint("after")

    assert point.peak_bytes - tracker.start_bytes == pytest.approx(30 * MB, abs=100_000)
    assert point.bytes - tracker.start_bytes < 100_000


def test_tracing_ends_with_the_last_tracker() -> None:
    import tracemalloc

    outer = MemoryTracker("tracemalloc")
    inner = MemoryTracker("tracemalloc")
    outer.close()
    assert tracemalloc.is_tracing()
    inner.close()
    assert not tracemalloc.is_tracing()


def test_tracing_that_somebody_else_began_goes_on() -> None:
    import tracemalloc

    tracemalloc.start()
    try:
        MemoryTracker("tracemalloc").close()
        assert tracemalloc.is_tracing()
    finally:
        tracemalloc.stop()


def test_a_closed_tracker_makes_no_checkpoints(tracker: MemoryTracker) -> None:
    tracker.close()
    tracker.close()

    with pytest.raises(UsageError, match="closed"):
        tracker.checkpoint("late")


def test_an_unknown_metric_is_refused() -> None:
    with pytest.raises(UsageError, match="rss, tracemalloc, cgroup"):
        MemoryTracker("pss")


def test_the_plugin_knows_the_metrics() -> None:
    from memcap.pytest_plugin import settings

    assert settings.METRICS == METRICS
    assert TracemallocMeter.description
