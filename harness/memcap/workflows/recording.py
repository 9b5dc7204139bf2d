"""The folder that a recorder's files go to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from memcap.errors import FileExistsAlready, Interrupted

RECORD: Final = "record"  # in the output folder: the tool's own record and reports


def refuse_filled(folder: Path) -> None:
    """Raise FileExistsAlready for a folder with something in it, which the files of another run would be mixed with."""
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsAlready(f"{folder} has something in it", remedy="Choose another --output.")


@contextmanager
def recording(folder: Path) -> Iterator[None]:
    """Make the folder for a recorder's files; an interrupt leaves nothing of it, and nothing leaves it empty."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException as error:
        if isinstance(error, (KeyboardInterrupt, Interrupted)):
            shutil.rmtree(folder, ignore_errors=True)
        _remove_empty(folder)
        _remove_empty(folder.parent)
        raise
    _remove_empty(folder)


def _remove_empty(folder: Path) -> None:
    with suppress(OSError):  # it has something in it, or is gone
        folder.rmdir()
