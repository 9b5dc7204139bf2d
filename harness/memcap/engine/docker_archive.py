"""Read the files that a run left in its container, from the archives in which the daemon hands them out."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Callable, Iterable
from typing import Final

from memcap.errors import EngineError

ARCHIVE_LIMIT_BYTES: Final = 16 * 1024 * 1024  # anyone may write to the folder; what is larger is not ours
ARCHIVE_GRACE_SECONDS: Final = 30.0  # an emulated machine was done after 6 s
PAUSE_SECONDS: Final = 0.2


def read_files(
    fetch: Callable[[], Iterable[bytes]], folder: str, *, grace_seconds: float = ARCHIVE_GRACE_SECONDS
) -> dict[str, str]:
    """Return the files in ``folder``, name → text; ``fetch`` asks the daemon for an archive of it.

    Podman unmounts a container's file system in a process of its own after the container has ended. An archive that
    is asked for meanwhile is empty, or breaks off, without an error (seen with 5.4.2); a while later it is whole.
    Raises EngineError where it stays so, or is larger than ARCHIVE_LIMIT_BYTES.
    """
    deadline = time.monotonic() + grace_seconds
    while True:
        try:
            return _unpacked(_fetched(fetch, folder))
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
