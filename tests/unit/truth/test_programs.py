"""What the laboratory says of other people's programs: the search for the truth, and the verdict on figures."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from truth.programs.c import PROGRAMS
from truth.programs.checked import Checked
from truth.programs.judged import Interval
from truth.programs.plainly import Truth
from truth.programs.search import NeverLivesError, find_bounds, resolution

from memcap.model import Ending

MIB = 1024 * 1024


def lives_from(need: int) -> Callable[[int], bool]:
    return lambda cap: cap >= need


@pytest.mark.parametrize("need", [7 * MIB, 24 * MIB + 4096, 200 * MIB])
def test_a_cliff_is_found_to_the_resolution(need: int) -> None:
    found = find_bounds(lives_from(need), least=6 * MIB, most=1024 * MIB)

    assert found.dies < need <= found.lives
    assert found.lives - found.dies <= resolution(found.lives)


def test_both_bounds_lie_outside_of_what_is_a_matter_of_chance() -> None:
    draw = random.Random(1)
    low, high = 30 * MIB, 31 * MIB

    found = find_bounds(lambda cap: cap >= high or (cap > low and draw.random() < 0.5), least=6 * MIB, most=1024 * MIB)

    # Three runs that end alike can be luck, but not far from the edge.
    assert low - MIB <= found.dies < found.lives <= high + MIB


def test_a_program_that_never_lives_is_said_to() -> None:
    with pytest.raises(NeverLivesError):
        find_bounds(lambda _: False, least=6 * MIB, most=64 * MIB)


def test_smaller_caps_are_tried_again_where_a_larger_one_may_not_be_enough() -> None:
    def lives(cap: int) -> bool:
        return cap >= 24 * MIB and not 30 * MIB <= cap < 31 * MIB

    found = find_bounds(lives, least=6 * MIB, most=64 * MIB, patchy=True)

    assert found.dies < 24 * MIB <= found.lives < 25 * MIB


@pytest.mark.parametrize(
    ("low", "high", "right"),
    [
        (30.0, 30.0, True),
        (29.0, 40.0, True),
        (29.0, 29.5, False),
        (31.0, 40.0, False),
        (29.0, None, True),
        (31.0, None, False),
    ],
)
def test_an_interval_is_right_if_it_meets_the_truth(low: float, high: float | None, right: bool) -> None:
    truth = Truth(dies=int(29.9 * MIB), lives=int(30.1 * MIB), seconds_at_ease=1, seconds_at_cap=1)
    interval = Interval(low=int(low * MIB), high=None if high is None else int(high * MIB))

    assert interval.holds(truth) is right
    assert interval.holds(truth, allowance=MIB)


@pytest.mark.parametrize(
    ("low", "high", "narrow"), [(20, 21, True), (20, 22, False), (200, 203, True), (20, None, False)]
)
def test_an_interval_that_says_enough_is_narrow(low: int, high: int | None, narrow: bool) -> None:
    interval = Interval(low=low * MIB, high=None if high is None else high * MIB)

    assert interval.is_narrow() is narrow


@pytest.mark.parametrize(
    ("died_below", "lived_above", "ending", "problems"),
    [
        (True, True, Ending.OOM_KILLED, 0),
        (None, None, Ending.NOT_STARTED, 0),
        (False, True, Ending.OOM_KILLED, 1),
        (True, False, Ending.OOM_KILLED, 1),
        (True, True, Ending.FAILED, 1),
    ],
)
def test_what_a_check_finds(died_below: bool | None, lived_above: bool | None, ending: Ending, problems: int) -> None:
    checked = Checked(
        program=PROGRAMS[0],
        low=24 * MIB,
        high=25 * MIB,
        died_below=died_below,
        lived_above=lived_above,
        ending_below=ending,
    )

    assert len(checked.problems()) == problems
    assert checked.row()[2] == "24.00 to 25.00"
