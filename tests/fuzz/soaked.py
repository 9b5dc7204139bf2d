"""What is read of a soak's workload: the looks from within."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

from memcap.probe.soak_work import parse_work

_LINES: Final = [
    {"event": "work", "at": 7.5, "done": 9, "p50": 0.1, "p95": 0.2, "p99": 0.3, "max": 0.4, "metrics": {"lag": 2.5}},
    {"event": "python", "at": 7.5, "pid": 7, "gc_objects": 5, "gc_collections": [3, 2, 1], "tracemalloc": [1, 2],
     "took": 0.01},
    {"event": "top", "at": 8.5, "pid": 7, "sites": [["/app.py", 3, 900, 2, "x = []"], ["/b.py", 1, 5, 1, ""]]},
]  # fmt: skip


def _read_work(content: bytes, folder: Path) -> None:
    found = parse_work(content.decode("utf-8", "replace").splitlines(), started=5.0)
    assert min([*(look.seconds for look in found.work), *(look.seconds for look in found.python), 0.0]) == 0
    assert (found.sites is None) == (not found.tops)


OF_SOAKED: Final[dict[str, tuple[tuple[bytes, ...], Callable[[bytes, Path], object]]]] = {
    "looks from within": (("\n".join(map(json.dumps, _LINES * 2)).encode(),), _read_work),
}
