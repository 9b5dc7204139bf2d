"""``memcap baseline`` on a real project folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from repository import make_repository

from factories import (
    CELL_ID,
    make_baseline,
    make_baselines,
    make_cell,
    make_environment,
    make_image,
    make_oom,
    make_profile,
    make_result,
    make_runs,
)
from memcap.cli.baseline import command
from memcap.errors import BaselineRefused, FileFormatError, SelectionError, UsageError
from memcap.model import Accepted, Ending, Measurement
from memcap.store import load_baselines, save_baselines, save_profile, save_result

pytestmark = pytest.mark.allow_processes  # git is asked who accepts

OTHER_ID = "agents.llm-py312-128m"
HIGHER = make_cell(runs=make_runs((70, 70.1, 70.2, 70.1, 70)))
SCATTERED = make_runs((50, 62, 75, 88, 64))
REASON = ("--reason", "the crew keeps\n its tools")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project of Ada Lovelace's with two accepted cells."""
    make_repository(tmp_path, monkeypatch)
    for folder in ("suites/agents", "images/py312", "results"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "limits.toml").write_text(
        '[caps]\n128m = "128MiB"\n[profiles.quick]\n[tolerances.peak]\nrelative = "2%"\nabsolute = "1MiB"\n'
        '[tolerances.unreclaimable_peak]\nrelative = "2%"\n[judge]\nminimum_runs = 5\n'
    )
    (tmp_path / "suites/agents/suite.toml").write_text('[benchmarks.crew_backed]\ncommand = ["true"]\n')
    (tmp_path / "images/py312/Dockerfile").write_text("FROM scratch\n")
    save_baselines(make_baselines(make_baseline(), make_baseline(make_cell(OTHER_ID))), _folder(tmp_path))
    return tmp_path


def _folder(root: Path) -> Path:
    return root / "results" / "baselines"


def _baseline(root: Path, action: str, *arguments: str) -> Result:
    return CliRunner().invoke(command, [action, "--project", str(root), *arguments])


def _measured(root: Path, *cells: object, **changes: object) -> None:
    result = make_result(*cells, **changes)  # type: ignore[arg-type]
    save_result(result, root / "results" / f"{result.id}.json", overwrite=True)


def test_accept_prints_old_and_new_medians_and_writes_the_file(project: Path) -> None:
    _measured(project, HIGHER, make_cell(OTHER_ID))
    before = load_baselines(_folder(project))
    result = _baseline(project, "accept", *REASON)
    assert result.exit_code == 0, result.output
    assert f"{CELL_ID}\n  peak: 62.5 MiB -> 70.1 MiB (+12.2%)" in result.output
    assert "Accepted 1 cell from" in result.output
    assert "; 1 the same already." in result.output
    assert f"Wrote {_folder(project) / 'agents.json'}" in result.output
    after = load_baselines(_folder(project))
    assert after.cells[OTHER_ID] == replace(before.cells[OTHER_ID], seconds=1.2), "how long it takes was not known"
    accepted = Accepted(reason="the crew keeps its tools", by="Ada Lovelace", source="20261120T043000-quick-1a2b")
    assert after.cells[CELL_ID] == make_baseline(HIGHER, accepted=accepted, seconds=1.2)


def test_nobody_is_named_whom_git_does_not_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Path) -> None:
    make_repository(tmp_path, monkeypatch).git("config", "--unset", "user.name")
    _measured(project, HIGHER)
    assert _baseline(project, "accept", *REASON).exit_code == 0
    assert load_baselines(_folder(project)).cells[CELL_ID].accepted.by is None


def test_a_baseline_does_not_change_without_a_reason(project: Path) -> None:
    _measured(project, HIGHER, make_cell("agents.new-py312-128m"))
    before = load_baselines(_folder(project))
    result = _baseline(project, "accept")
    assert isinstance(result.exception, UsageError)
    assert CELL_ID in result.exception.message
    assert "agents.new" not in result.exception.message
    assert "--reason" in result.exception.remedy
    assert load_baselines(_folder(project)) == before
    assert isinstance(_baseline(project, "accept", "--reason", " ").exception, UsageError)


