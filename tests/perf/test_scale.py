"""Judging many cells costs no more than pyperf's comparison of the same figures, measured side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from perf.scale import measure_stage, prepare

ENOUGH_TO_TELL = 400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a campaign and what it is compared with."""
    path = tmp_path_factory.mktemp("scale")
    prepare(path, cells=ENOUGH_TO_TELL, runs=20)
    return path


def test_judging_takes_less_than_pyperfs_comparison(folder: Path) -> None:
    """Seconds of the CPU, so that a busy machine changes both; about a quarter as it was measured."""
    assert measure_stage("judge", folder).seconds < 1.5 * measure_stage("pyperf compare_to", folder).seconds


def test_a_large_report_stays_small_in_memory(folder: Path) -> None:
    """What a cell adds to a report, so that 10 000 of them stay below 1 GB."""
    few = measure_stage("html", folder).peak_bytes
    many = measure_stage("html", _twice(folder)).peak_bytes
    assert (many - few) / ENOUGH_TO_TELL < 100_000


def _twice(folder: Path) -> Path:
    path = folder / "twice"
    prepare(path, cells=2 * ENOUGH_TO_TELL, runs=20)
    return path
