"""The short form of the leak laboratory, on series that the judge has never been fitted to."""

from __future__ import annotations

from functools import cache

import pytest
from leaks.generate import CLASSES, series
from leaks.laboratory import (
    REPORTED,
    Judged,
    confusion,
    detectable,
    injected,
    intervals,
    judge_all,
    rules,
    score,
    twenty,
    undecided,
)
from leaks.rivals import RULES

SHORT = 200


@cache
def judged() -> list[Judged]:
    return list(judge_all(range(REPORTED, REPORTED + SHORT), with_rivals=True))


def test_leaks_are_found_and_nothing_else_is_called_one() -> None:
    found = score(judged(), [each.verdict.leak is True for each in judged()])

    assert found.precision >= 0.97
    assert found.recall == 1
    assert undecided(judged()) <= 0.1


def test_two_minutes_are_enough_for_three_megabytes_a_minute() -> None:
    assert twenty().wrong == []


def test_what_is_called_detectable_is_detected() -> None:
    rows = injected(judged()).rows

    assert [row[0] for row in rows] == ["flat", "sawtooth", "periodic"]
    assert sum(float(row[-1].rstrip("%")) for row in rows) / len(rows) >= 90


def test_the_tables_name_all_classes_and_rules() -> None:
    assert len(confusion(judged()).rows) == len(CLASSES)
    assert [row[0] for row in rules(judged()).rows] == ["memcap", *RULES]
    assert len(detectable(judged()).rows) == 4
    assert len(intervals(judged()).rows) == 1


def test_a_seed_is_always_the_same_series() -> None:
    assert series(3) == series(3)
    assert series(3) != series(11)


LINE = [1e8 + 1e6 * place for place in range(100)]
NOISE = [1e8 + 1e6 * (place % 7) for place in range(100)]


@pytest.mark.parametrize("name", sorted(RULES))
def test_every_rule_but_psleaks_finds_a_plain_leak(name: str) -> None:
    """psleak asks that each batch grows by more than the one before, and its last two are equal."""
    seconds = [60.0 * place for place in range(100)]

    assert RULES[name](seconds, LINE) == (name != "psleak's retries")
    assert not RULES[name](seconds[:98], NOISE[:98])


def test_psleaks_rule_finds_a_leak_that_grows() -> None:
    assert RULES["psleak's retries"]([], [place**2 for place in range(100)])
