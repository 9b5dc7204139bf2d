"""The formats that other tools read figures from: CSV, Bencher, github-action-benchmark, pytest-benchmark."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_benchmark.stats import Stats
from served import make_served_cell
from views import hostile_view, view_of_every_verdict

from factories import MIB, make_cell, make_measurement, make_oom, make_result
from memcap.report.bencher import render_bencher
from memcap.report.benchmark_action import render_benchmark_action
from memcap.report.csv import render_csv
from memcap.report.pytest_benchmark import render_pytest_benchmark
from memcap.report.view import build_view

REGRESSED = "agents.regressed-py312-128m"
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_csv_has_a_row_a_run_and_metric() -> None:
    found = rows(render_csv(view_of_every_verdict()))
    peaks = [row for row in found if row["cell"] == REGRESSED and row["metric"] == "peak"]
    assert [(row["run"], row["value"], row["unit"]) for row in peaks][:2] == [
        ("1", str(70 * MIB), "byte"),
        ("2", str(int(70.1 * MIB)), "byte"),
    ]
    extra = [row for row in found if row["metric"] == "entries"]
    assert [(row["value"], row["unit"]) for row in extra] == [("1000.0", "entries")] * 5
    killed = [row for row in found if row["ending"] == "oom_killed"]
    assert {row["oom_kills"] for row in killed} == {"1"}
    lost = [row for row in found if row["ending"] == "lost" and row["metric"] == "peak"]
    assert [row["value"] for row in lost] == [""], "not measured is not 0"


@given(st.text(alphabet=st.one_of(st.sampled_from([*FORMULAS, *"\",;'"]), st.characters()), max_size=10))
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    found = rows(render_csv(hostile_view(text)))
    assert found
    for row in found:
        assert None not in row, "a text has made a column"
        for value in row.values():
            assert not value.startswith(FORMULAS)


def test_csv_has_a_row_for_each_phase_of_a_server() -> None:
    cell = make_served_cell()
    (run, *_) = cell.runs
    assert run.server
    found = rows(render_csv(build_view(make_result(cell))))
    told = {row["metric"]: row["value"] for row in found if row["run"] == "1" and ": " in row["metric"]}
    assert len(told) == len(run.server.phases)
    assert told["unreclaimable_peak: start"] == str(run.server.phases[0].unreclaimable_peak_bytes)


def bencher_is_valid(document: Any) -> bool:
    """Tell whether ``document`` is what Bencher's bmf.json asks for: objects of objects of numbers, with a value."""
    return all(
        name and measure and "value" in figures and all(type(figure) in (int, float) for figure in figures.values())
        for name, measures in document.items()
        for measure, figures in measures.items()
    )


def test_bencher_gets_medians_and_ranges() -> None:
    document = json.loads(render_bencher(view_of_every_verdict()))
    assert bencher_is_valid(document)
    assert document[REGRESSED]["peak-bytes"] == {
        "value": int(70.1 * MIB),
        "lower_value": 70 * MIB,
        "upper_value": int(70.2 * MIB),
    }
    assert document["agents.ending_changed-py312-128m"]["oom-kills"] == {"value": 1}
    assert "agents.gone-py312-128m" not in document


@given(st.text(max_size=20))
def test_bencher_gets_a_valid_file_whatever_the_names(text: str) -> None:
    assert bencher_is_valid(json.loads(render_bencher(hostile_view(text))))


def test_benchmark_action_gets_memory_alone() -> None:
    entries = json.loads(render_benchmark_action(view_of_every_verdict()))
    names = [entry["name"] for entry in entries]
    assert len(set(names)) == len(names)
    assert {entry["unit"] for entry in entries} == {"bytes"}
    assert {type(entry["value"]) for entry in entries} <= {int, float}
    assert entries[0] == {
        "name": f"{REGRESSED}/peak",
        "unit": "bytes",
        "value": int(70.1 * MIB),
        "range": f"± {int(70.1 * MIB) - 70 * MIB}",
        "extra": "runs: 5\ncap: 134217728 bytes\nimage: py312\nverdict: regressed",
    }


@given(st.lists(st.floats(0.001, 1000), min_size=1, max_size=20))
def test_statistics_for_pytest_benchmark_are_its_own(seconds: list[float]) -> None:
    """The quartiles are left out: it knows three ways, and takes another one of them for odd numbers of values."""
    cell = make_cell(runs=[make_measurement(wall_seconds=value) for value in seconds])
    (entry,) = json.loads(render_pytest_benchmark(build_view(make_result(cell))))["benchmarks"]
    stats: Any = Stats()  # type: ignore[no-untyped-call]
    for value in seconds:
        stats.update(value)
    theirs = stats.as_dict()
    assert set(theirs) | {"data", "iterations"} == set(entry["stats"])
    for name in ("min", "max", "mean", "stddev", "rounds", "median", "ops", "total"):
        assert entry["stats"][name] == pytest.approx(theirs[name], rel=1e-9, abs=1e-9), name


def test_runs_that_were_killed_are_counted_apart_for_pytest_benchmark() -> None:
    view = build_view(make_result(make_cell(runs=[make_oom(), make_measurement(60), make_measurement(61)])))
    (entry,) = json.loads(render_pytest_benchmark(view))["benchmarks"]
    assert entry["stats"]["rounds"] == 2
    assert entry["extra_info"]["endings"] == {"completed": 2, "oom_killed": 1}
    assert entry["extra_info"]["benchmem"] == {
        "peak_bytes": [60 * MIB, 61 * MIB],
        "allocations": [0, 0],
        "total_bytes": [0, 0],
        "rss_bytes": [68 * MIB, 69 * MIB],
        "unreclaimable_peak_bytes": [59 * MIB, 60 * MIB],
    }


@pytest.mark.allow_processes
def test_pytest_benchmark_itself_compares_two_files(tmp_path: Path) -> None:
    slower = make_cell(runs=[make_measurement(wall_seconds=value) for value in (2.0, 2.1, 2.2)])
    for name, cell in {"base": make_cell(), "head": slower}.items():
        (tmp_path / f"{name}.json").write_text(render_pytest_benchmark(build_view(make_result(cell))))
    ended = subprocess.run(
        [sys.executable, "-m", "pytest_benchmark", "compare", "base.json", "head.json", "--columns=median,rounds"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert "agents.crew_backed-py312-128m (base)" in ended.stdout
    assert "2.1000 (1.68)" in ended.stdout
    assert "WARNING" not in ended.stderr
