"""When the cycles of a generator ended, by its journal."""

from __future__ import annotations

from typing import Any

import pytest
from measured import END, START, journal_of, measured

from factories import make_raw

CYCLED = {"event": "cycled", "first": 0.5, "last": 2.5}


def tenths_of(*events: dict[str, Any]) -> tuple[float, ...]:
    return measured(make_raw(workload_journal=journal_of(START, *events))).cycle_tenths


def cycles(*seconds: float) -> list[dict[str, Any]]:
    return [{"event": "cycle", "seconds": each, "metrics": {}} for each in seconds]


def test_the_first_cycle_sets_up_and_the_others_count_by_their_number() -> None:
    found = tenths_of(*cycles(0.4, *[0.1] * 5, *[0.3] * 5), CYCLED, {**END, "cycles": 11})
    assert found == pytest.approx((0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.3, 1.6, 1.9, 2.2, 2.5))


def test_a_journal_without_all_cycles_has_tenths_of_the_time() -> None:
    found = tenths_of(*cycles(0.4, 0.1), CYCLED, {**END, "cycles": 20_000})
    assert found == pytest.approx((0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.7, 1.9, 2.1, 2.3, 2.5))


@pytest.mark.parametrize(
    "events",
    [
        [END],
        [*cycles(0.1, 0.1), {**END, "cycles": 2}],
        [*cycles(0.1, 0.1), CYCLED],
        [*cycles(0.1, 0.1)],
    ],
    ids=["a function", "no times", "no end", "killed"],
)
def test_where_the_times_are_not_known_there_are_none(events: list[dict[str, Any]]) -> None:
    assert tenths_of(*events) == ()


def test_one_cycle_is_no_time() -> None:
    assert tenths_of(*cycles(0.5), {**CYCLED, "last": 0.5}, {**END, "cycles": 1}) == (0.5,) * 11
