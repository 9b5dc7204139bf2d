"""Whoever breaks a limit of a suite that comes with memcap is told what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.config import load_config
from memcap.model import Suite

REPOSITORY = Path(__file__).parents[3]


@pytest.mark.parametrize("suite", load_config(REPOSITORY).suites.values(), ids=lambda suite: suite.name)
def test_every_limit_has_advice_and_no_advice_is_for_nothing(suite: Suite) -> None:
    limited = set()
    for benchmark in suite.benchmarks:
        limited |= set(benchmark.thresholds)
        if benchmark.budget:
            limited.add(benchmark.budget.metric.value)
    [advice] = {id(benchmark.advice): benchmark.advice for benchmark in suite.benchmarks}.values()
    assert limited == set(advice)
