"""What git knows of a project: its files at a revision, and how a file came to be what it is.

Paths are relative to the folder asked about, unless said otherwise, with forward slashes as git has them on every
system. No text of a user is an option to git: revisions that begin with a dash are refused, paths stand behind ``--``.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from memcap.errors import UsageError

# A git hook that calls memcap has these set, relative to another folder.
_OF_A_HOOK = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR")


@dataclass(frozen=True, kw_only=True)
class FileVersion:
    """A commit that changed a file: its full id, ``date`` as 2026-11-20, and the file's path from the top then."""

    commit: str
    date: str
    author: str
    path: str


def user_name(folder: Path) -> str | None:
    """Return git's user.name in ``folder``; None where there is none, or no git."""
    try:
        found = run(folder, "config", "--get", "user.name")
    except UsageError:
        return None
    return _text(found.stdout).strip() or None


def find_commit(folder: Path, revision: str) -> str | None:
    """Return the full id of the commit that ``revision`` names in the repository around ``folder``, None if no such.

    Raises UsageError if there is no git, or no repository.
    """
    checked(folder, "rev-parse", "--git-dir")
    if not revision or revision.startswith("-"):
        return None
    found = run(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    return _text(found.stdout).strip() if found.returncode == 0 else None


def ignored_files(folder: Path, paths: Sequence[Path]) -> tuple[Path, ...]:
    """Return those of ``paths`` that git leaves out of commits; none where there is no git, or no repository."""
    asked = "\0".join(map(str, paths)).encode("utf-8", "surrogateescape")
    try:
        found = run(folder, "check-ignore", "-z", "--stdin", stdin=asked)
    except UsageError:
        return ()
    return tuple(Path(path) for path in _text(found.stdout).split("\0") if path)


def is_shallow(folder: Path) -> bool:
    """Tell whether the clone around ``folder`` lacks older commits, as those of CI jobs do."""
    return _text(checked(folder, "rev-parse", "--is-shallow-repository")).strip() == "true"


def texts_at(folder: Path, commit: str, below: str) -> dict[str, bytes]:
    """Return the content of the files directly in the folder ``below`` of ``folder``, as they were at ``commit``."""
    listed = checked(folder, "ls-tree", "-z", "--name-only", commit, "--", f"{below}/")
    paths = [path for path in _text(listed).split("\0") if path]
    contents = _contents(folder, [f"{commit}:./{path}" for path in paths])
    return {path: content for path, content in zip(paths, contents, strict=True) if content is not None}


def versions(folder: Path, path: str) -> tuple[FileVersion, ...]:
    """Return the commits that changed the file ``path``, the newest first; renames are followed.

    A merge counts as one change: what came to the branch that is checked out, when it came there.
    """
    if find_commit(folder, "HEAD") is None:
        return ()
    form = "%x01%H%x02%ad%x02%aN"
    listed = checked(
        folder, "log", "--follow", "--first-parent", "-m", "-z", "--name-only", "--date=short", f"--format={form}",
        "--", path,
    )  # fmt: skip
    found = []
    for record in _text(listed).split("\x01")[1:]:
        head, *names = [part.strip("\n") for part in record.split("\0")]
        commit, date, author = head.split("\x02")
        found.append(FileVersion(commit=commit, date=date, author=author, path=next(filter(None, names), "")))
    return tuple(each for each in found if each.path)


def contents_of(folder: Path, found: Sequence[FileVersion]) -> Iterator[bytes | None]:
    """Yield the content of each version, None for one in which the file was removed."""
    return _contents(folder, [f"{each.commit}:{each.path}" for each in found])


def _contents(folder: Path, names: Sequence[str]) -> Iterator[bytes | None]:
    """Yield the content of each blob of ``names`` (commit:path); one process reads them all."""
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    answer = checked(folder, "cat-file", "--batch", stdin=asked) if names else b""
    place = 0
    for _ in names:
        end = answer.index(b"\n", place)
        kind = answer[place:end].rsplit(b" ", 2)
        place = end + 1
        if len(kind) == 3 and kind[1] == b"blob":
            size = int(kind[2])
            yield answer[place : place + size]
            place += size + 1
        else:  # "… missing", without content
            yield None


def checked(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    """Return what git printed, called in ``folder``. Raises UsageError in git's own words if it failed."""
    done = run(folder, *arguments, stdin=stdin)
    if done.returncode == 0:
        return done.stdout
    words = _text(done.stderr).strip()
    if "not a git repository" in words:
        raise UsageError(
            f"{folder} is not in a git repository", remedy="Revisions need one; a file or a folder can be named too."
        )
    raise UsageError(f"git {arguments[0]} failed in {folder}: {words.removeprefix('fatal: ')}")


def run(folder: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Return what became of git, called in ``folder``; a hook that called memcap does not lead it astray.

    Raises UsageError if there is no git.
    """
    environ = {name: value for name, value in os.environ.items() if name not in _OF_A_HOOK}
    environ.update(LC_ALL="C", GIT_OPTIONAL_LOCKS="0", GIT_TERMINAL_PROMPT="0")
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, env=environ, input=stdin, capture_output=True, check=False
        )
    except FileNotFoundError as error:
        raise UsageError("git was not found", remedy="Install git, or name a file or a folder.") from error


def _text(printed: bytes) -> str:
    return printed.decode("utf-8", "surrogateescape")
