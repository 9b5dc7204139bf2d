"""Write files whole: never half a file, never over another one unasked."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from memcap.errors import FileExistsAlready, FileFormatError, MemcapError, NewerSchemaError
from memcap.strict import describe

_WRITE_REMEDY = "Check that the folder exists, that you may write to it, and that the disk is not full."


class NotWritten(MemcapError):  # noqa: N818 - reads as what happened
    """The system refused to write a file: no room, no right, no such place."""


def result_path(directory: Path, campaign: str) -> Path:
    """Return where the result of ``campaign`` (an id) belongs."""
    return directory / f"{campaign}.json"


def write_atomically(path: Path, text: str | Iterable[str], *, overwrite: bool) -> None:
    """Write ``text``, or its pieces one by one, as UTF-8: a reader, or a crash, finds the old file or the new one.

    Missing folders are made. A lone surrogate (output that was not Unicode) becomes ``?``. A symbolic link stays one:
    the file that it leads to is replaced.
    Raises FileExistsAlready unless ``overwrite``, NotWritten if the system refuses, or for anything but a file.
    """
    if path.exists() and not overwrite:
        raise FileExistsAlready(f"{path} exists already", remedy="Choose another name, or pass --force to replace it.")
    refuse_special(path)
    try:
        target = path.resolve()
        if target.is_symlink():  # links that lead to each other, from Python 3.13 on
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        target.parent.mkdir(parents=True, exist_ok=True)
        _replace(target, (text,) if isinstance(text, str) else text)
    except (OSError, RuntimeError) as error:  # RuntimeError: such links before Python 3.13
        raise not_written(path, error) from error


def why_not_writable(path: Path) -> str:
    """Return why ``path`` cannot be written, as far as can be told without trying; nothing if it can."""
    folder = next(each for each in (path.resolve().parent, *path.resolve().parents) if each.exists())
    if not folder.is_dir():
        return f"{folder} is not a folder"
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"this user may not write to {folder}"
    return ""


def refuse_special(path: Path) -> None:
    """Raise NotWritten where ``path`` is there and no regular file: a device or a folder is never replaced."""
    if path.exists() and not path.is_file():
        raise NotWritten(f"{path} is not a regular file; memcap replaces no others", remedy="Choose another name.")


def not_written(path: Path, error: Exception) -> NotWritten:
    """Return the error that ``path`` could not be written, as the system said."""
    said = error.strerror if isinstance(error, OSError) else None
    return NotWritten(f"{path} could not be written: {said or error}", remedy=_WRITE_REMEDY)


def _replace(path: Path, content: Iterable[str]) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            for part in content:
                file.write(part.encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only the owner may read; results are for the team.
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(temporary).unlink()
        raise


def check_schema(path: Path | str, key: str, found: object, *, supported: int) -> None:
    """Raise unless ``found`` is a schema version that this memcap reads.

    NewerSchemaError if it is newer than ``supported``, FileFormatError if it is no version at all.
    """
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise FileFormatError(f"{path}: {key}: expected a schema version (1 or more), found {describe(found)}")
    if found > supported:
        raise NewerSchemaError(
            f"{path}: {key}: written with schema {found}; this memcap reads schemas up to {supported}",
            remedy="Upgrade memcap: python -m pip install --upgrade memcap",
        )
