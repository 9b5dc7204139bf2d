"""A result file belongs to one process, and is found out before the first run if it cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from memcap.errors import FileExistsAlready, MemcapError
from memcap.store import NotWritten, journal_path
from memcap.workflows.result_file import refuse_overwriting, reserved


def enter(path: Path, *, force: bool = False) -> None:
    with reserved(path, force=force):
        pass


def test_a_file_that_is_there_is_refused_unless_allowed(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    refuse_overwriting(path, allowed=False)
    path.touch()
    refuse_overwriting(path, allowed=True)
    with pytest.raises(FileExistsAlready, match="exists already") as refused:
        refuse_overwriting(path, allowed=False)
    assert "--force" in refused.value.remedy


def test_the_runs_of_an_interrupted_campaign_are_not_dropped_unasked(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    journal_path(path).touch()
    with pytest.raises(FileExistsAlready, match="interrupted campaign") as refused:
        enter(path)
    assert f"--resume {path}" in refused.value.remedy
    enter(path, force=True)


def test_a_second_process_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with reserved(path, force=False):
        with pytest.raises(FileExistsAlready, match="another memcap process is writing"):
            enter(path, force=True)
        enter(tmp_path / "other.json")
    enter(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_is_the_file_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "link.json").symlink_to(tmp_path / "result.json")
    with reserved(tmp_path / "link.json", force=True), pytest.raises(FileExistsAlready, match="another memcap"):
        enter(tmp_path / "result.json", force=True)


def test_a_lock_that_a_killed_process_left_is_no_hindrance(tmp_path: Path) -> None:
    (tmp_path / "result.json.lock").touch()
    enter(tmp_path / "result.json")


def test_folders_are_made_and_do_not_stay_empty(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "result.json"
    enter(path)
    assert not (tmp_path / "a").exists()
    with reserved(path, force=False):
        path.touch()
    assert list(path.parent.iterdir()) == [path]


def test_no_file_is_nothing_to_reserve() -> None:
    with reserved(None, force=False):
        pass


@pytest.mark.parametrize("name", ["file/result.json", "file/below/result.json", "folder"])
def test_what_cannot_be_written_is_found_at_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(MemcapError) as refused:
        enter(tmp_path / name, force=True)
    assert isinstance(refused.value, NotWritten)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_the_right_is_found_at_the_start(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(NotWritten, match="may not write"):
        enter(tmp_path / "result.json")
