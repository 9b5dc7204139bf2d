"""Baselines as git remembers them, in real repositories."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from repository import Repository, make_repository

from factories import CELL_ID, make_baseline, make_baselines, make_cell, make_runs
from memcap.errors import FileFormatError, NewerSchemaError, UsageError
from memcap.model import Baseline, CellHistory
from memcap.store import baseline_history, baselines_at, find_commit, remove_baselines, save_baselines, user_name
from memcap.store.git import versions

pytestmark = pytest.mark.allow_processes

OTHER_ID = "agents.llm-py312-128m"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository whose project, in the folder "bänch", has a baseline at the tag `first`."""
    (tmp_path / "bänch").mkdir()
    found = make_repository(tmp_path, monkeypatch)
    _save(found, make_baseline())
    found.commit("the first")
    found.git("tag", "first")
    return found


def _project(repository: Repository) -> Path:
    return repository.root / "bänch"


def _folder(repository: Repository) -> Path:
    return _project(repository) / "results" / "baselines"


def _save(repository: Repository, *baselines: Baseline) -> None:
    save_baselines(make_baselines(*baselines), _folder(repository))


def _higher(peak: float, cell_id: str = CELL_ID) -> Baseline:
    return make_baseline(make_cell(cell_id, make_runs([peak] * 5)))


def _histories(repository: Repository) -> dict[str, CellHistory]:
    found = baseline_history(_project(repository), _folder(repository))
    assert found.unreadable == ()
    return {each.cell_id: each for each in found.cells}


def test_baselines_of_a_revision(repository: Repository) -> None:
    _save(repository, _higher(70))
    first = find_commit(_project(repository), "first")
    assert first == repository.git("rev-parse", "first").strip()
    found = baselines_at(_project(repository), _folder(repository), first, revision="first")
    assert found == make_baselines(make_baseline())


@pytest.mark.parametrize("revision", ["nowhere", "", "-h", "--git-dir", "first:bänch", "a b", "HEAD~9"])
def test_what_is_no_revision_is_none(repository: Repository, revision: str) -> None:
    assert find_commit(_project(repository), revision) is None


def test_a_revision_before_the_baselines_has_none(repository: Repository) -> None:
    repository.git("checkout", "--quiet", "--orphan", "bare")
    repository.git("rm", "-r", "--quiet", "--force", ".")
    empty = repository.commit()
    repository.git("switch", "--quiet", "main")
    with pytest.raises(UsageError, match="no baselines at bare: results/baselines is missing"):
        baselines_at(_project(repository), _folder(repository), empty, revision="bare")


def test_a_malformed_file_of_a_revision_is_named_with_the_revision(repository: Repository) -> None:
    path = _folder(repository) / "agents.json"
    for text, error in (("{", FileFormatError), ('{"schema": 9}', NewerSchemaError), (b"\xff", FileFormatError)):
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        commit = repository.commit()
        with pytest.raises(error, match=r"^main:results/baselines/agents\.json"):
            baselines_at(_project(repository), _folder(repository), commit, revision="main")


def test_outside_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "p").mkdir()
    with pytest.raises(UsageError, match="is not in a git repository"):
        find_commit(tmp_path / "p", "main")


def test_without_git_there_is_no_name_and_no_history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert user_name(tmp_path) is None
    with pytest.raises(UsageError, match="git was not found"):
        find_commit(tmp_path, "main")


