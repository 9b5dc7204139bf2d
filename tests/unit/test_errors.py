"""The error tree: each kind has its own exit code, and says what failed and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from memcap import errors
from memcap.errors import ConfigError, MemcapError, Problem


def error_classes(base: type[MemcapError] = MemcapError) -> Iterator[type[MemcapError]]:
    for kind in base.__subclasses__():
        if kind.__module__ == errors.__name__:
            yield kind
            yield from error_classes(kind)


def test_there_are_errors_to_check() -> None:
    assert {"ConfigError", "NewerSchemaError", "DaemonPermissionError", "Interrupted"} <= {
        kind.__name__ for kind in error_classes()
    }


def test_every_error_has_an_exit_code_of_its_own() -> None:
    codes = [kind.exit_code for kind in error_classes()]
    assert len(set(codes)) == len(codes)


@pytest.mark.parametrize("kind", list(error_classes()))
def test_exit_codes_can_be_told_from_success_verdicts_and_signals(kind: type[MemcapError]) -> None:
    assert "exit_code" in vars(kind), "an inherited code says nothing about this error"
    assert 1 < kind.exit_code <= 130
    assert kind.exit_code not in range(95, 100), "these are verdicts"
    assert kind.exit_code not in (126, 127), "the shell's own"


def test_no_two_numbers_are_the_unspecific_one() -> None:
    assert MemcapError.exit_code not in [kind.exit_code for kind in error_classes()]


def test_an_error_is_printed_with_its_remedy() -> None:
    assert str(MemcapError("the disk is full", remedy="Make room.")) == "the disk is full\n  Make room."
    assert str(MemcapError("the disk is full")) == "the disk is full"


def test_a_config_error_lists_every_problem_with_its_place() -> None:
    first = Problem(file=Path("limits.toml"), line=3, key="caps.x", message="is bad", suggestion="caps.y")
    second = Problem(file=Path("suites") / "a", line=None, key="", message="has no suite.toml")
    text = str(ConfigError((first, second)))
    assert "2 problems" in text
    assert "limits.toml:3: caps.x: is bad (did you mean 'caps.y'?)" in text
    assert f"{Path('suites/a')}: has no suite.toml" in text
    assert "1 problem in" in str(ConfigError((first,)))