def test_only_chosen_cells_are_accepted(project: Path) -> None:
    _measured(project, HIGHER, make_cell(OTHER_ID, HIGHER.runs))
    assert _baseline(project, "accept", "*.llm-*", *REASON).exit_code == 0
    after = load_baselines(_folder(project))
    assert after.cells[CELL_ID] == make_baseline()
    assert after.cells[OTHER_ID].says_the_same_as(make_baseline(make_cell(OTHER_ID, HIGHER.runs)))


def test_dry_run_changes_nothing(project: Path) -> None:
    _measured(project, HIGHER)
    before = (_folder(project) / "agents.json").read_bytes()
    result = _baseline(project, "accept", "--dry-run")
    assert "Would accept 1 cell from" in result.output
    assert "+12.2%" in result.output
    assert "Wrote" not in result.output
    assert (_folder(project) / "agents.json").read_bytes() == before


def test_a_new_cell_is_called_new(project: Path) -> None:
    _measured(project, make_cell("streams.fixed-py312-128m"))
    result = _baseline(project, "accept")
    assert "streams.fixed-py312-128m (new)\n  peak: 62.5 MiB\n" in result.output
    assert (_folder(project) / "streams.json").exists()


def test_a_changed_environment_and_ending_are_printed(project: Path) -> None:
    cell = make_cell(runs=[make_oom()] * 5, expected_ending=Ending.OOM_KILLED)
    _measured(project, cell, environment=make_environment(cgroup_version=2))
    output = _baseline(project, "accept", "--allow-unlike", *REASON).output
    assert "  ending: completed -> oom_killed" in output
    assert "  cgroup_version: 1 -> 2" in output


def test_refused_cells_are_named_the_others_are_accepted_and_the_exit_code_tells(project: Path) -> None:
    _measured(project, HIGHER, make_cell(OTHER_ID, [make_oom()] * 5))
    result = _baseline(project, "accept", *REASON)
    assert isinstance(result.exception, BaselineRefused)
    assert "1 of 2 cells cannot be a baseline" in result.exception.message
    assert f"{OTHER_ID}: 5 of 5 runs ended oom_killed, expected completed" in result.exception.message
    after = load_baselines(_folder(project))
    assert after.cells[CELL_ID].says_the_same_as(make_baseline(HIGHER))
    assert after.cells[OTHER_ID] == make_baseline(make_cell(OTHER_ID))


@pytest.mark.parametrize(
    ("changes", "runs", "word", "option"),
    [
        ({"environment": make_environment(cgroup_version=2)}, HIGHER.runs, "cgroup version is 2", "--allow-unlike"),
        ({}, SCATTERED, "undecided", "--allow-undecided"),
    ],
)
def test_doubtful_cells_need_an_option(
    project: Path, changes: dict[str, object], runs: Sequence[Measurement], word: str, option: str
) -> None:
    _measured(project, make_cell(runs=runs), **changes)
    result = _baseline(project, "accept", *REASON)
    assert isinstance(result.exception, BaselineRefused)
    assert word in result.exception.message
    assert option in result.exception.message
    assert load_baselines(_folder(project)).cells[CELL_ID] == make_baseline()
    assert _baseline(project, "accept", option, *REASON).exit_code == 0
    assert load_baselines(_folder(project)).cells[CELL_ID].accepted.by == "Ada Lovelace"


def test_another_result_may_be_named(project: Path, tmp_path: Path) -> None:
    _measured(project, make_cell())
    save_result(make_result(HIGHER), tmp_path / "other.json", overwrite=False)
    output = _baseline(project, "accept", "--dry-run", "--from", str(tmp_path / "other.json")).output
    assert "70.1 MiB" in output


