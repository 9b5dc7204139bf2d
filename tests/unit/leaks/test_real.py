"""The verdict on programs that really ran (`leaks.record`): what each of them does is known."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from memcap.leaks import LeakClass, Series, judge_series

FOLDER = Path(__file__).resolve().parents[2] / "leaks" / "real"
TRUTH = {
    "idle": {LeakClass.FLAT},
    "leak_bytes": {LeakClass.LINEAR_LEAK},
    "leak_objects": {LeakClass.LINEAR_LEAK},
    "leak_dict": {LeakClass.LINEAR_LEAK},
    "leak_and_cycles": {LeakClass.LINEAR_LEAK},
    "cycles": {LeakClass.SAWTOOTH, LeakClass.PERIODIC},  # the latter where a tooth has few samples
    "bounded_deque": {LeakClass.BOUNDED_CACHE},
    "lru_cache": {LeakClass.BOUNDED_CACHE},
    "churn": {LeakClass.FLAT, LeakClass.SAWTOOTH},
    "jobs": {LeakClass.PERIODIC},
    "jobs_kept": {LeakClass.STEP, LeakClass.BOUNDED_CACHE},
}


@pytest.mark.parametrize("every", [1, 4, 8])
@pytest.mark.parametrize("name", sorted(TRUTH))
def test_each_program_is_called_what_it_is(name: str, every: int) -> None:
    recorded = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))

    verdict = judge_series(Series(seconds=recorded["seconds"][::every], values=recorded["bytes"][::every]))

    assert verdict.kind in TRUTH[name]


@pytest.mark.parametrize("name", ["leak_bytes", "leak_and_cycles"])
def test_three_megabytes_a_minute_are_measured(name: str) -> None:
    recorded = json.loads(gzip.decompress((FOLDER / f"{name}.json.gz").read_bytes()))

    rate = judge_series(Series(seconds=recorded["seconds"], values=recorded["bytes"])).per_hour

    assert rate is not None
    assert rate.estimate == pytest.approx(180_000_000, rel=0.08)


def test_all_recorded_programs_are_judged() -> None:
    assert {path.name.removesuffix(".json.gz") for path in FOLDER.glob("*.json.gz")} == set(TRUTH)
