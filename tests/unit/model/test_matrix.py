"""What is to be measured: when a cap limits memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.model import DEFAULT_TOLERANCES, NO_CAP_BYTES, Cap, limit_of


@pytest.mark.parametrize("size", [None, 0, NO_CAP_BYTES, 2**63 - 4096, 2**64 - 1])
def test_what_stands_for_no_limit(size: int | None) -> None:
    assert limit_of(size) is None


@pytest.mark.parametrize("size", [1, 128 * 1024 * 1024, NO_CAP_BYTES - 1])
def test_any_other_size_is_a_limit(size: int) -> None:
    assert limit_of(size) == size


def test_a_cap_knows_whether_it_limits() -> None:
    some, none = Cap(name="1g", bytes=1024**3), Cap(name="uncapped", bytes=NO_CAP_BYTES)
    assert some.limit_bytes == 1024**3
    assert none.limit_bytes is None


def test_the_default_tolerances_are_those_of_this_project() -> None:
    config = load_config(Path(__file__).resolve().parents[3])
    assert config.rules.tolerances == DEFAULT_TOLERANCES