def test_a_cell_that_was_not_measured_cannot_be_chosen(project: Path) -> None:
    _measured(project, HIGHER)
    result = _baseline(project, "accept", OTHER_ID)
    assert isinstance(result.exception, SelectionError)
    assert OTHER_ID in result.exception.message


def test_show_prints_the_chosen_cells(project: Path) -> None:
    output = _baseline(project, "show", "*crew*").output
    assert CELL_ID in output
    assert "62.5 MiB" in output
    assert OTHER_ID not in output


def test_show_tells_each_acceptance_once_with_its_cells(project: Path) -> None:
    _measured(project, HIGHER, make_cell("agents.new-py312-128m"))
    _baseline(project, "accept", *REASON)
    output = _baseline(project, "show").output
    told = '"the crew keeps its tools", by Ada Lovelace, from 20261120T043000-quick-1a2b'
    assert output.replace("\n", " ").count(told) == 1
    assert f"    {CELL_ID}, agents.new-py312-128m" in output
    assert max(map(len, output.splitlines())) <= 80


def test_show_as_json(project: Path) -> None:
    document = json.loads(_baseline(project, "show", "--json").output)
    assert [each["id"] for each in document["cells"]] == [CELL_ID, OTHER_ID]
    assert document["cells"][0]["metrics"]["peak"]["median"] == 65536000
    assert document["cells"][0]["environment"]["python_version"] == "3.12.7"
    assert document["cells"][0]["reason"] is None


def test_show_without_baselines_says_how_to_make_them(project: Path) -> None:
    (_folder(project) / "agents.json").unlink()
    assert "memcap baseline accept" in _baseline(project, "show").output


def test_an_allocation_profile_is_never_accepted(project: Path) -> None:
    path = project / "profile.json"
    save_profile(make_profile(), path)
    before = load_baselines(project / "results" / "baselines")
    done = CliRunner().invoke(command, ["accept", "--from", str(path), *REASON])

    assert isinstance(done.exception, FileFormatError), done.output
    assert "neither judged nor accepted as baselines" in done.exception.message
    assert load_baselines(project / "results" / "baselines") == before


def test_baselines_with_a_tag_in_their_ids_give_way_to_those_of_the_image(project: Path) -> None:
    """Version 0.1.0 put the tag into the id, so that each tag was new."""
    older = [f"agents.crew_backed-{name}-128m" for name in ("shop_prod_1_0", "shop_prod_latest")]
    others = [f"agents.crew_backed-{name}-128m" for name in ("shop_prod_db_1_0", "shop_prods_1_0")]
    save_baselines(make_baselines(*(make_baseline(make_cell(each)) for each in (*older, *others))), _folder(project))
    new = "agents.crew_backed-shop_prod-128m"
    images = {"shop_prod": make_image("shop_prod", reference="shop/prod:1.1")}
    measured = make_result(make_cell(new), id="20261123T000000-quick-0000", images=images)
    save_result(measured, project / "results" / f"{measured.id}.json", overwrite=False)

    refused = _baseline(project, "accept", new)
    assert isinstance(refused.exception, UsageError), "the figures of another tag are no new cell"
    done = _baseline(project, "accept", new, *REASON)

    assert done.exit_code == 0, done.output
    for each in older:
        assert f"{each} is called {new} now" in done.output
    assert set(load_baselines(_folder(project)).cells) == {new, *others}


def test_it_is_told_where_git_would_lose_a_baseline(project: Path) -> None:
    _measured(project, HIGHER)
    (project / ".gitignore").write_text("results/\n")
    lost = _baseline(project, "accept", *REASON)
    _measured(project, make_cell(OTHER_ID, runs=HIGHER.runs))
    (project / ".gitignore").write_text("/results/*\n!/results/baselines/\n")
    kept = _baseline(project, "accept", *REASON)

    assert f"git ignores {_folder(project) / 'agents.json'}" in lost.stderr
    assert kept.exit_code == 0
    assert "git ignores" not in kept.stderr
