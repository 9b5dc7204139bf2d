"""Archives as daemons hand them out: whole, not yet there, broken off, too large."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator

import pytest

from memcap.engine import docker_archive
from memcap.engine.docker_archive import read_files
from memcap.errors import EngineError


def archive(**files: str) -> bytes:
    """Return a tar of the folder ``out`` with ``files``, name → text."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        folder = tarfile.TarInfo("out")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
        for name, text in files.items():
            member = tarfile.TarInfo(f"out/{name}")
            member.size = len(text.encode())
            tar.addfile(member, io.BytesIO(text.encode()))
    return target.getvalue()


def test_files_are_returned_by_name() -> None:
    assert read_files(lambda: [archive(report="{}", journal="")], "/out") == {"report": "{}", "journal": ""}


def test_a_folder_without_files_is_none_that_is_missing() -> None:
    assert read_files(lambda: [archive()], "/out", grace_seconds=0) == {}


def test_what_is_empty_or_broken_off_at_first_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_archive, "PAUSE_SECONDS", 0)
    whole = archive(report="x" * 2000)
    answers: Iterator[bytes] = iter([b"", whole[:1500], whole])

    assert read_files(lambda: [next(answers)], "/out") == {"report": "x" * 2000}


def test_what_stays_empty_is_an_error_that_names_the_folder() -> None:
    with pytest.raises(EngineError, match="no readable archive of /out"):
        read_files(list, "/out", grace_seconds=0)


def test_what_is_too_large_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_archive, "ARCHIVE_LIMIT_BYTES", 100)

    with pytest.raises(EngineError, match="left more than 100 bytes in /out"):
        read_files(lambda: [b"x" * 101], "/out")
