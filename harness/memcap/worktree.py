"""Check out another revision of the project beside it, for as long as it is needed."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from memcap.errors import UsageError
from memcap.store.git import checked, find_commit, is_shallow, run


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
    prefix = _words(project, "rev-parse", "--show-prefix")
    folder = Path(tempfile.mkdtemp(prefix="memcap-base-"))
    tree = folder / "tree"
    try:
        no_hooks = ("-c", f"core.hooksPath={os.devnull}")
        checked(project, *no_hooks, "worktree", "add", "--detach", "--quiet", str(tree), commit)
        yield Revision(ref=ref, commit=commit, subject=subject, project=tree / prefix)
    finally:
        with _undisturbed():
            _remove(project, folder, tree)


def _commit(project: Path, ref: str) -> tuple[str, str]:
    """Return the commit that ``ref`` names, and its subject."""
    commit = find_commit(project, ref)
    if commit is not None:
        return commit, _words(project, "log", "-1", "--format=%s", commit)
    if is_shallow(project):
        remedy = (
            "This clone is shallow: it holds the newest commits only. In a GitHub workflow give actions/checkout "
            "`fetch-depth: 0`, in GitLab set GIT_DEPTH to 0; elsewhere: git fetch --unshallow"
        )
    else:
        remedy = "`git branch --all` and `git tag` list what there is; `git fetch` gets what others have."
    raise UsageError(f"this repository has no revision {ref!r}", remedy=remedy)


def _remove(project: Path, folder: Path, tree: Path) -> None:
    """Remove the folder and git's memory of it, however far the checking out got."""
    run(project, "worktree", "unlock", str(tree))  # locked if git was killed in the middle
    run(project, "worktree", "remove", "--force", str(tree))
    shutil.rmtree(folder, ignore_errors=True)
    run(project, "worktree", "prune")


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


def _words(project: Path, *arguments: str) -> str:
    return checked(project, *arguments).decode("utf-8", "replace").strip()
