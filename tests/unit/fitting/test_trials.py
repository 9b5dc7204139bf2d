"""What the trials of one cap amount to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from memcap.fitting import Point, PointState, Reference, Trial, points_of
from memcap.model import Ending

MIB = 1024 * 1024
QUIET = Trial(
    cap_bytes=64 * MIB, survived=True, ending=Ending.COMPLETED, seconds=1.0, wall_seconds=1.0, cap_hits=0, refaults=0,
    major_faults=0, stall_seconds=0.0, peak_bytes=64 * MIB, need_bytes=60 * MIB,
)  # fmt: skip
REFERENCE = Reference(trials=(replace(QUIET, cap_bytes=1024 * MIB, major_faults=30),) * 4, ahead_bytes=MIB // 4)


def point(*changes: dict[str, Any]) -> Point:
    (found,) = points_of([replace(QUIET, **change) for change in changes], REFERENCE, slowdown_limit=1.25)
    return found


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ([{}], PointState.VIABLE),
        ([{"seconds": 9.0}], PointState.OPEN),
        ([{"seconds": 9.0, "peak_bytes": 60 * MIB}], PointState.VIABLE),
        ([{"seconds": 9.0}] * 12, PointState.SLOW),
        ([{"seconds": 9.0, "refaults": 500}], PointState.SLOW),
        ([{"seconds": 9.0, "refaults": 500}, {"refaults": 500}], PointState.VIABLE),
        ([{"seconds": 9.0, "refaults": 500, "alone": False}], PointState.OPEN),
        ([{"refaults": 500}], PointState.VIABLE),
        ([{"major_faults": 40}], PointState.VIABLE),
        ([{"major_faults": 60}], PointState.VIABLE),
        ([{"stall_seconds": 0.2}], PointState.VIABLE),
        ([{"refaults": None}], PointState.VIABLE),
        ([{"refaults": None, "peak_bytes": 60 * MIB}], PointState.VIABLE),
        ([{"refaults": 500, "cap_hits": 3, "peak_bytes": 60 * MIB}], PointState.VIABLE),
        ([{"survived": False, "ending": Ending.OOM_KILLED}, {}], PointState.FAILED),
        ([{"survived": False, "ending": Ending.TIMED_OUT, "seconds": None}], PointState.SLOW),
        ([{"survived": False, "ending": Ending.TIMED_OUT}, {}], PointState.FAILED),
        ([{"seconds": None}], PointState.VIABLE),
    ],
)
def test_what_is_known_of_a_cap(changes: list[dict[str, Any]], state: PointState) -> None:
    found = point(*changes)
    assert found.state == state
    assert found.is_below == (state in (PointState.FAILED, PointState.SLOW))


def test_the_fastest_run_counts() -> None:
    assert point({"seconds": 1.9}, {"seconds": 1.1}, {"seconds": 7.0}).slowdown == 1.1


def test_enough_is_never_reached() -> None:
    assert REFERENCE.enough_bytes(MIB) == 65 * MIB
    assert REFERENCE.enough_bytes(MIB // 4) == 64.25 * MIB
    assert REFERENCE.enough_bytes(4096 * MIB) == 1024 * MIB, "but not more than the reference had"


def test_what_a_smaller_cap_did_in_time_a_larger_can_as_well() -> None:
    missing = replace(QUIET, refaults=500)
    trials = [
        replace(missing, cap_bytes=64 * MIB, seconds=1.2),
        replace(missing, cap_bytes=66 * MIB, peak_bytes=66 * MIB, seconds=1.9),
        replace(missing, cap_bytes=62 * MIB, peak_bytes=62 * MIB, seconds=1.9),
    ]
    small, middle, large = points_of(trials, REFERENCE, slowdown_limit=1.25)
    assert [point.state for point in (small, middle, large)] == [PointState.SLOW, PointState.VIABLE, PointState.VIABLE]
    assert large.slowdown == 1.9
