"""Curves in one line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.report.sparkline import BLOCKS, PLAIN, levels_for, sparkline


def test_it_runs_from_low_to_high() -> None:
    assert sparkline(range(8), 8, low=0, high=7) == BLOCKS
    assert sparkline([5, 5], 8, low=5, high=5) == "▁▁"
    assert sparkline([], 8, low=0, high=1) == ""


@given(st.lists(st.floats(0, 100), min_size=1, max_size=300), st.integers(1, 60))
def test_the_peak_is_always_drawn_and_the_width_is_kept(values: list[float], width: int) -> None:
    drawn = sparkline([*values, 100, *values], width, low=0, high=100)
    assert len(drawn) <= width
    assert BLOCKS[-1] in drawn


@pytest.mark.parametrize(
    ("encoding", "levels"), [("utf-8", BLOCKS), ("koi8-u", PLAIN), ("cp1252", PLAIN), ("ascii", PLAIN), (None, PLAIN)]
)
def test_consoles_without_blocks_get_plain_characters(encoding: str | None, levels: str) -> None:
    assert levels_for(encoding) == levels
