"""Another revision of the project in a temporary folder. With real git repositories."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from memcap.errors import UsageError
from memcap.store.git import checked
from memcap.worktree import checked_out

pytestmark = pytest.mark.allow_processes


def git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", "-C", str(folder), "-c", "user.name=T", "-c", "user.email=t@example.org", *arguments],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a repository with the commits "first" and "second", tagged so, and a project in its folder `bench`."""
    folder = tmp_path / "repository"
    project = folder / "bench"
    project.mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    for text in ("first", "second"):
        (project / "limits.toml").write_text(text)
        git(folder, "add", "--all")
        git(folder, "commit", "--quiet", f"--message={text}")
        git(folder, "tag", text)
    return folder


def worktrees(folder: Path) -> int:
    return git(folder, "worktree", "list").count("\n") + 1


def test_a_revision_is_there_as_long_as_it_is_needed(repository: Path) -> None:
    (repository / "bench" / "limits.toml").write_text("not committed")
    with checked_out(repository / "bench", "first") as there:
        assert (there.ref, there.commit, there.subject) == ("first", git(repository, "rev-parse", "first"), "first")
        assert there.project.name == "bench"
        assert (there.project / "limits.toml").read_text() == "first"
        assert worktrees(repository) == 2
    assert not there.project.parent.parent.exists()
    assert worktrees(repository) == 1
    assert (repository / "bench" / "limits.toml").read_text() == "not committed"
    assert git(repository, "branch", "--list") == "* main"


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_is_left_after_an_error(repository: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), checked_out(repository, "first") as there:
        raise error
    assert not there.project.parent.exists()
    assert worktrees(repository) == 1


def test_nothing_is_left_when_git_is_stopped_in_the_middle(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What git leaves when it is killed while it checks out: a registered worktree, locked, half full."""
    folders: list[Path] = []

    def stopped(project: Path, *arguments: str) -> bytes:
        done = checked(project, *arguments)
        if "add" in arguments:
            folders.append(Path(arguments[-2]))
            checked(project, "worktree", "lock", "--reason=initializing", str(folders[0]))
            (folders[0] / ".git").unlink()
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr("memcap.worktree.checked", stopped)
    with pytest.raises(KeyboardInterrupt), checked_out(repository, "first"):
        pytest.fail("it was stopped before")
    assert not folders[0].parent.exists()
    assert worktrees(repository) == 1


def test_hooks_of_the_repository_are_not_run(repository: Path) -> None:
    hook = repository / ".git" / "hooks" / "post-checkout"
    hook.write_text("#!/bin/sh\ntouch ran\n")
    hook.chmod(0o755)
    with checked_out(repository, "first") as there:
        assert not (there.project / "ran").exists()


def test_a_hook_that_calls_memcap_does_not_lead_it_astray(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    with checked_out(repository / "bench", "first") as there:
        assert (there.project / "limits.toml").read_text() == "first"
    assert not (tmp_path / "index").exists()


@pytest.mark.parametrize("ref", ["nowhere", "--all", "", "first:bench"])
def test_a_revision_that_does_not_exist(repository: Path, ref: str) -> None:
    with pytest.raises(UsageError, match="has no revision") as refused, checked_out(repository, ref):
        pytest.fail("there is none")
    assert "git fetch" in refused.value.remedy
    assert "shallow" not in refused.value.remedy


def test_a_shallow_clone_says_what_a_workflow_must_change(repository: Path, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), str(shallow))
    with pytest.raises(UsageError) as refused, checked_out(shallow, "first"):
        pytest.fail("it is not in there")
    assert "fetch-depth: 0" in refused.value.remedy
    with checked_out(shallow / "bench", "HEAD") as there:
        assert (there.project / "limits.toml").read_text() == "second"


def test_no_repository(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not in a git repository"), checked_out(tmp_path, "main"):
        pytest.fail("there is none")


def test_no_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match="git was not found"), checked_out(tmp_path, "main"):
        pytest.fail("there is none")
