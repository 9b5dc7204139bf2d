"""``memcap profile``: how it ends, and what it leaves, for each ending of the program."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from factories import make_profile
from memcap.model import Ending
from memcap.workflows.profile import Profiled, write_reports


@pytest.mark.parametrize(
    ("ending", "expected", "code"),
    [
        (Ending.COMPLETED, Ending.COMPLETED, 0),
        (Ending.OOM_KILLED, Ending.OOM_KILLED, 0),
        (Ending.FAILED, Ending.COMPLETED, 96),
        (Ending.CRASHED, Ending.COMPLETED, 96),
        (Ending.TIMED_OUT, Ending.COMPLETED, 96),
        (Ending.OOM_KILLED, Ending.COMPLETED, 97),
        (Ending.MEMORY_ERROR, Ending.COMPLETED, 97),
        (Ending.COMPLETED, Ending.OOM_KILLED, 97),
        (Ending.KILLED_FROM_OUTSIDE, Ending.COMPLETED, 95),
    ],
)
def test_the_exit_code_is_that_of_measure(ending: Ending, expected: Ending, code: int) -> None:
    assert Profiled(profile=make_profile(ending=ending), folder=Path(), expected=expected).exit_code == code


def test_what_was_printed_is_kept(tmp_path: Path) -> None:
    write_reports(make_profile(ending=Ending.FAILED, output_tail="my reason"), tmp_path / "failed", top=1)
    write_reports(make_profile(), tmp_path / "completed", top=1)

    assert (tmp_path / "failed" / "output.txt").read_text() == "my reason\n"
    assert not (tmp_path / "completed" / "output.txt").exists()


def test_what_was_written_is_returned_and_needs_no_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in ("jinja2", "vl_convert"):
        monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / "record").mkdir()
    assert write_reports(make_profile(), tmp_path, top=1) == (
        "index.html", "profile.json", "record/", "speedscope.json", "tree.txt",
    )  # fmt: skip
