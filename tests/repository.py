"""A git repository of a test's own: real git, nobody's configuration."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, kw_only=True)
class Repository:
    """The repository in ``root``, on the branch ``main``."""

    root: Path

    def git(self, *arguments: str, fails: bool = False) -> str:
        """Return what git prints; assert that it succeeded, or that it failed."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.root, capture_output=True, text=True, encoding="utf-8", check=False
        )
        assert (done.returncode != 0) is fails, done.stdout + done.stderr
        return done.stdout

    def commit(self, message: str = "a change") -> str:
        """Commit all there is, and return the commit's id."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)
        return self.git("rev-parse", "HEAD").strip()


def make_repository(root: Path, monkeypatch: pytest.MonkeyPatch, *, user: str | None = "Ada Lovelace") -> Repository:
    """Make ``root`` a repository whose user is called ``user``; None: only commits can be made, by A. Test."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(root / ".git" / "global"))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", user or "A. Test")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "test@example.org")
    repository = Repository(root=root)
    repository.git("init", "--quiet", "--initial-branch=main")
    if user:
        repository.git("config", "user.name", user)
    return repository
