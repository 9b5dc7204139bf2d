"""Which result is meant where none is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories import make_result
from memcap.errors import FileFormatError, UsageError
from memcap.store import latest_run, result_path, save_result


def save(folder: Path, campaign: str, *, command: tuple[str, ...] = ("memcap", "run")) -> Path:
    path = result_path(folder, campaign)
    save_result(make_result(id=campaign, command=command), path, overwrite=False)
    return path


def test_the_newest_run_is_the_last_id_whatever_the_clock_of_files_says(tmp_path: Path) -> None:
    newest = save(tmp_path, "20261120T043000-quick-aaaa")
    for campaign in ("20261119T235959-quick-ffff", "nightly", "20261120T043001-quick-aaaa.base"):
        save(tmp_path, campaign)
    (tmp_path / "baselines").mkdir()
    (tmp_path / ".20270101T000000-quick-aaaa.json.x.tmp").touch()
    (tmp_path / "notes.txt").touch()

    path, result = latest_run(tmp_path)

    assert (path, result.id) == (newest, "20261120T043000-quick-aaaa")


@pytest.mark.parametrize("command", [("memcap", "compare", "--base", "py310"), ("pytest", "tests"), ("memcap",)])
def test_what_is_no_run_is_passed_over(tmp_path: Path, command: tuple[str, ...]) -> None:
    run = save(tmp_path, "20261120T043000-quick-aaaa")
    save(tmp_path, "20261121T043000-quick-bbbb", command=command)

    assert latest_run(tmp_path)[0] == run


def test_a_damaged_newest_result_is_not_passed_over(tmp_path: Path) -> None:
    save(tmp_path, "20261120T043000-quick-aaaa")
    result_path(tmp_path, "20261121T043000-quick-bbbb").write_text("{}")

    with pytest.raises(FileFormatError, match="20261121T043000"):
        latest_run(tmp_path)


def test_no_run_says_what_to_do(tmp_path: Path) -> None:
    save(tmp_path, "20261120T043000-quick-aaaa", command=("memcap", "compare"))
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="no result of a run in") as caught:
            latest_run(folder)
        assert "memcap run" in caught.value.remedy
