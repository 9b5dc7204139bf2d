"""What a container lacks for attaching is told in full, with what to start it with."""

from __future__ import annotations

from pathlib import Path

import pytest

from factories import make_profile
from memcap.cli.profile import command
from memcap.errors import BuildError, UsageError
from memcap.instruments import attaching
from memcap.model import ImageFacts
from memcap.report.profile import facts

ALL = {
    "method": "gdb", "refusal": "", "same": True, "capable": False, "filtered": False, "yama": 1, "folder": "/tmp"
}  # fmt: skip
IMAGE = ImageFacts(
    name="app", reference="app", id="sha256:1", digest=None, origin="", architecture="x86_64", python=None
)


@pytest.fixture(autouse=True)
def wheel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attaching, "memray_files", lambda _: Path())


def test_nothing_lacks() -> None:
    assert attaching.lacks(IMAGE, ALL, pid=7) == []


def test_everything_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: ImageFacts) -> Path:
        raise BuildError("no wheel of memray")

    monkeypatch.setattr(attaching, "memray_files", refuse)
    nothing = {**ALL, "method": None, "refusal": "Operation not permitted", "same": False, "folder": None}
    wheel, python, ptrace, debugger, folder = attaching.lacks(IMAGE, nothing, pid=7)

    assert "no wheel of memray" in wheel
    assert "another Python" in python
    assert "process 7 (Operation not permitted; CAP_SYS_PTRACE not effective, kernel.yama.ptrace_scope 1, sec" in ptrace
    assert "--cap-add SYS_PTRACE" in ptrace
    assert "gdb" in debugger
    assert "/var/tmp" in folder


@pytest.mark.parametrize(
    "words", [["--container", "web", "image"], ["--container", "web", "--native"], ["--duration", "3s", "image"]]
)
def test_options_that_do_not_go_together(words: list[str]) -> None:
    with pytest.raises(UsageError):
        command.main(words, standalone_mode=False)


def test_an_attached_profile_claims_no_ending_and_no_cost() -> None:
    (said,) = facts(make_profile(attached_seconds=30.0))

    assert said.startswith("Attached for 30.0 s at most, to a process that ran already.")
