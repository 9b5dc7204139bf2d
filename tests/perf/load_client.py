"""The load client's figures: what arrives at the server and how evenly, latency with a stall, CPU time, memory.

    PYTHONPATH=tests python tests/perf/load_client.py
    PYTHONPATH=tests python tests/perf/load_client.py --url http://127.0.0.1:8000/

The first form starts servers of its own, which count. A server that stalls for a second at a quarter of 2000 requests,
200 a second, has a 95th percentile of about 515 ms. The second form sends the same load to a server that runs already.
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from load_server import ANSWER, CLOSING, LoadServer
from tabulate import tabulate

import memcap
from memcap.load import make_orders, parse_load, parse_load_report, parse_target
from memcap.model import LoadOutcome, LoadTarget

CLIENT = Path(memcap.__file__).parent / "probe" / "memcap_load"
LOAD = "GET /items/{1..500} rate=200 for 10s concurrency=20"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """What came of one load, and what the client took."""

    outcome: LoadOutcome
    peak_bytes: int


def measure_load(load: str, target: LoadTarget, *, python: str = sys.executable) -> Figures:
    """Send a load and return what came of it."""
    orders = make_orders(parse_load(load), target, seed=1, bodies={})
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("orders.json", "report.json")]
        Path(files[0]).write_text(json.dumps(orders), encoding="utf-8")
        peak = 0
        with subprocess.Popen([python, str(CLIENT), "--orders", files[0], "--report", files[1]]) as process:
            while process.poll() is None:
                peak = max(peak, resident_peak(process.pid))
                time.sleep(0.02)
        if process.returncode:
            raise RuntimeError(f"the client ended with {process.returncode}")
        outcome = parse_load_report(Path(files[1]).read_text(encoding="utf-8"))
    return Figures(outcome=outcome, peak_bytes=peak)


def resident_peak(pid: int) -> int:
    """Return the largest resident size of a process in bytes; 0 once it has ended."""
    _, _, rest = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").partition("VmHWM:")
    return int(rest.split(maxsplit=1)[0]) * 1024 if rest else 0


def unevenness(times: list[float]) -> float:
    """Return the 99th less the first percentile of the intervals, in seconds."""
    gaps = sorted(after - before for before, after in itertools.pairwise(times))
    return gaps[len(gaps) * 99 // 100] - gaps[len(gaps) // 100]


def row(name: str, figures: Figures, server: LoadServer | None) -> list[object]:
    """Return a row of the table."""
    outcome = figures.outcome

    def ms(seconds: float | None) -> str:
        return "" if seconds is None else f"{seconds * 1000:.1f}"

    return [
        name,
        len(server.heads) if server else "",
        outcome.completed,
        " ".join(f"{kind} {error.count}" for kind, error in outcome.errors.items()),
        outcome.connections.opened if outcome.connections else "",
        ms(unevenness(server.times)) if server and len(server.times) > 100 else "",
        ms(outcome.latency.p50) if outcome.latency else "",
        ms(outcome.latency.p95) if outcome.latency else "",
        ms(outcome.lateness.p99) if outcome.lateness else "",
        outcome.queued,
        f"{outcome.cpu_seconds:.2f}",
        f"{figures.peak_bytes / 2**20:.1f}",
    ]


HEADERS = (
    "load", "at the server", "completed", "errors", "connections", "p99 - p1 of intervals, ms", "p50, ms", "p95, ms",
    "own lateness p99, ms", "queued", "CPU s", "peak MiB",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="a server that runs already")
    parser.add_argument("--load", default=LOAD)
    parser.add_argument("--python", default=sys.executable, help="the interpreter that the client runs in")
    options = parser.parse_args()
    if options.url:
        figures = measure_load(options.load, parse_target(options.url), python=options.python)
        print(tabulate([row(options.load, figures, None)], HEADERS))
        return
    rows = []
    for name, load, made in (
        ("kept connections", options.load, LoadServer()),
        ("stalls for 1 s", options.load, LoadServer(stalls_at=500)),
        ("closes connections", options.load, LoadServer(lambda _: CLOSING, hangs_up=True)),
        ("closes unannounced", options.load, LoadServer(lambda _: ANSWER, hangs_up=True)),
        ("ten times as many", options.load.replace("rate=200", "rate=2000"), LoadServer()),
    ):
        with made as server:
            target = parse_target(f"tcp://localhost:{server.port}")
            rows.append(row(name, measure_load(load, target, python=options.python), server))
    gone = LoadTarget(port=server.port)
    rows.append(row("nothing listens", measure_load(options.load, gone, python=options.python), None))
    print(tabulate(rows, HEADERS))


if __name__ == "__main__":
    main()
