"""Archives as daemons hand them out: whole, not yet there, broken off, too large."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from memcap.engine import docker_archive
from memcap.engine.docker_archive import bring_files, packed, read_files
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


def chunks(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1000, 7, 1_000_000])
def test_artefacts_are_written_as_they_arrive(tmp_path: Path, size: int) -> None:
    whole = archive(**{"capture.bin": "x" * 20_000, "sites.json": "{}"})
    bring_files(lambda: chunks(whole, size), "/memcap/artefacts", tmp_path)

    assert {path.name: path.stat().st_size for path in tmp_path.iterdir()} == {"capture.bin": 20_000, "sites.json": 2}


def test_nothing_is_written_outside_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    whole = archive(**{"../../evil": "1", "..": "2", "good": "3"})
    bring_files(lambda: [whole], "/memcap/artefacts", tmp_path / "in")

    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert sorted(path.name for path in (tmp_path / "in").iterdir()) == ["evil", "good"]


def test_too_many_artefacts_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="left more than 100 bytes"):
        bring_files(lambda: [archive(a="x" * 60, b="x" * 60)], "/memcap/artefacts", tmp_path, limit_bytes=100)


@pytest.mark.parametrize("with_folder", [True, False])
def test_what_is_packed_can_be_brought_back(tmp_path: Path, *, with_folder: bool) -> None:
    for folder in ("from", "to"):
        (tmp_path / folder).mkdir()
    (tmp_path / "from" / "capture.bin").write_bytes(b"\0\1")
    with packed(tmp_path / "from", "/memcap/artefacts", with_folder=with_folder) as stream:
        content = stream.read()
    bring_files(lambda: [content], "/memcap/artefacts", tmp_path / "to")

    assert (tmp_path / "to" / "capture.bin").read_bytes() == b"\0\1"
