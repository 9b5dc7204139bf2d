"""``memcap report`` and ``--report``: from files to files, and what GitHub Actions is told."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from factories import CELL_ID, make_baseline, make_baselines, make_cell, make_oom, make_result, make_runs
from memcap.cli import check, report
from memcap.errors import FileExistsAlready, UsageError
from memcap.model import CampaignResult
from memcap.report.formats import FORMATS
from memcap.store import result_path, save_baselines, save_result

LIMITS = '[caps]\n128m = "128MiB"\n[profiles.quick]\n[tolerances.peak]\nrelative = "2%"\nabsolute = "1MiB"\n'
SUITE = '[suite]\ndescription = "x"\n\n[benchmarks.crew_backed]\ncommand = ["true"]\n'
HIGHER = make_cell(runs=make_runs((70, 70.1, 70.2, 70.1, 70)))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project, which is the working folder, with a result that is worse than its baseline."""
    for name, text in {"limits.toml": LIMITS, "suites/agents/suite.toml": SUITE, "images/py312/Dockerfile": ""}.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    save_baselines(make_baselines(make_baseline()), tmp_path / "results" / "baselines")
    result = make_result(HIGHER)
    save_result(result, result_path(tmp_path / "results", result.id), overwrite=False)
    for name in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT", "GITHUB_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _report(*arguments: str) -> Result:
    return CliRunner().invoke(report.command, list(arguments))


def _check(*arguments: str) -> Result:
    return CliRunner().invoke(check.command, list(arguments))


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", [each.name for each in FORMATS])
def test_every_format_is_printed_and_only_check_fails(name: str) -> None:
    result = _report("--format", name)
    assert result.exit_code == 0, result.output
    assert CELL_ID in result.output


@pytest.mark.usefixtures("project")
def test_the_default_is_what_check_prints() -> None:
    assert _report().output == _check().output


def test_a_file_is_written_and_not_overwritten_unasked(project: Path) -> None:
    assert _report("-f", "markdown", "-o", "out/memory.md").output == ""
    written = (project / "out" / "memory.md").read_text(encoding="utf-8")
    assert written.startswith("**❌ memcap: Failed: 1 regressed. (exit code 99)**")
    assert isinstance(_report("-f", "csv", "-o", "out/memory.md").exception, FileExistsAlready)
    assert _report("-f", "csv", "-o", "out/memory.md", "--force").exit_code == 0
    assert (project / "out" / "memory.md").read_text(encoding="utf-8").startswith("campaign,")


def test_charts_are_written_beside_the_report(project: Path) -> None:
    result = _report("--charts", "charts")
    assert result.exit_code == 0, result.output
    assert "files in charts" in result.output
    assert {path.suffix for path in (project / "charts").iterdir()} == {".svg", ".png"}


@pytest.mark.allow_processes  # git: a.json could be a revision
def test_outside_a_project_a_result_is_judged_against_what_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_result(make_result(make_cell()), Path("a.json"), overwrite=False)
    save_result(make_result(HIGHER), Path("b.json"), overwrite=False)
    assert "REGRESSED" in _report("b.json", "--against", "a.json").output
    alone = _report("b.json")
    assert (alone.exit_code, "regressed" in alone.output.lower()) == (0, False)
    assert "memcap init" in str(_report().exception)


