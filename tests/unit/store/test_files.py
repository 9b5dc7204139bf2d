"""Whole files or none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memcap.errors import FileExistsAlready, MemcapError
from memcap.store.files import write_atomically


def test_nothing_else_is_left_in_the_folder(tmp_path: Path) -> None:
    write_atomically(tmp_path / "new" / "a.json", "é", overwrite=False)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]
    assert (tmp_path / "new" / "a.json").read_bytes() == "é".encode()


def test_a_write_that_fails_keeps_the_old_file_and_leaves_no_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_atomically(path, "old", overwrite=False)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MemcapError, match=r"a\.json could not be written: No space left"):
        write_atomically(path, "new", overwrite=True)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_existing_file_is_kept(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", "old", overwrite=False)
    with pytest.raises(FileExistsAlready):
        write_atomically(tmp_path / "a", "new", overwrite=False)
    assert (tmp_path / "a").read_text() == "old"


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
def test_nothing_but_a_file_is_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to(os.devnull)
    for path in (pipe, tmp_path, tmp_path / "link", Path(os.devnull)):
        with pytest.raises(MemcapError, match="is not a regular file"):
            write_atomically(path, "new", overwrite=True)
    assert pipe.is_fifo()
    assert Path(os.devnull).is_char_device()


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_stays_one_and_its_file_is_replaced(tmp_path: Path) -> None:
    link, target = tmp_path / "latest.json", tmp_path / "results" / "a.json"
    link.symlink_to(target)
    for text in ("old", "new"):  # the file need not be there
        write_atomically(link, text, overwrite=True)
        assert link.is_symlink()
        assert target.read_text() == text
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(MemcapError):
        write_atomically(circle, "new", overwrite=True)
