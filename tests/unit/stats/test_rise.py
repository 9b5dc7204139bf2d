"""A rise is what stays, and goes on all the time."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.stats import Rise, parts_of_rise, steady_rise, tenths

LEVELS = st.lists(st.integers(0, 10**9), min_size=1, max_size=60)


def rise(values: Sequence[float], *, marks: Sequence[float] | None = None) -> Rise | None:
    return steady_rise(range(len(values)), values, marks or tenths((0, len(values) - 1)))


def test_a_straight_line_rises_up_to_its_last_tenth() -> None:
    assert rise(range(101)) == Rise(amount=90, seconds=90)
    assert rise([7 + 3 * place for place in range(11)]) == Rise(amount=27, seconds=9)


def test_only_what_is_between_the_marks_counts() -> None:
    assert rise([*[0] * 50, *range(51)], marks=tenths((50, 100))) == Rise(amount=45, seconds=45)


def test_what_was_given_back_is_no_rise() -> None:
    assert rise([*range(100), 0]) is None
    assert rise([place % 10 for place in range(101)]) is None
    assert rise([place % 50 for place in range(101)]) is None
    assert rise([place + 20 * (place % 3) for place in range(101)]) == Rise(amount=90, seconds=90)


@pytest.mark.parametrize("at", range(1, 101))
def test_a_step_is_no_rise_wherever_it_is(at: int) -> None:
    assert rise([*[0] * at, *[100] * (101 - at)]) is None


@pytest.mark.parametrize("part", range(4))
def test_a_bend_is_a_rise_while_it_goes_on(part: int) -> None:
    """The share of what is over when the last third begins decides: 15 % of all of it must be in each third."""
    values = [*range(60 + 10 * part), *[60 + 10 * part] * (41 - 10 * part)]
    assert (rise(values) is None) == (part < 2)


@given(LEVELS, st.lists(st.floats(-10, 100), max_size=11))
def test_marks_anywhere_and_in_any_order_are_answered(values: list[int], marks: list[float]) -> None:
    found = rise(values, marks=marks or None)
    assert found is None or (found.amount > 0 and found.seconds > 0)


@given(LEVELS)
def test_what_falls_never_rises(values: list[int]) -> None:
    assert rise(sorted(values, reverse=True)) is None


def test_tenths_lie_between_values_and_on_them() -> None:
    assert tenths((0, 5)) == (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5)
    assert tenths([place**2 for place in range(11)]) == tuple(place**2 for place in range(11))
    assert tenths((3,)) == (3,) * 11


def test_the_parts_of_a_rise_are_what_stays_between_marks() -> None:
    parts = parts_of_rise(range(10), [0, 9, 1, 2, 3, 4, 5, 6, 7, 8], (0, 5, 9))

    assert parts == [Rise(amount=4, seconds=5), Rise(amount=4, seconds=4)]
