"""Looks become samples and a series, whichever part looked when."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.leaks import TEETH, Collection
from memcap.model import FinalCollection, MemoryLook, PythonLook, SoakRules, WorkLook
from memcap.soaking.gathering import Thinned, garbage_of, samples_of, series_of

RULES = SoakRules(duration_seconds=120, interval_seconds=10)


def looks(*seconds: float) -> list[MemoryLook]:
    return [
        MemoryLook(seconds=each, unreclaimable_bytes=round(each * 100) + 50, low_bytes=round(each * 100))
        for each in seconds
    ]


def test_a_sample_is_taken_for_each_interval_and_at_both_ends() -> None:
    memory = looks(*(step / 2 for step in range(75)))
    found = samples_of(memory, [], [], RULES)
    assert [each.memory.seconds for each in found] == [0, 10, 20, 30, 37]
    assert all(each.work is None and each.python == () for each in found)


def test_a_late_look_is_the_sample_of_its_interval_and_none_is_made_up() -> None:
    assert [each.memory.seconds for each in samples_of(looks(0, 13, 20, 48), [], [], RULES)] == [0, 13, 20, 48]
    assert samples_of([], [], [], RULES) == ()


def test_a_sample_has_the_work_done_until_then() -> None:
    work = [WorkLook(seconds=each, done=round(each)) for each in (4.0, 9.9, 15.0, 20.4)]
    found = samples_of(looks(0, 10, 20), work, [], RULES)
    assert [each.work and each.work.done for each in found] == [None, 10, 15]


def test_a_sample_has_the_last_look_at_each_process_that_still_is() -> None:
    python = [
        PythonLook(seconds=1, pid=7),
        PythonLook(seconds=9, pid=8),
        PythonLook(seconds=9.5, pid=7),
        PythonLook(seconds=30, pid=8),
    ]
    found = samples_of(looks(0, 10, 20, 30, 60), [], python, RULES)
    assert [[(each.pid, each.seconds) for each in sample.python] for sample in found] == [
        [],
        [(7, 9.5), (8, 9)],
        [(7, 9.5), (8, 9)],
        [(8, 30)],
        [],
    ]


def test_the_series_is_the_least_memory_with_the_work_between_two_looks_at_it() -> None:
    found = series_of(looks(0, 5, 10), [WorkLook(seconds=10, done=40)])
    assert (found.seconds, found.values, found.work) == ([0, 5, 10], [0, 500, 1000], [0, 20, 40])


def test_where_no_work_is_counted_none_is_judged_by() -> None:
    assert series_of(looks(0, 1), []).work is None


def test_a_look_without_a_figure_is_no_point_of_the_series() -> None:
    memory = [MemoryLook(seconds=0, low_bytes=7), MemoryLook(seconds=1, unreclaimable_bytes=3)]
    assert series_of(memory, []).values == [7]


@given(
    st.lists(st.floats(0, 1e6), max_size=40).map(sorted),
    st.lists(st.tuples(st.floats(0, 1e6), st.integers(0, 10**9)), max_size=20).map(sorted),
)
def test_any_looks_make_a_series(seconds: list[float], done: list[tuple[float, int]]) -> None:
    work = [WorkLook(seconds=at, done=count) for at, count in done]  # a hostile workload may count backwards
    found = series_of(looks(*seconds), work)
    assert len(found.values) == len(seconds)
    samples_of(looks(*seconds), work, [], RULES)


def test_a_view_has_a_bounded_number_of_looks_with_the_lowest_memory() -> None:
    thinned = Thinned(most=8)
    for number in range(1000):
        thinned.add(MemoryLook(seconds=number, unreclaimable_bytes=10**6, low_bytes=abs(500 - number)))
    assert 3 <= len(thinned.looks) <= 8
    assert min(each.low_bytes or 0 for each in thinned.looks) == 0
    assert [each.seconds for each in thinned.looks] == sorted(each.seconds for each in thinned.looks)


@pytest.mark.parametrize("days", [7])
def test_a_view_of_days_needs_no_more_memory_than_one_of_hours(days: int) -> None:
    thinned = Thinned()
    tracemalloc.start()
    try:
        for minute in range(10_000):
            thinned.add(MemoryLook(seconds=minute, low_bytes=10**8 + minute))
        early = tracemalloc.get_traced_memory()[0]
        for minute in range(10_000, days * 24 * 60 * 20):
            thinned.add(MemoryLook(seconds=minute, low_bytes=10**8 + minute))
        late = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert late < 1.5 * early + 100_000


FINAL = FinalCollection(seconds=100, pid=7, is_enabled=True, objects_before=900, objects_after=300, freed_bytes=5)


def python_looks(*seen: tuple[float, int | None, int], pid: int = 7) -> list[PythonLook]:
    """Return looks with the time, the objects, and the full collections until then."""
    return [
        PythonLook(seconds=seconds, pid=pid, gc_objects=objects, gc_collections=(50, 5, full))
        for seconds, objects, full in seen
    ]


def test_the_garbage_of_a_process_is_what_full_collections_freed() -> None:
    seen = python_looks((0, 100, 1), (10, 400, 1), (20, None, 2), (30, 250, 2), (40, 500, 2), (50, 480, 3), (120, 1, 9))

    found = garbage_of([*seen, *python_looks((60, 7, 0), pid=8)], FINAL)

    assert found is not None
    assert found.counts == [(0, 100), (10, 400), (30, 250), (40, 500), (50, 480)]
    assert found.collections == [Collection(seconds=30, objects=150), Collection(seconds=50, objects=20)]
    assert (found.freed_objects, found.freed_bytes) == (600, 5)


def test_several_collections_between_two_looks_count_each() -> None:
    found = garbage_of(python_looks((0, 100, 0), (10, 90, 1000)), FINAL)
    assert found is not None
    assert [each.objects for each in found.collections] == [10, *[0] * (TEETH - 1)]


def test_without_a_collection_at_the_end_nothing_is_known_of_garbage() -> None:
    seen = python_looks((0, 100, 0), (10, 900, 0))
    assert garbage_of(seen, None) is None
    assert garbage_of(seen, replace(FINAL, is_enabled=False)) is None, "nobody will collect it"


@given(st.lists(st.tuples(st.floats(0, 200), st.none() | st.integers(0, 10**9), st.integers(0, 10**6)), max_size=200))
def test_of_any_looks_few_counts_are_kept_and_in_order(seen: list[tuple[float, int | None, int]]) -> None:
    found = garbage_of(python_looks(*sorted(seen, key=lambda each: each[0])), FINAL)
    assert found is not None
    assert len(found.counts) <= 48
    assert [seconds for seconds, _ in found.counts] == sorted(seconds for seconds, _ in found.counts)
    assert len(found.collections) <= TEETH
    assert all(each.objects >= 0 for each in found.collections)
