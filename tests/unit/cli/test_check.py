"""``memcap check`` on a real project folder, from files to exit code."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from factories import CELL_ID, make_baseline, make_baselines, make_cell, make_oom, make_result, make_runs
from memcap.cli.check import command
from memcap.config import NoProject
from memcap.errors import ConfigError, FileFormatError, MemcapError, NewerSchemaError, UsageError
from memcap.store import result_path, save_baselines, save_result

LIMITS = """\
[caps]
128m = "128MiB"
[profiles.quick]
[tolerances.peak]
relative = "2%"
absolute = "1MiB"
[judge]
minimum_runs = 5
"""
HIGHER = make_cell(runs=make_runs((70, 70.1, 70.2, 70.1, 70)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with one accepted cell and a result that agrees with it."""
    root = tmp_path / "project"
    for folder in ("suites/agents", "images/py312"):
        (root / folder).mkdir(parents=True)
    (root / "limits.toml").write_text(LIMITS)
    (root / "suites/agents/suite.toml").write_text('[benchmarks.crew_backed]\ncommand = ["true"]\n')
    (root / "images/py312/Dockerfile").write_text("FROM scratch\n")
    save_baselines(make_baselines(make_baseline()), root / "results" / "baselines")
    _save(root, make_cell())
    return root


def _save(root: Path, *cells: object, campaign: str = "20261120T043000-quick-1a2b") -> Path:
    path = result_path(root / "results", campaign)
    save_result(make_result(*cells, id=campaign), path, overwrite=True)  # type: ignore[arg-type]
    return path


def _check(root: Path, *arguments: str | Path) -> Result:
    return CliRunner().invoke(command, ["--project", str(root), *map(str, arguments)])


def _error(result: Result) -> MemcapError:
    assert isinstance(result.exception, MemcapError), result.output
    return result.exception


def test_an_unchanged_result_exits_with_0(project: Path) -> None:
    result = _check(project)
    assert result.exit_code == 0, result.output
    assert f"{CELL_ID}  unchanged" in result.output
    assert result.output.startswith("1 unchanged.\n")


def test_a_regression_exits_with_99_and_names_the_way_on(project: Path) -> None:
    result = _check(project, _save(project, HIGHER))
    assert result.exit_code == 99
    assert f"REGRESSED: {CELL_ID}" in result.output
    assert "memcap baseline accept" in result.output


def test_an_unexpected_oom_exits_with_97(project: Path) -> None:
    assert _check(project, _save(project, make_cell(runs=[make_oom()] * 3))).exit_code == 97


def test_the_newest_result_is_checked(project: Path) -> None:
    _save(project, HIGHER, campaign="20261121T000000-quick-0000")
    assert _check(project).exit_code == 99
    _save(project, make_cell(), campaign="20261122T000000-quick-0000")
    assert _check(project).exit_code == 0


def test_a_planned_cell_that_was_not_measured_exits_with_95(project: Path) -> None:
    path = project / "results" / "other.json"
    save_result(replace(make_result(), cells=()), path, overwrite=False)
    result = _check(project, path)
    assert result.exit_code == 95
    assert f"GONE: {CELL_ID}" in result.output


@pytest.mark.allow_processes  # git is asked whether it has the name too
def test_something_else_may_be_compared_with(project: Path, tmp_path: Path) -> None:
    save_result(make_result(HIGHER), tmp_path / "other.json", overwrite=False)
    result = _check(project, "--against", tmp_path / "other.json")
    assert result.exit_code == 0
    assert "improved" in result.output
    assert f"compared with 1 baseline of {tmp_path / 'other.json'}" in result.stderr


def test_json_says_the_same_as_the_exit_code(project: Path) -> None:
    result = _check(project, _save(project, HIGHER), "--json")
    document = json.loads(result.output)
    assert (result.exit_code, document["exit_code"]) == (99, 99)
    assert document["cells"][0]["metrics"]["peak"]["verdict"] == "regressed"


def test_verbose_adds_the_metrics(project: Path) -> None:
    assert "MAD" not in _check(project).output.replace("± MAD", "")
    assert "rss_peak: median 70.5 MiB" in _check(project, "--verbose").output


def test_without_a_result_the_message_says_what_to_do(project: Path) -> None:
    next((project / "results").glob("*.json")).unlink()
    assert "memcap run" in _error_as(_check(project), UsageError).remedy


def test_a_malformed_result_and_a_malformed_baseline_are_told_apart_by_name(project: Path) -> None:
    (project / "results" / "20270101T000000-quick-0000.json").write_text("{")
    assert "quick-0000.json:1:2" in _error_as(_check(project), FileFormatError).message
    (project / "results" / "20270101T000000-quick-0000.json").unlink()
    (project / "results" / "baselines" / "agents.json").write_text('{"schema": 2}')
    message = _error_as(_check(project), FileFormatError).message
    assert "agents.json is malformed" in message
    assert "cells: is missing" in message


def test_a_result_of_a_newer_memcap_says_upgrade(project: Path) -> None:
    path = project / "results" / "20270101T000000-quick-0000.json"
    path.write_text('{"version": "1.0", "benchmarks": [], "memcap": {"schema": 7}}')
    assert "Upgrade" in _error_as(_check(project), NewerSchemaError).remedy


def test_a_folder_that_is_no_project_cannot_be_named_as_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    _error_as(_check(tmp_path / "empty"), ConfigError)


@pytest.fixture
def _nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work outside of any project, with a result and a worse one."""
    monkeypatch.chdir(tmp_path)
    save_result(make_result(make_cell()), Path("a.json"), overwrite=False)
    save_result(make_result(HIGHER), Path("b.json"), overwrite=False)


@pytest.mark.allow_processes  # git: a.json could be a revision
@pytest.mark.usefixtures("_nowhere")
def test_two_files_are_compared_outside_a_project_by_the_default_tolerances() -> None:
    assert CliRunner().invoke(command, ["a.json", "--against", "a.json"]).exit_code == 0
    worse = CliRunner().invoke(command, ["b.json", "--against", "a.json"])
    assert worse.exit_code == 99, worse.output


@pytest.mark.usefixtures("_nowhere")
@pytest.mark.parametrize("arguments", [[], ["b.json"], ["b.json", "--against", "a.json", "--explain"]])
def test_what_needs_a_project_names_init(arguments: list[str]) -> None:
    error = _error_as(CliRunner().invoke(command, arguments), NoProject)
    assert "memcap init" in str(error)
    assert "problem" not in str(error)


def _error_as(result: Result, kind: type[MemcapError]) -> MemcapError:
    error = _error(result)
    assert type(error) is kind
    return error
