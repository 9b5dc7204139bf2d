"""Garbage that waits for the collector of the oldest generation, and leaks that only look like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.leaks import TEETH, Collection, Garbage, LeakClass, Series, judge_series
from memcap.leaks.garbage import MOST_OF_AN_OBJECT, waiting

MB = 1_000_000
SECONDS = 600
LEAK = Series(seconds=range(SECONDS), values=[100 * MB + 50_000 * second for second in range(SECONDS)])
RISE = 30 * MB


def garbage(count: Callable[[int], float], freed: int, *collections: tuple[float, int], bytes_: int = 0) -> Garbage:
    """Return counts of objects by the second; ``collections`` are times of full ones, and what they freed."""
    return Garbage(
        counts=[(second, 50_000 + round(count(second))) for second in range(0, SECONDS, 13)],
        collections=[Collection(seconds=at, objects=objects) for at, objects in collections],
        freed_objects=freed,
        freed_bytes=bytes_,
    )


def rising(second: int) -> float:
    return 500.0 * second


WAITING = {
    "nothing was collected until the end": garbage(rising, 290_000),
    "half of it is kept": garbage(rising, 160_000),
    "one collection fell into the time": garbage(lambda second: 500.0 * (second % 400), 99_000, (400, 200_000)),
    "the collection was shortly before the end": garbage(
        lambda second: 500.0 * second if second < 590 else 0.0, 4_000, (590, 295_000)
    ),
    "few objects with much memory": garbage(lambda _: 0.0, 12, bytes_=28 * MB),
}
LEAKS = {
    "the objects are kept": garbage(rising, 3_000),
    "most objects are kept": garbage(rising, 100_000),
    "no objects, but bytes": garbage(lambda _: 0.0, 40),
    "few objects are garbage, which cannot hold it": garbage(lambda second: second / 60, 9),
    "garbage came and went three times": garbage(
        lambda second: 500.0 * (second % 160), 60_000, (160, 80_000), (320, 80_000), (480, 80_000)
    ),
    "garbage comes and goes in parts, as with an incremental collector": garbage(
        lambda second: 500.0 * (second % 39), 15_000
    ),
    "a job was garbage, larger than what grew": garbage(lambda _: 0.0, 40, bytes_=200 * MB),
}


@pytest.mark.parametrize("known", WAITING.values(), ids=WAITING)
def test_a_rise_that_may_be_garbage_is_not_called_a_leak(known: Garbage) -> None:
    verdict = judge_series(LEAK, garbage=known, cap_bytes=500 * MB)

    assert verdict.kind is LeakClass.NOT_ENOUGH_DATA
    assert "garbage that Python's collector had not freed yet" in verdict.reason
    assert "--gc" in verdict.reason
    assert verdict.seconds_to_cap is None


@pytest.mark.parametrize("known", LEAKS.values(), ids=LEAKS)
def test_a_leak_beside_garbage_is_one(known: Garbage) -> None:
    assert judge_series(LEAK, garbage=known, cap_bytes=500 * MB) == judge_series(LEAK, cap_bytes=500 * MB)


def test_what_was_collected_before_the_time_that_is_judged_does_not_count() -> None:
    early = [Collection(seconds=second, objects=10) for second in (1, 2, 3)]
    known = replace(WAITING["nothing was collected until the end"], collections=early)

    assert waiting(known, RISE, 100, SECONDS)
    assert not waiting(known, RISE, 0, SECONDS)


ANY = st.builds(
    Garbage,
    counts=st.lists(st.tuples(st.floats(0, SECONDS), st.integers(0, 10**8)), max_size=48),
    collections=st.lists(
        st.builds(Collection, seconds=st.floats(0, SECONDS), objects=st.integers(0, 10**8)), max_size=TEETH
    ),
    freed_objects=st.integers(0, 10**8),
    freed_bytes=st.none() | st.integers(0, 2**40),
)


@given(ANY, st.integers(1, 100_000))
def test_garbage_turns_a_leak_into_a_question_and_nothing_else(known: Garbage, pace: int) -> None:
    leak = replace(LEAK, values=[pace * second for second in range(SECONDS)])
    level = replace(LEAK, values=[100 * MB] * SECONDS)

    assert judge_series(leak, garbage=known).kind in (judge_series(leak).kind, LeakClass.NOT_ENOUGH_DATA)
    assert judge_series(level, garbage=known) == judge_series(level)


@given(ANY)
def test_what_freed_nothing_explains_nothing(known: Garbage) -> None:
    nothing = replace(known, freed_objects=0, freed_bytes=0, collections=())
    assert not waiting(nothing, RISE, 0, SECONDS)


@given(ANY, st.integers(1, 10**6))
def test_objects_do_not_explain_more_bytes_than_they_can_hold(known: Garbage, more: int) -> None:
    freed = known.freed_objects + sum(each.objects for each in known.collections)
    rise = freed * MOST_OF_AN_OBJECT + more
    assert not waiting(replace(known, freed_bytes=None), rise, 0, SECONDS)
