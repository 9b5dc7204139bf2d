"""What docs/python-api.md shows works with containers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from documents import python_blocks
from integration.measuring import write_project

import memcap

pytestmark = pytest.mark.docker

LIMITS = '[caps]\n128m = "128MiB"\n[profiles.quick]\nwarmups = 0\n'
SUITE = '[benchmarks.calm]\ncommand = ["python", "-c", "pass"]\n'


def test_the_page_tells_what_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(write_project(tmp_path, limits=LIMITS, suite=SUITE))
    names: dict[str, Any] = {}
    for block in python_blocks("docs/python-api.md"):
        text = block.replace("python:3.12-slim", "py312").replace('"agents"', '"small"')
        exec(compile(text, "docs/python-api.md", "exec"), names)

    assert capsys.readouterr().err == ""
    assert all(run.ending is memcap.Ending.COMPLETED for cell in names["measured"].cells for run in cell.runs)
    assert names["outcome"].accepted.count == 1
    assert 50_000_000 < names["fitted"].fit.minimum.cap_bytes < 100_000_000
    assert names["profiled"].profile.lines()[0].size_bytes >= 50_000_000