def test_a_hooks_environment_does_not_mislead(repository: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", ".git")
    assert find_commit(_project(repository), "first") is not None


def test_the_history_of_a_cell_is_its_changes_newest_first(repository: Repository) -> None:
    _save(repository, make_baseline(), _higher(50, OTHER_ID))
    repository.commit("another cell")
    _save(repository, _higher(70), _higher(50, OTHER_ID))
    last = repository.commit("higher")
    found = _histories(repository)[CELL_ID].versions
    assert [each.baseline for each in found] == [_higher(70), make_baseline()]
    assert found[0].commit == last[:7]
    assert found[0].author == "Ada Lovelace"
    assert found[0].date == repository.git("log", "-1", "--format=%ad", "--date=short").strip()
    assert len(_histories(repository)[OTHER_ID].versions) == 1


def test_what_is_not_committed_is_the_newest(repository: Repository) -> None:
    _save(repository, _higher(70))
    newest, oldest = _histories(repository)[CELL_ID].versions
    assert (newest.commit, newest.baseline) == (None, _higher(70))
    assert oldest.commit is not None


def test_removed_cells_and_those_that_came_back_are_told(repository: Repository) -> None:
    _save(repository, make_baseline(), _higher(50, OTHER_ID))
    repository.commit()
    remove_baselines([OTHER_ID], _folder(repository))
    repository.commit()
    assert [each.baseline for each in _histories(repository)[OTHER_ID].versions] == [None, _higher(50, OTHER_ID)]
    _save(repository, make_baseline(), _higher(51, OTHER_ID))
    assert [bool(each.baseline) for each in _histories(repository)[OTHER_ID].versions] == [True, False, True]
    assert len(_histories(repository)[CELL_ID].versions) == 1


def test_a_merge_is_one_change_and_its_branch_none(repository: Repository) -> None:
    repository.git("switch", "--quiet", "--create", "side", "first")
    for peak in (80, 90):
        _save(repository, _higher(peak))
        repository.commit()
    repository.git("switch", "--quiet", "main")
    (repository.root / "unrelated").write_text("")
    repository.commit()
    repository.git("merge", "--quiet", "--no-ff", "--message=merge", "side")
    found = _histories(repository)[CELL_ID].versions
    assert [each.baseline for each in found] == [_higher(90), make_baseline()]
    assert found[0].commit == repository.git("rev-parse", "HEAD")[:7]


def test_a_project_that_moved_keeps_its_history(repository: Repository) -> None:
    repository.git("mv", "bänch", "memory")
    repository.commit("move")
    project = repository.root / "memory"
    assert [each.path for each in versions(project, "results/baselines/agents.json")] == [
        "memory/results/baselines/agents.json",
        "bänch/results/baselines/agents.json",
    ]
    (cell,) = baseline_history(project, project / "results" / "baselines").cells
    assert len(cell.versions) == 1


def test_versions_that_cannot_be_read_are_told_and_passed_over(repository: Repository) -> None:
    path = _folder(repository) / "agents.json"
    path.write_text("<<<<<<< HEAD")
    conflict = repository.commit()[:7]
    document = json.loads(repository.git("show", "first:bänch/results/baselines/agents.json"))
    path.write_text(json.dumps({**document, "schema": 9}))
    newer = repository.commit()[:7]
    _save(repository, _higher(70))
    repository.commit()
    found = baseline_history(_project(repository), _folder(repository))
    assert [each.baseline for each in found.cells[0].versions] == [_higher(70), make_baseline()]
    told = [line.replace("bänch/", "") for line in found.unreadable]
    assert told[0].startswith(f"{conflict}:results/baselines/agents.json:1: git left a merge conflict")
    assert told[1].startswith(f"{newer}:results/baselines/agents.json: schema: written with schema 9")


def test_a_repository_without_commits_has_what_is_in_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_repository(tmp_path, monkeypatch)
    save_baselines(make_baselines(make_baseline()), tmp_path / "baselines")
    (cell,) = baseline_history(tmp_path, tmp_path / "baselines").cells
    assert [(each.commit, each.baseline) for each in cell.versions] == [(None, make_baseline())]


def test_a_shallow_clone_says_that_it_is_one(repository: Repository, tmp_path: Path) -> None:
    _save(repository, _higher(70))
    repository.commit()
    clone = tmp_path / "clone"
    subprocess.run(
        ["git", "clone", "--quiet", "--depth=1", repository.root.as_uri(), str(clone)], check=True, capture_output=True
    )
    project = clone / "bänch"
    found = baseline_history(project, project / "results" / "baselines")
    assert len(found.cells[0].versions) == 1
    assert "shallow" in found.unreadable[0]
