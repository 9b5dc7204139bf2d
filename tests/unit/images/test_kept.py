"""Folders that are made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.images.kept import kept_folder


@pytest.mark.usefixtures("own_pip")
def test_a_folder_is_filled_once_and_only_kept_whole(tmp_path: Path) -> None:
    calls = []

    def fill(folder: Path) -> None:
        calls.append(folder)
        (folder / "a").write_text("x")
        if len(calls) == 1:
            raise ValueError("half-way")

    with pytest.raises(ValueError, match="half-way"):
        kept_folder("things", "key", fill)
    assert list((tmp_path / "cache" / "things").iterdir()) == []
    for _ in range(2):
        assert (kept_folder("things", "key", fill) / "a").read_text() == "x"
    assert len(calls) == 2
