"""Test where the files of a soak can be written, which is checked before hours are spent on it."""

from __future__ import annotations

from pathlib import Path

import pytest

from memcap.errors import MemcapError
from memcap.workflows.soak_saving import refuse_unfit_folder


def test_a_folder_that_is_there_or_can_be_made_is_fit(tmp_path: Path) -> None:
    refuse_unfit_folder(tmp_path)
    refuse_unfit_folder(tmp_path / "new" / "and deeper")


def test_a_folder_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(MemcapError, match=r"file is a file") as caught:
        refuse_unfit_folder(tmp_path / "file" / "folder")
    assert caught.value.remedy == "Choose another --output."
