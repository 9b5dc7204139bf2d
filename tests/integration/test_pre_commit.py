"""The pre-commit hook, called by pre-commit itself in a repository of its own; needs no Docker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]
from projects import make_project
from repository import Repository, make_repository

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a repository of a project whose hook is the one of ci/examples that takes the installed memcap."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    root = tmp_path / "project"
    root.mkdir()
    repository = make_repository(make_project(root), monkeypatch)
    example = yaml.safe_load((ROOT / "ci/examples/pre-commit-config.yaml").read_text(encoding="utf-8"))
    example["repos"] = [one for one in example["repos"] if one["repo"] == "local"]
    (root / ".pre-commit-config.yaml").write_text(yaml.safe_dump(example))
    subprocess.run([sys.executable, "-m", "pre_commit", "install"], cwd=root, check=True, capture_output=True)
    repository.commit()
    return repository


def test_mistakes_are_not_committed_and_other_files_are_not_looked_at(repository: Repository) -> None:
    suite = repository.root / "suites/agents/suite.toml"
    right = suite.read_text()
    suite.write_text(right.replace("command", "comand", 1))
    repository.git("add", "--all")
    done = subprocess.run(
        ["git", "commit", "-m", "wrong"], cwd=repository.root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "exit code: 10" in done.stderr
    assert "suites/agents/suite.toml:2: benchmarks.crew_backed.comand" in done.stderr
    assert "(did you mean 'command'?)" in done.stderr

    suite.write_text(right + "# said better\n")
    repository.commit("right")
    suite.write_text("broken")
    (repository.root / "README").touch()
    repository.git("add", "README")
    repository.git("commit", "--message", "nothing of memcap's")
