"""What `memcap check --against` takes a name for."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import make_project
from repository import Repository, make_repository

from factories import CELL_ID, make_baseline, make_baselines, make_cell, make_oom, make_result, make_runs
from memcap.cli.progress import say
from memcap.config import load_config
from memcap.errors import FileFormatError, SelectionError, UsageError
from memcap.model import Accepted, Baselines, Config
from memcap.store import save_baselines, save_result
from memcap.workflows.against import load_against as load_against_measured

pytestmark = pytest.mark.allow_processes

OTHER_ID = "agents.llm-py312-128m"
OURS = make_baselines(make_baseline())
OTHERS = make_baselines(make_baseline(make_cell(runs=make_runs((70, 71, 72)))))


def load_against(config: Config, text: str | None, *, cell_id: str = CELL_ID) -> Baselines:
    return load_against_measured(config, text, measured=make_result(make_cell(cell_id)), tell=say)


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository with a project at its top, where the current folder is too, and the tag `v1`."""
    found = make_repository(tmp_path, monkeypatch)
    save_baselines(OTHERS, make_project(tmp_path) / "results" / "baselines")
    found.commit()
    found.git("tag", "v1")
    save_baselines(OURS, tmp_path / "results" / "baselines")
    monkeypatch.chdir(tmp_path)
    return found


@pytest.fixture
def config(repository: Repository) -> Config:
    return load_config(repository.root)


def test_nothing_named_is_the_projects_own(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_against(config, None) == OURS
    assert capsys.readouterr().err == ""


def test_a_revision(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    assert load_against(config, "v1") == OTHERS
    assert capsys.readouterr().err == "compared with 1 baseline of v1\n"


@pytest.mark.parametrize("revision", ["main", "HEAD", "v1^{commit}", "refs/tags/v1", "main@{0}"])
def test_a_revision_is_whatever_git_takes_for_one(config: Config, revision: str) -> None:
    assert load_against(config, revision) == OTHERS


def test_a_folder(config: Config, tmp_path: Path) -> None:
    save_baselines(OTHERS, tmp_path / "elsewhere")
    assert load_against(config, "elsewhere") == OTHERS


def test_a_folder_without_baselines_names_the_one_below_it(config: Config, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no baselines in") as caught:
        load_against(config, str(tmp_path))
    assert caught.value.remedy == f"Did you mean {tmp_path / 'results' / 'baselines'}?"
    with pytest.raises(UsageError) as caught:
        load_against(config, "images")
    assert "<suite>.json" in caught.value.remedy


def test_a_baseline_file_by_any_name(config: Config, tmp_path: Path) -> None:
    odd = make_baselines(make_baseline(accepted=Accepted(reason='"memcap": is not a key here', by="memcap")))
    (path,) = save_baselines(odd, tmp_path / "elsewhere")
    assert load_against(config, str(path.rename(tmp_path / "old.json"))) == odd


def test_a_result_without_what_ended_otherwise_which_is_told(
    config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cells = (make_cell(runs=[*make_runs((70, 71, 72)), make_oom()]), make_cell(OTHER_ID, [make_oom()]))
    save_result(make_result(*cells), tmp_path / "r.json", overwrite=False)
    found = load_against(config, "r.json")
    assert found.cells[CELL_ID].says_the_same_as(OTHERS.cells[CELL_ID])
    assert list(found.cells) == [CELL_ID]
    assert capsys.readouterr().err == (
        "left out of the comparison:\n"
        f"  1 of 4 runs of {CELL_ID} (oom_killed)\n"
        f"  {OTHER_ID}: no run ended completed (oom_killed)\n"
        "compared with 1 baseline of r.json\n"
    )


def test_what_is_both_is_the_file(config: Config, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_result(make_result(), tmp_path / "v1", overwrite=False)
    assert load_against(config, "v1").cells[CELL_ID].says_the_same_as(make_baseline())
    assert "v1 is a git revision too; what was taken is the file" in capsys.readouterr().err
    assert load_against(config, "refs/tags/v1") == OTHERS


@pytest.mark.parametrize("text", ["nowhere", "", "results/missing.json", "-h", "--exec=true", "x" * 5000])
def test_what_is_neither_is_told(config: Config, text: str) -> None:
    with pytest.raises(UsageError, match="there is no file, folder or git revision"):
        load_against(config, text)


def test_a_branch_that_only_the_remote_has_is_suggested(repository: Repository, config: Config) -> None:
    repository.git("update-ref", "refs/remotes/origin/release", "HEAD")
    with pytest.raises(UsageError) as caught:
        load_against(config, "release")
    assert caught.value.remedy == "Did you mean 'origin/release'?"


def test_without_a_repository_files_still_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    config = load_config(make_project(tmp_path / "p"))
    save_baselines(OTHERS, tmp_path / "elsewhere")
    assert load_against(config, str(tmp_path / "elsewhere")) == OTHERS
    with pytest.raises(UsageError, match=r"no file or folder 'main', and .* is not in a git repository"):
        load_against(config, "main")


def test_another_json_file_is_no_result(config: Config, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"suite": 1}')
    with pytest.raises(FileFormatError, match="no result of memcap"):
        load_against(config, "x.json")
    assert load_against(config, None) != Baselines()


def test_files_without_any_measured_cell_judge_nothing(config: Config, tmp_path: Path) -> None:
    save_baselines(OTHERS, tmp_path / "elsewhere")
    save_result(make_result(make_cell()), tmp_path / "other.json", overwrite=False)

    for name in ("elsewhere", "other.json"):
        with pytest.raises(SelectionError, match=f"{name} has a good measurement of no cell of 2026"):
            load_against(config, name, cell_id=OTHER_ID)
    assert load_against(config, "v1", cell_id=OTHER_ID) == OTHERS  # the benchmark may be newer
