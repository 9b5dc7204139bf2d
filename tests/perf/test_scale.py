"""Large results: judging costs no more than pyperf's comparison, measured side by side; memory and pages stay small."""

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
    """What a cell adds: 50 kB are 500 MB for 10 000 cells, of which `make perf` measures 470."""
    few = measure_stage("html", folder).peak_bytes
    many = measure_stage("html", _thrice(folder)).peak_bytes
    assert (many - few) / (2 * ENOUGH_TO_TELL) < 50_000


def test_a_page_of_many_cells_stays_small(folder: Path) -> None:
    """What a cell adds to a page that has shown 500 in full, so that 10 000 of them stay below 30 MB."""
    sizes = []
    for path in (folder, _thrice(folder)):
        measure_stage("html", path)
        sizes.append((path / "report.html").stat().st_size)
    in_full = sizes[0] / ENOUGH_TO_TELL
    brief = (sizes[1] - 500 * in_full) / (3 * ENOUGH_TO_TELL - 500)
    assert 500 * in_full + 9500 * brief < 30_000_000


def _thrice(folder: Path) -> Path:
    path = folder / "thrice"
    if not path.exists():
        path.mkdir()
        prepare(path, cells=3 * ENOUGH_TO_TELL, runs=20)
    return path
