"""What is read of a server's run: what the load client tells, and which processes the supervisor saw."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final
from zlib import crc32

from measured_servers import CLOCK, FAULTS, STOPPED, WHOLE, event, lines, served

from factories import make_cell, make_raw, make_report, make_result
from memcap.errors import FileFormatError
from memcap.load import parse_events
from memcap.model import Measurement
from memcap.probe.process_journal import parse_processes
from memcap.store import load_result, save_result

_USED: Final = 8  # one in so many of the measurements is stored and read again
_EVENTS: Final = (
    WHOLE,
    [event("services_ready"), event("not_ready", why="localhost:8000: Connection refused")],
    lines("services_ready", "ready", "warm_up", "load", completed=15, errors=FAULTS),
    [*WHOLE[:3], event("progress", done=9, failed=1, p50=0.001, p95=0.002, p99=None, max=0.5)],
)
_PROCESSES: Final = [
    {"elapsed_ns": step * 500_000_000, "peak_bytes": 50, "processes": [[7, 1, 9000, "gunicorn"], [8, 7, 70, "worker"]]}
    for step in range(4)
]


def _read_events(content: bytes, folder: Path) -> None:
    text = content.decode("utf-8", "replace")
    run = served([text])
    assert len(run.detail) <= 4000
    _store(run, content, folder)
    parse_events(text.splitlines())


def _read_processes(content: bytes, folder: Path) -> None:
    text = content.decode("utf-8", "replace")
    report = make_report(exit_code=None, signal=15, started_ns=CLOCK * 10**9, **STOPPED)
    run = served(WHOLE, raw=replace(make_raw(report), supervisor_journal=text))
    assert run.server is not None
    assert run.server.process_series == parse_processes(text)
    _store(run, content, folder)


def _store(run: Measurement, content: bytes, folder: Path) -> None:
    if crc32(content) % _USED == 0:
        path = folder / "r.json"
        save_result(make_result(make_cell(runs=[run])), path, overwrite=True)
        try:
            load_result(path)
        except FileFormatError as error:
            raise AssertionError(f"what was measured cannot be read again: {error}") from error


OF_SERVERS: Final[dict[str, tuple[tuple[bytes, ...], Callable[[bytes, Path], object]]]] = {
    "events of the load client": (tuple("\n".join(each).encode() for each in _EVENTS), _read_events),
    "journals of processes": (("\n".join(map(json.dumps, _PROCESSES)).encode(),), _read_processes),
}
