"""``memcap check --explain``: what is explained, and why it cannot be. With containers: tests/integration."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from projects import make_project, save_campaign
from repository import Repository, make_repository

from factories import CELL_ID, make_baseline, make_baselines, make_cell, make_oom, make_result, make_runs
from memcap.cli.check import command
from memcap.cli.run import command as run_command
from memcap.config import load_config
from memcap.errors import Interrupted, UsageError
from memcap.model import PROCESS_ENGINE, CampaignResult
from memcap.profile_diff import Explanation
from memcap.report.view import View
from memcap.store import load_baselines, load_result, save_baselines
from memcap.workflows import explain as explaining
from memcap.workflows.caller import SILENT
from memcap.workflows.explain import explain, option_values, worse_cells
from memcap.workflows.judging import Case, ExplainRequest, judged

pytestmark = pytest.mark.allow_processes

HIGHER = make_cell(runs=make_runs((70, 70.1, 70.2, 70.1, 70)))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project, in no repository, with one accepted cell and a result in which it regressed."""
    root = make_project(tmp_path / "project")
    save_baselines(make_baselines(make_baseline()), root / "results" / "baselines")
    save_campaign(root, HIGHER)
    return root


def why_not(root: Path, *, against: str | None = None, result: CampaignResult | None = None) -> str:
    """Return why the one cell cannot be explained."""
    config = load_config(root)
    path = next((root / "results").glob("*.json"))
    baselines = load_baselines(config.baseline_directory)
    asked = ExplainRequest(result=path, against=against)
    stored = judged(Case(config=config, result=load_result(path), baselines=baselines, explained=asked))
    (found,) = explain(replace(stored, result=result or stored.result), SILENT).explained
    assert (found.cell_id, found.diff) == (CELL_ID, None)
    return found.why_not


def commit_all(project: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    repository = make_repository(project, monkeypatch)
    repository.commit()
    return repository


def test_the_exit_code_stays_and_the_reason_is_told(project: Path) -> None:
    found = CliRunner().invoke(command, ["--project", str(project), "--explain"])

    assert found.exit_code == 99
    assert f"{CELL_ID}, what changed by line: not explained:" in " ".join(found.output.split())
    assert "is not in a git repository" in " ".join(found.output.split())

    (each,) = json.loads(
        CliRunner().invoke(command, ["--project", str(project), "--explain", "--json"]).stdout
    )["explained"]  # fmt: skip
    assert each["cell"] == CELL_ID
    assert each["diff"] is None
    assert "git repository" in each["why_not"]


def test_nothing_is_explained_where_nothing_became_worse(project: Path) -> None:
    save_campaign(project, make_cell(), campaign="20261120T050000-quick-1a2b")
    found = CliRunner().invoke(command, ["--project", str(project), "--explain", "--json"])

    assert found.exit_code == 0
    assert json.loads(found.stdout)["explained"] == []


def test_a_baseline_that_is_not_committed_has_no_code(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = make_repository(project, monkeypatch)
    repository.git("add", "limits.toml", "suites", "images")
    repository.git("commit", "--quiet", "--message", "no baselines")

    assert "its baseline is not committed" in why_not(project)


def test_the_base_is_the_commit_in_which_the_baseline_became_what_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository = commit_all(project, monkeypatch)
    accepted = repository.git("rev-parse", "--short=7", "HEAD").strip()
    (project / "suites/agents/notes.txt").write_text("later")
    repository.commit()

    assert explaining._accepted_at(CELL_ID, load_config(project)) == accepted


def test_in_a_shallow_clone_it_is_not_guessed(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = commit_all(project, monkeypatch)
    (project / "notes.txt").write_text("later")
    repository.commit()
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", project.as_uri(), str(clone)], check=True)
    save_campaign(clone, HIGHER)

    assert "this clone is shallow" in why_not(clone)


def test_a_result_says_nothing_of_its_code(project: Path) -> None:
    other = project / "other.json"
    other.write_text("{}")

    assert "does not say which code it was measured with" in why_not(project, against=str(other))


def test_what_ran_without_containers_is_not_profiled(project: Path) -> None:
    result = make_result(HIGHER)
    result = replace(result, environment=replace(result.environment, engine=PROCESS_ENGINE))

    assert "profiles are made in containers" in why_not(project, result=result)


def test_a_cell_that_is_gone_cannot_be_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commit_all(project, monkeypatch)
    suite = project / "suites/agents/suite.toml"
    suite.write_text(suite.read_text().replace("benchmarks.crew_backed", "benchmarks.other"))

    assert "crew_backed" in why_not(project)


def test_a_revision_without_the_cell_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    suite = project / "suites/agents/suite.toml"
    now = suite.read_text()
    suite.write_text(now.replace("benchmarks.crew_backed", "benchmarks.other"))
    repository = commit_all(project, monkeypatch)
    repository.git("tag", "v1")
    suite.write_text(now)

    assert why_not(project, against="v1").endswith("does not have it")
    assert repository.git("worktree", "list").count("\n") == 1


def cells_of(view: View) -> list[str]:
    return [cell.id for cell in worse_cells(view)]


def test_the_worst_come_first_and_only_some_are_profiled(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rises = {"a": 66, "b": 90, "c": 75, "d": 80}
    ids = {name: f"agents.{name}-py312-128m" for name in rises}
    result = make_result(*(make_cell(ids[name], make_runs([size] * 5)) for name, size in rises.items()), make_cell())
    baselines = make_baselines(*(make_baseline(make_cell(cell_id)) for cell_id in ids.values()), make_baseline())
    config = load_config(project)
    asked = ExplainRequest(result=project)
    whole = judged(Case(config=config, result=result, baselines=baselines, explained=asked))
    monkeypatch.setattr(explaining, "_cell_now", lambda *_: (_ for _ in ()).throw(UsageError("not today")))

    assert cells_of(whole.view) == [ids[name] for name in "bdca"]
    found = explain(whole, SILENT).explained
    assert [(each.cell_id, each.why_not) for each in found] == [
        *((ids[name], "not today") for name in "bdc"), (ids["a"], "only the worst 3 cells are profiled")
    ]  # fmt: skip


def test_a_kill_that_is_new_is_explained_too(project: Path) -> None:
    result = make_result(make_cell(runs=[make_oom()] * 5))
    case = Case(config=load_config(project), result=result, baselines=make_baselines(make_baseline()))

    assert cells_of(judged(case).view) == [CELL_ID]


def test_stopping_prints_the_verdicts(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> tuple[Explanation, ...]:
        raise Interrupted("stopped")

    monkeypatch.setattr(explaining, "explain", stopped)
    found = CliRunner().invoke(command, ["--project", str(project), "--explain"])

    assert isinstance(found.exception, Interrupted)
    assert f"REGRESSED: {CELL_ID}" in found.output


def test_values_of_an_option_in_a_command() -> None:
    line = ("memcap", "run", "--base-ref", "main", "--base-image=a:1=b:2", "--base-image", "c=d", "--json")

    assert option_values(line, "--base-ref") == ("main",)
    assert set(option_values(line, "--base-image")) == {"a:1=b:2", "c=d"}
    assert option_values(("memcap", "run"), "--base-ref") == ()


def test_nothing_can_be_explained_that_is_not_checked(project: Path) -> None:
    found = CliRunner().invoke(run_command, ["--project", str(project), "--no-check", "--explain"])

    assert isinstance(found.exception, UsageError)
