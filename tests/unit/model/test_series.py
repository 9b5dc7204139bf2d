"""Which moments of a series are those of the running program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from memcap.model import Moment, running

MIB = 1024 * 1024


def stated(*states: tuple[float, bool]) -> tuple[Moment, ...]:
    known = moments(*[mib for mib, _ in states])
    return tuple(replace(moment, running=state) for moment, (_, state) in zip(known, states, strict=True))


def test_the_state_of_the_main_program_decides() -> None:
    found = stated((0.5, False), (9, True), (60, True), (2, True), (1, True), (0.5, False))
    assert tuple(running(found)) == found[1:5], "what the program itself gave back is told"
    assert tuple(running(stated((0.5, False), (60, False)))) == ()


def moments(*mib: float) -> tuple[Moment, ...]:
    return tuple(
        Moment(seconds=place / 100, usage=size + MIB, anon=size, file=MIB, shmem=0, kernel=0, low=size)
        for place, size in enumerate(int(each * MIB) for each in mib)
    )


@pytest.mark.parametrize(
    ("series", "kept"),
    [
        ((3, 9, 60, 61, 4), 4),
        ((3, 9, 60, 61, 20, 0.5), 4),
        ((3, 9, 60, 61, 40, 0.5), 5),
        ((3, 9, 60, 61), 4),
        ((100, 20, 20, 20, 20, 20), 4),
        ((5,), 1),
        ((), 0),
    ],
    ids=["exit", "exit in two moments", "given back before", "no exit", "a high start", "one", "none"],
)
def test_a_result_without_states_loses_at_most_its_last_two_moments(series: Sequence[float], kept: int) -> None:
    known = moments(*series)
    assert tuple(running(known)) == known[:kept]
