"""Our result files through the real pyperf: its command line and its loader."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyperf
import pytest

from factories import MIB, make_cell, make_image, make_measurement, make_oom, make_result, make_runs
from memcap.errors import FileFormatError
from memcap.model import NO_CAP_BYTES, Cap, Ending, Measurement
from memcap.store import load_result, save_result

CELL, OTHER = "agents.crew_backed-py312-128m", "streams.leaky-py313-128m"
UNCAPPED = "agents.crew-py312-uncapped"


def _pyperf(*arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "pyperf", *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "new.json"
    cells = (
        make_cell(CELL),
        make_cell(OTHER, [make_oom(), make_measurement(62.5, peak_bytes=0), make_measurement(61)]),
        make_cell("streams.lost-py312-128m", [Measurement(ending=Ending.LOST)]),
    )
    save_result(make_result(*cells), path, overwrite=False)
    return path


@pytest.mark.allow_processes
def test_its_commands_read_our_file(saved: Path, tmp_path: Path) -> None:
    older = tmp_path / "old.json"
    save_result(make_result(make_cell(CELL, make_runs((50, 50.1, 50.2, 50.1, 50)))), older, overwrite=False)
    assert f"{CELL}/peak" in _pyperf("show", saved)
    assert "Median +- MAD:   62.5 MiB +- 0 bytes" in _pyperf("stats", saved)
    assert "#" in _pyperf("hist", saved)
    compared = _pyperf("compare_to", older, saved)
    assert f"{CELL}/peak" in compared
    assert "1.25x" in compared


def test_names_units_and_values(saved: Path) -> None:
    suite = pyperf.BenchmarkSuite.load(str(saved))
    assert sorted(suite.get_benchmark_names())[:5] == [
        f"{CELL}/{metric}" for metric in ("cpu", "peak", "rss_peak", "unreclaimable_peak", "wall")
    ]
    peak = suite.get_benchmark(f"{CELL}/peak")
    assert peak.get_unit() == "byte"
    assert peak.get_nrun() == 5
    assert next(run.values for run in peak.get_runs()) == (int(62.5 * MIB),)
    assert peak.get_total_duration() == 5 * 1.25, "of five runs of 1.25 s, not a sum of bytes"
    assert peak.get_metadata()["hostname"] == "memcap"
    assert peak.get_metadata()["python_version"] == "3.12.7"
    assert suite.get_benchmark(f"{CELL}/wall").get_unit() == "second"


def test_runs_without_a_value_are_counted_not_shown(saved: Path) -> None:
    peak = pyperf.BenchmarkSuite.load(str(saved)).get_benchmark(f"{OTHER}/peak")
    assert peak.get_nrun() == 1
    assert peak.get_metadata()["memcap_runs_without_value"] == 2


@pytest.mark.parametrize("size", [NO_CAP_BYTES, 2**63 - 4096])
def test_a_cap_that_is_none_is_no_metadata_and_loads_as_it_was(tmp_path: Path, size: int) -> None:
    result, path = make_result(make_cell(UNCAPPED, cap=Cap(name="uncapped", bytes=size))), tmp_path / "uncapped.json"
    save_result(result, path, overwrite=False)
    peak = pyperf.BenchmarkSuite.load(str(path)).get_benchmark(f"{UNCAPPED}/peak")
    assert "memcap_cap_bytes" not in peak.get_metadata()
    assert load_result(path) == result


def test_a_file_that_pyperf_rewrote_is_refused_with_the_reason(saved: Path, tmp_path: Path) -> None:
    pyperf.BenchmarkSuite.load(str(saved)).dump(str(tmp_path / "rewritten.json"))
    with pytest.raises(FileFormatError, match="without memcap's part"):
        load_result(tmp_path / "rewritten.json")


def test_text_that_pyperf_refuses_is_made_fit(tmp_path: Path) -> None:
    result = make_result(images={"py312": make_image(reference=" a\nb ", python=None)})
    save_result(result, tmp_path / "r.json", overwrite=False)
    (metadata,) = {
        json.dumps(each.get_metadata()["memcap_image"]) for each in pyperf.BenchmarkSuite.load(str(tmp_path / "r.json"))
    }
    assert json.loads(metadata) == r"a\nb"
    assert load_result(tmp_path / "r.json") == result
