"""Judging keeps nothing: who judges again and again needs no more each time."""

from __future__ import annotations

import pytest

from factories import TOLERANCES, make_cell, make_result, make_runs
from memcap.judge import judge
from memcap.model import Rules
from memcap.store import as_baselines
from memcap.testing import MemoryTracker

CELLS = 20


@pytest.mark.memory(metric="tracemalloc")
def test_judging_again_and_again_keeps_nothing(memory_tracker: MemoryTracker) -> None:
    grown = make_runs((66.5, 66.4, 66.6, 66.5, 66.5))
    base = make_result(*(make_cell(f"suite.cell_{number}-py312-128m") for number in range(CELLS)))
    new = make_result(*(make_cell(f"suite.cell_{number}-py312-128m", grown) for number in range(CELLS)))
    baselines, _ = as_baselines(base)
    for time in range(4):
        verdicts = judge(new, baselines, Rules(tolerances=TOLERANCES))
        assert len(verdicts) == CELLS
        if time > 0:  # the first one imports and caches
            memory_tracker.checkpoint(f"judged {time + 1} times")
    memory_tracker.assert_stable(tolerance_mb=0.1)
