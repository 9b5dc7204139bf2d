"""What is read of a soak: the looks of the supervisor, and those from within."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from measured import LOOK_KEYS, soak_line
from soak_notes import make_note

from memcap.probe.soak_journal import last_look, parse_looks
from memcap.probe.soak_work import parse_work
from memcap.store import parse_soak_note, soak_note_text
from memcap.workflows.soak_twin import read_leaks

_START: Final = '{"soak": 1, "started_ns": 7000000000, "wall_ns": 1764500000500000000, "step_ns": 500000000}\n'
_FIGURES: Final = dict.fromkeys(LOOK_KEYS, 4096)
_LINES: Final = [soak_line(step * 500_000_000, **_FIGURES, processes=[[7, 1, 40, "python3"]]) for step in range(4)]


def _read_looks(content: bytes, folder: Path) -> None:
    text = content.decode("utf-8", "replace")
    looks = parse_looks(text).looks
    assert list(looks) == sorted(looks, key=lambda look: look.seconds)
    assert (last_look(text) is None) == (not looks)


_WORK: Final = [
    {"event": "work", "at": 7.5, "done": 9, "p50": 0.1, "p95": 0.2, "p99": 0.3, "max": 0.4, "metrics": {"lag": 2.5}},
    {"event": "python", "at": 7.5, "pid": 7, "gc_objects": 5, "gc_collections": [3, 2, 1], "tracemalloc": [1, 2],
     "took": 0.01},
    {"event": "collected", "at": 9.5, "pid": 7, "enabled": True, "gc_objects": [9, 5], "freed": 4096},
    {"event": "top", "at": 8.5, "pid": 7, "sites": [["/app.py", 3, 900, 2, "x = []"], ["/b.py", 1, 5, 1, ""]]},
]  # fmt: skip


def _read_work(content: bytes, folder: Path) -> None:
    found = parse_work(content.decode("utf-8", "replace").splitlines(), started=5.0)
    assert min([*(look.seconds for look in found.work), *(look.seconds for look in found.python), 0.0]) == 0
    assert (found.sites is None) == (not found.tops)


def _read_note(content: bytes, folder: Path) -> None:
    note = parse_soak_note(content.decode("utf-8", "replace"), container="abc")
    assert soak_note_text(note)


def _read_twin(content: bytes, folder: Path) -> None:
    (folder / "7-leaks.json").write_bytes(content)
    sites = read_leaks(folder)
    assert list(sites) == sorted(sites, key=lambda site: -site.bytes)


OF_SOAKS: Final[dict[str, tuple[tuple[bytes, ...], Callable[[bytes, Path], object]]]] = {
    "looks from within": (("\n".join(map(json.dumps, _WORK * 2)).encode(),), _read_work),
    "looks at soaks": (("".join([_START, *_LINES]).encode(),), _read_looks),
    "notes of soaks": ((soak_note_text(make_note()).encode(),), _read_note),
    "leaks of a twin": ((json.dumps([["/app.py", 3, 900, 2, "x = []"], ["/b.py", 1, 5, 1, ""]]).encode(),), _read_twin),
}