@pytest.mark.parametrize("options", [(), ("--no-check",), ("RESULT", "--no-check")])
def test_two_projects_of_one_repository_have_names_of_their_own(
    project: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    moved = project / "services" / "api"
    moved.mkdir(parents=True)
    (project / ".git").mkdir()
    for name in ("limits.toml", "suites", "images", "results"):
        (project / name).rename(moved / name)
    monkeypatch.chdir(moved)
    stored = str(next((moved / "results").glob("*.json")))
    arguments = [stored if each == "RESULT" else each for each in options]
    junit, bencher = (_report(*arguments, "-f", name).output for name in ("junit", "bencher"))
    (case,) = ET.fromstring(junit).iter("testcase")
    assert case.attrib["classname"] == "memcap.services/api.agents"
    assert list(json.loads(bencher)) == [f"services/api/{CELL_ID}"]


def test_without_a_project_a_result_is_rendered_unjudged(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    monkeypatch.chdir(elsewhere)
    result = _report(str(next((project / "results").glob("*.json"))), "--no-check", "-f", "markdown")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("**✅ memcap: All 5 runs ended as expected")
    assert "regressed" not in result.output


@pytest.mark.allow_processes  # git: is it a revision?
def test_it_may_be_judged_by_another_result(project: Path) -> None:
    other = str(next((project / "results").glob("*.json")))
    assert "1 unchanged" in _report("--against", other).output
    assert isinstance(_report("--against", other, "--no-check").exception, UsageError)


def test_check_writes_the_reports_that_it_is_asked_for(project: Path) -> None:
    (project / "memcap-junit.xml").write_text("older")
    result = _check("--report", "junit", "--report", "csv=deep/runs.csv")
    assert result.exit_code == 99
    assert "report: memcap-junit.xml" in result.stderr
    assert ET.parse(project / "memcap-junit.xml").getroot().get("failures") == "1"
    assert (project / "deep" / "runs.csv").read_text(encoding="utf-8").count("\n") > 20


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(("wanted", "told"), [("jnuit", "Did you mean 'junit'?"), ("csv=", "name of the file")])
def test_a_mistake_in_a_report_is_told_first(wanted: str, told: str) -> None:
    result = _check("--report", wanted)
    assert (result.exit_code, result.stdout) == (2, "")
    assert told in result.stderr


def test_github_is_told_three_times(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    summary, output = project / "summary.md", project / "output"
    summary.write_text("before\n")
    for name, value in (("STEP_SUMMARY", summary), ("OUTPUT", output), ("WORKSPACE", project)):
        monkeypatch.setenv(f"GITHUB_{name}", str(value))
    result = _check("--report", "github")
    assert f"::error file=suites/agents/suite.toml,line=4,title=memcap%3A regressed%3A {CELL_ID}::" in result.stdout
    assert summary.read_text(encoding="utf-8").startswith("before\n**❌ memcap: Failed: 1 regressed. (exit code 99)**")
    assert output.read_text(encoding="utf-8") == "verdict=regressed\n"


@pytest.mark.usefixtures("project")
def test_annotations_do_not_spoil_json() -> None:
    result = _check("--report", "github", "--json")
    assert json.loads(result.stdout)["exit_code"] == 99
    assert result.stderr.startswith("::error ")


def test_a_summary_that_cannot_be_written_is_an_error_with_a_remedy(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "missing" / "summary"))
    result = _check("--report", "github")
    assert "summary could not be written" in str(result.exception)


def test_without_a_result_the_message_says_what_to_do(project: Path) -> None:
    next((project / "results").glob("*.json")).unlink()
    assert isinstance(_report().exception, UsageError)


def _saved(path: Path, day: int, *cells: str) -> CampaignResult:
    """Save a run of that day under its id."""
    result = make_result(
        *map(make_cell, cells or (CELL_ID,)),
        id=f"202611{day:02}T090000-quick-beef",
        started=f"2026-11-{day:02}T09:00:00+00:00",
    )
    save_result(result, path / f"{result.id}.json", overwrite=False)
    return result


def test_a_history_is_of_all_runs_of_the_project(project: Path) -> None:
    for day in (21, 22):
        _saved(project / "results", day)
    result = _report("--format", "otava")
    header, *rows = result.stdout.splitlines()

    assert result.exit_code == 0, result.output
    assert header.startswith("time,campaign,")
    assert [row[:10] for row in rows] == ["2026-11-20", "2026-11-21", "2026-11-22"]


def test_a_history_takes_files_and_folders_and_needs_no_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for day in (1, 2):
        _saved(tmp_path / "old", day)
    third = _saved(tmp_path, 3)
    result = _report("old", f"{third.id}.json", "-f", "otava")

    assert [row[:10] for row in result.stdout.splitlines()[1:]] == ["2026-11-01", "2026-11-02", "2026-11-03"]


@pytest.mark.usefixtures("project")
def test_a_folder_has_a_file_for_each_cell_and_the_configuration(tmp_path: Path) -> None:
    _saved(tmp_path / "results", 21, CELL_ID, "agents.other-py312-128m")
    assert isinstance(_report("-f", "otava").exception, UsageError)
    result = _report("-f", "otava", "-o", "out/history")

    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out" / "history").iterdir()} == {
        f"{CELL_ID}.csv", "agents.other-py312-128m.csv", "otava.yaml",
    }  # fmt: skip
    assert f"otava analyze --config-file out/history/otava.yaml {CELL_ID}" in " ".join(result.output.split())
    assert isinstance(_report("-f", "otava", "-o", "out/history").exception, FileExistsAlready)
    assert _report("-f", "otava", "-o", "out/history", "--force").exit_code == 0


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("a.json", "b.json"), "a report is of one"),
        (("results",), "is a folder"),
        (("-f", "csv", "-o", "results"), "is a folder"),
        (("-f", "otava", "--against", "main"), "judges nothing"),
        (("-f", "otava", "--charts", "charts"), "has no charts"),
        (("--metrics-port", "0", "-f", "csv"), "writes nothing"),
        (("--metrics-port", "0", "-o", "a.txt"), "writes nothing"),
        (("-f", "otava", "empty"), "no results in empty"),
    ],
)
def test_what_means_nothing_together_is_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    (tmp_path / "empty").mkdir()
    error = _report(*options).exception

    assert isinstance(error, UsageError)
    assert words in error.message
    assert error.remedy


@pytest.mark.usefixtures("project")
def test_results_without_figures_are_named(tmp_path: Path) -> None:
    killed = make_result(
        make_cell("agents.killed-py312-128m", [make_oom()]),
        id="20261125T090000-quick-dead",
        started="2026-11-25T09:00:00",
    )
    save_result(killed, tmp_path / "results" / f"{killed.id}.json", overwrite=False)

    assert "left out, as no run ended as expected: agents.killed-py312-128m" in _report("-f", "otava").output
    error = _report("-f", "otava", f"results/{killed.id}.json").exception
    assert isinstance(error, UsageError)
    assert "no figures in" in error.message
