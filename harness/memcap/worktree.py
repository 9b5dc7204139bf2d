"""Check out another revision of the project beside it, for as long as it is needed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memcap.errors import UsageError

_COMMIT = re.compile(r"[0-9a-f]{40,64}")
# A git hook that calls memcap has these set, for the repository and the index of the hook.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


@dataclass(frozen=True, kw_only=True)
class Revision:
    """A revision that is checked out: what it was called, its commit with its subject, the project's folder in it."""

    ref: str
    commit: str
    subject: str
    project: Path


@contextmanager
def checked_out(project: Path, ref: str) -> Iterator[Revision]:
    """Check out ``ref`` of the repository around ``project`` into a temporary folder, which is gone afterwards.

    Hooks are not run; submodules are left empty. Raises UsageError where there is no git, no repository or no such
    revision.
    """
    commit, subject = _commit(project, ref)
    prefix = _git(project, "rev-parse", "--show-prefix").strip()
    folder = Path(tempfile.mkdtemp(prefix="memcap-base-"))
    tree = folder / "tree"
    try:
        _git(project, "-c", f"core.hooksPath={os.devnull}", "worktree", "add", "--detach", "--quiet", str(tree), commit)
        yield Revision(ref=ref, commit=commit, subject=subject, project=tree / prefix)
    finally:
        with _undisturbed():
            _remove(project, folder, tree)


def _commit(project: Path, ref: str) -> tuple[str, str]:
    """Return the commit that ``ref`` names, and its subject."""
    _git(project, "rev-parse", "--git-dir")  # no repository is another mistake than no revision
    found = _run(project, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").stdout.strip()
    if _COMMIT.fullmatch(found):
        return found, _git(project, "log", "-1", "--format=%s", found).strip()
    if _git(project, "rev-parse", "--is-shallow-repository").strip() == "true":
        remedy = (
            "This clone is shallow: it holds the newest commits only. In a GitHub workflow give actions/checkout "
            "`fetch-depth: 0`, in GitLab set GIT_DEPTH to 0; elsewhere: git fetch --unshallow"
        )
    else:
        remedy = "`git branch --all` and `git tag` list what there is; `git fetch` gets what others have."
    raise UsageError(f"this repository has no revision {ref!r}", remedy=remedy)


def _remove(project: Path, folder: Path, tree: Path) -> None:
    """Remove the folder and git's memory of it, however far the checking out got."""
    _run(project, "worktree", "unlock", str(tree))  # locked if git was killed in the middle
    _run(project, "worktree", "remove", "--force", str(tree))
    shutil.rmtree(folder, ignore_errors=True)
    _run(project, "worktree", "prune")


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let nobody's impatience leave half of it: Ctrl-C and SIGTERM are not heard inside the block, which is short."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in heard.items():
            signal.signal(number, handler)


def _git(project: Path, *arguments: str) -> str:
    """Return what git prints. Raises UsageError with its words where it fails."""
    done = _run(project, *arguments)
    if done.returncode != 0:
        raise UsageError(
            f"git could not help: {done.stderr.strip() or f'it ended with {done.returncode}'}",
            remedy=f"The project {project} must be in a git repository that git can read.",
        )
    return done.stdout


def _run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    try:
        return subprocess.run(
            ["git", "-C", str(project), *arguments],
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            stdin=subprocess.DEVNULL,
            env=environ,
        )
    except FileNotFoundError as error:
        raise UsageError("there is no git on this machine", remedy="Install git.") from error
