"""``memcap selftest`` on stored results, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from factories import make_cell, make_result, make_runs
from memcap.cli.selftest import command
from memcap.errors import FileExistsAlready, UsageError
from memcap.store import save_result

LIMITS = """\
[caps]
128m = "128MiB"
[profiles.quick]
[tolerances.peak]
relative = "1%"
absolute = "256KiB"
[judge]
minimum_runs = 5
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project with a result of two cells, of 20 runs and of 5."""
    root = tmp_path / "project"
    (root / "images").mkdir(parents=True)
    (root / "suites").mkdir()
    (root / "limits.toml").write_text(LIMITS)
    cells = (make_cell(runs=make_runs([64, 64.01, 64.02, 64.03] * 5)), make_cell("agents.few-py312-128m"))
    save_result(make_result(*cells), root / "result.json", overwrite=True)
    return root


def selftest(root: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["--project", str(root), "--resamplings", "20", *arguments])


def test_a_stored_result_is_enough(project: Path) -> None:
    result = selftest(project, "--from", str(project / "result.json"))

    assert result.exit_code == 0, result.output
    assert "False alarms: 0 of 20 suites" in result.output
    assert "Left out: 1 cell," in result.output


def test_json(project: Path) -> None:
    result = selftest(project, "--from", str(project / "result.json"), "--json", "--sample", "5", "--cells", "3")

    document = json.loads(result.output)
    assert document["cells_per_suite"] == 3
    assert document["runs_per_sample"] == 5
    assert document["metrics"]["peak"]["power"]["3%"] == 1


@pytest.mark.parametrize(
    ("words", "message", "remedy"),
    [
        (["--sample", "4"], "says nothing of samples of 4", "--sample 5"),
        (["--runs", "15"], "cannot be drawn from 15", "--runs 20"),
        (["--from", "RESULT", "--sample", "12"], "the most are 20 runs", "--sample 10"),
        (["--from", "RESULT", "--image", "py312"], "measures nothing", "Leave out"),
        (["--from", "RESULT", "--", "true"], "measures nothing", "Leave out"),
        ([], "no images", "--image"),
    ],
)
def test_refusals(project: Path, words: list[str], message: str, remedy: str) -> None:
    result = selftest(project, *(str(project / "result.json") if word == "RESULT" else word for word in words))

    assert isinstance(result.exception, UsageError), result.output
    assert message in result.exception.message
    assert remedy in (result.exception.remedy or "")


def test_an_older_result_is_not_replaced(project: Path) -> None:
    result = selftest(project, "--output", str(project / "result.json"))

    assert isinstance(result.exception, FileExistsAlready)


def test_a_stored_result_needs_no_project(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, ["--from", str(project / "result.json"), "--resamplings", "20"])
    assert result.exit_code == 0, result.output
    assert "unreclaimable_peak" in result.output


def test_without_a_project_an_image_must_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    error = CliRunner().invoke(command, []).exception
    assert isinstance(error, UsageError)
    assert "--image" in str(error)


def test_the_same_as_markdown_and_as_a_page(project: Path, tmp_path: Path) -> None:
    page, markdown = tmp_path / "page.html", tmp_path / "report.md"
    wanted = ("--report", f"html={page}", "--report", f"markdown={markdown}")
    result = selftest(project, "--from", str(project / "result.json"), *wanted)

    assert result.exit_code == 0, result.output
    assert "False alarms: 0 of 20 suites" in page.read_text(encoding="utf-8")
    assert markdown.read_text(encoding="utf-8").startswith("**memcap selftest: Same code twice")
    refused = selftest(project, "--from", str(project / "result.json"), "--report", "junit")
    assert "there is no report format 'junit'" in refused.output
