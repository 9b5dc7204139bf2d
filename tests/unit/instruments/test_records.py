"""What the renderer wrote, as processes and sites."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from memcap.errors import FileFormatError
from memcap.instruments.records import read_noted
from memcap.model import CaveatKind, Frame


def write(folder: Path, *processes: dict[str, Any]) -> Path:
    frames = [["/app.py", 4, "guilty", False], ["/app.py", 8, "<module>", False], ["a.c", 0, "grow", True]]
    whole = {"processes": processes, "frames": frames, "sources": {"/app.py:4": "kept.append(1)"}}
    (folder / "sites.json").write_text(json.dumps(whole))
    return folder


def process(pid: int, *rows: list[Any], **more: Any) -> dict[str, Any]:
    whole = {"pid": pid, "parent": 1, "command": ["python", "app.py"], "version": "1.20.0", "peak_bytes": 100}
    return {**whole, "sites": list(rows), **more}


def test_sites_of_all_processes_largest_first(tmp_path: Path) -> None:
    child = process(9, [70, 1, "", "malloc", [2, 0, 1]], parent=7)
    found = read_noted(write(tmp_path, process(7, [30, 2, "MainThread", "mmap", [0, 1]]), child))

    assert [(site.size_bytes, site.process) for site in found.sites] == [(70, 9), (30, 7)]
    assert found.sites[0].native
    assert found.sites[0].frame == Frame(file="/app.py", line=4, function="guilty")
    assert [(each.pid, each.main) for each in found.processes] == [(7, True), (9, False)]
    assert found.tool_version == "1.20.0"
    assert found.sources == {"/app.py:4": "kept.append(1)"}
    assert found.caveats == ()


def test_a_process_of_which_nothing_is_known_is_told(tmp_path: Path) -> None:
    found = read_noted(write(tmp_path, process(7, error="ImportError: no memray"), process(8)))

    assert [caveat.kind for caveat in found.caveats] == [CaveatKind.NOT_RECORDED] * 2
    assert "ImportError: no memray" in found.caveats[0].detail


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "this is not JSON"),
        ("[]", "expected a JSON object, found a list"),
        ("[" * 100_000, "nested too deeply"),
        ('{"frames": [], "processes": [{}], "sources": {}}', "not what memcap wrote there: KeyError: 'pid'"),
        ('{"frames": [], "processes": [], "sources": []}', "not what memcap wrote there: AttributeError"),
        ('{"frames": [], "processes": [{"pid": Infinity}], "sources": {}}', r"processes\[0\]\.pid: expected a finite"),
        ('{"frames": [], "processes": [{"pid": -1}], "sources": {}}', r"processes\[0\]\.pid: expected 0 or more"),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "sites.json").write_text(text)

    with pytest.raises(FileFormatError, match=rf"sites\.json.*(?s:.*){message}"):
        read_noted(tmp_path)
