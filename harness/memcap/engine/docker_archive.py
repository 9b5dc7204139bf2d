"""Files into a container and out of it, in the archives that the daemon takes and hands out."""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeVar

from memcap.engine.base import ARTEFACTS_LIMIT_BYTES, too_many_artefacts
from memcap.errors import EngineError

_T = TypeVar("_T")

ARCHIVE_LIMIT_BYTES: Final = 16 * 1024 * 1024  # anyone may write to the folder; what is larger is not ours
ARCHIVE_GRACE_SECONDS: Final = 30.0  # an emulated machine was done after 6 s
PAUSE_SECONDS: Final = 0.2
JOURNAL_LIMIT_BYTES: Final = 64 * 1024 * 1024
LONGEST_LINE_BYTES: Final = 64 * 1024


def read_files(
    fetch: Callable[[], Iterable[bytes]], folder: str, *, grace_seconds: float = ARCHIVE_GRACE_SECONDS
) -> dict[str, str]:
    """Return the files in ``folder``, name → text; ``fetch`` asks the daemon for an archive of it.

    Raises EngineError where none can be read, or it is larger than ARCHIVE_LIMIT_BYTES.
    """
    return _whole(lambda: _unpacked(_fetched(fetch, folder)), folder, grace_seconds)


def read_lines(chunks: Iterable[bytes], *, limit_bytes: int = JOURNAL_LIMIT_BYTES) -> Iterator[str]:
    """Yield the lines of the one file in an archive as it arrives, without their ends; the last may be cut off.

    What is beyond ``limit_bytes`` is left out, and so is a line longer than LONGEST_LINE_BYTES: the workload may have
    written it.
    """
    try:
        with tarfile.open(fileobj=_Stream(chunks), mode="r|") as tar:
            for member in tar:
                content = tar.extractfile(member) if member.isfile() else None
                while content is not None and limit_bytes > 0 and (line := content.readline(LONGEST_LINE_BYTES)):
                    limit_bytes -= len(line)
                    if line.endswith(b"\n"):
                        yield line[:-1].decode("utf-8", "replace")
    except tarfile.ReadError:  # the container grew or went meanwhile: what came is whole lines
        return


def bring_files(
    fetch: Callable[[], Iterable[bytes]], folder: str, target: Path, *, limit_bytes: int = ARTEFACTS_LIMIT_BYTES
) -> None:
    """Write the files in ``folder`` of a container into ``target`` as they arrive; those of the same name are replaced.

    Raises EngineError where no archive can be read, or its files are larger than ``limit_bytes`` together.
    """
    _whole(lambda: _write_files(fetch(), target, limit_bytes), folder, ARCHIVE_GRACE_SECONDS)


@contextmanager
def packed(source: Path, folder: str, *, with_folder: bool) -> Iterator[IO[bytes]]:
    """Yield an archive of the files in ``source`` for the parent of ``folder``, which any user may write to."""
    place = PurePosixPath(folder).name
    with tempfile.TemporaryFile() as archive:
        with tarfile.open(fileobj=archive, mode="w") as tar:
            if with_folder:
                entry = tarfile.TarInfo(place)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o1777
                tar.addfile(entry)
            for path in sorted(source.iterdir()):
                if path.is_file():
                    entry = tarfile.TarInfo(f"{place}/{path.name}")
                    entry.size, entry.mode = path.stat().st_size, 0o666
                    with path.open("rb") as file:
                        tar.addfile(entry, file)
        archive.seek(0)
        yield archive


def packed_contents(files: Mapping[str, bytes]) -> bytes:
    """Return an archive of ``files``, by their paths in the container, which anyone may read."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for folder in sorted({str(PurePosixPath(name).parent) for name in files} - {"."}):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            tar.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


def _whole(attempt: Callable[[], _T], folder: str, grace_seconds: float) -> _T:
    """Return what ``attempt`` returns, once the daemon hands out a readable archive of ``folder``.

    Podman unmounts a container's file system in a process of its own after the container has ended. An archive that
    is asked for meanwhile is empty, or breaks off, without an error (seen with 5.4.2); a while later it is whole.
    Raises EngineError where it stays so.
    """
    deadline = time.monotonic() + grace_seconds
    while True:
        try:
            return attempt()
        except tarfile.ReadError as error:
            if time.monotonic() > deadline:
                raise EngineError(
                    f"the daemon handed out no readable archive of {folder} within {grace_seconds:g} s: {error}",
                    remedy="Try again; if it stays so, the daemon's own log may tell why.",
                ) from error
        time.sleep(PAUSE_SECONDS)


def _fetched(fetch: Callable[[], Iterable[bytes]], folder: str) -> io.BytesIO:
    archive = io.BytesIO()
    for chunk in fetch():
        archive.write(chunk)
        if archive.tell() > ARCHIVE_LIMIT_BYTES:
            raise EngineError(
                f"the workload left more than {ARCHIVE_LIMIT_BYTES} bytes in {folder}",
                remedy="That folder is memcap's; let the workload write elsewhere.",
            )
    archive.seek(0)
    return archive


def _unpacked(archive: io.BytesIO) -> dict[str, str]:
    files = {}
    with archive, tarfile.open(fileobj=archive, mode="r:") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            if content is not None:
                files[member.name.rpartition("/")[2]] = content.read().decode("utf-8", "replace")
    return files


def _write_files(chunks: Iterable[bytes], target: Path, limit_bytes: int) -> None:
    """Write the regular files of an archive, and nothing else: the workload may have put anything there."""
    left = limit_bytes
    with tarfile.open(fileobj=_Stream(chunks), mode="r|") as tar:
        for member in tar:
            content = tar.extractfile(member) if member.isfile() else None
            name = member.name.rpartition("/")[2]
            if content is None or name in ("", ".", ".."):
                continue
            left -= member.size
            if left < 0:
                raise too_many_artefacts(limit_bytes)
            with (target / name).open("wb") as file:
                shutil.copyfileobj(content, file, 1024 * 1024)


class _Stream(io.RawIOBase):
    """Chunks as a file that can be read once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = bytearray(self._rest)
        while size < 0 or len(found) < size:
            chunk = next(self._chunks, None)
            if chunk is None:
                break
            found += chunk
        end = len(found) if size < 0 else size
        self._rest = bytes(found[end:])
        return bytes(found[:end])
