"""Keep a result file for one memcap process, and find before the first run that it cannot be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.errors import FileExistsAlready
from memcap.store import NotWritten, journal_path, refuse_special, why_not_writable
from memcap.workflows.caller import Tell, ignore

if TYPE_CHECKING:
    from filelock import BaseFileLock


@contextmanager
def reserved(path: Path | None, *, force: bool, tell: Tell = ignore) -> Iterator[None]:
    """Let no other memcap process write ``path``, nor its journal, within the block; None is no file at all.

    ``force``: what is there may be replaced. Raises FileExistsAlready, also where another process has it, and
    NotWritten. ``tell`` hears of a folder where files cannot be locked.
    """
    if path is None:
        yield
        return
    refuse_overwriting(path, allowed=force)
    refuse_special(path)
    if why := why_not_writable(path):
        raise NotWritten(f"{path} could not be written: {why}", remedy="Choose another --output.")
    made = [folder for folder in (path.parent, *path.parent.parents) if not folder.exists()]
    path.parent.mkdir(parents=True, exist_ok=True)
    target = path.resolve()
    lock = _locked(target.with_name(f"{target.name}.lock"), path, tell)
    try:
        yield
    finally:
        if lock is not None:
            with suppress(OSError):  # on Windows it goes with the release; whoever waits for it makes another
                Path(lock.lock_file).unlink()
            lock.release()
        with suppress(OSError):  # there is something in it
            for folder in made:
                folder.rmdir()


def refuse_overwriting(path: Path, *, allowed: bool) -> None:
    """Raise FileExistsAlready before hours are spent on a result that could not be written."""
    if allowed:
        return
    if path.exists():
        raise FileExistsAlready(
            f"{path} exists already", remedy="Choose another --output, or pass --force to replace it."
        )
    journal = journal_path(path)
    if journal.exists():
        raise FileExistsAlready(
            f"{journal} has the runs of an interrupted campaign",
            remedy=f"Continue it: memcap run --resume {path}. Or pass --force to drop it.",
        )


def _locked(lock: Path, path: Path, tell: Tell) -> BaseFileLock | None:
    from filelock import FileLock, Timeout  # noqa: PLC0415 - imports asyncio and sqlite3

    made = FileLock(lock)
    try:
        made.acquire(timeout=0)
    except Timeout as error:
        raise FileExistsAlready(
            f"another memcap process is writing {path}", remedy="Wait until it has ended, or choose another --output."
        ) from error
    except NotImplementedError:
        tell(f"{lock.parent} cannot be locked: see that no other memcap process writes {path.name}")
        return None
    return made
