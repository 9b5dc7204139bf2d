"""What is read about loads: the language, the client's report, and the outputs of other load generators."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from memcap.load import make_orders, parse_load, parse_load_report, parse_tool_output, render_load
from memcap.model import LoadTarget
from memcap.probe.memcap_load.client import Client

_LOAD: Final = (
    "GET /items/{1..500} weight=9 header='Accept: text/html' and POST '/cart?a=b' body=cart.json "
    "rate=200 for 20s concurrency=20 keepalive=no timeout=5s levels=1,2,4"
)
_REPORT: Final[dict[str, Any]] = {
    "sent": 3200, "completed": 3000, "errors": {"status": {"count": 80, "example": "GET /: 500 Oh"}}, "queued": 3,
    "started": {"monotonic_seconds": 100.5, "wall_seconds": 1e9},
    "ended": {"monotonic_seconds": 110, "wall_seconds": 2e9},
    "achieved_rate": 199.9, "latency_seconds": {"p50": 0.001, "p95": 0.002, "p99": 0.003, "max": 0.5},
    "lateness_seconds": {"p50": 0.001, "p99": 0.002, "max": 0.003},
}  # fmt: skip
_OUTPUTS: Final = (
    "requests: 600 total, 600 started, 600 done, 590 succeeded, 10 failed, 5 errored, 1 timeout\n",
    'Status code distribution:\n  [200]\t50 responses\n\nError distribution:\n  [5]\tGet "http://h/": EOF\n',
    "  9312 requests in 1.01s, 454.69KB read\n  Socket errors: connect 1, read 2, write 3, timeout 4\n",
    "    http_req_failed...: 20.00%  9 out of 45\n    http_reqs.........: 45     6.56/s\n",
)


def _report() -> bytes:
    orders = make_orders(parse_load("GET / rate=200 for 20s"), LoadTarget(), seed=1, bodies={})
    return json.dumps({**Client(orders).report(), **_REPORT}).encode()


def _read_load(content: bytes, folder: Path) -> None:
    load = parse_load(content.decode("utf-8", "replace"))
    assert parse_load(render_load(load)) == load


def _read_report(content: bytes, folder: Path) -> None:
    outcome = parse_load_report(content.decode("utf-8", "replace"))
    assert outcome.unfinished >= 0
    assert outcome.missed_rate in (True, False, None)
    assert outcome.client_was_slow in (True, False, None)


def _read_output(content: bytes, folder: Path) -> None:
    outcome = parse_tool_output(content.decode("utf-8", "replace"))
    assert outcome is None or outcome.unfinished >= 0


OF_LOADS: Final[dict[str, tuple[tuple[bytes, ...], Callable[[bytes, Path], object]]]] = {
    "loads": ((_LOAD.encode(),), _read_load),
    "reports of loads": ((_report(),), _read_report),
    "outputs of load generators": (tuple(text.encode() for text in _OUTPUTS), _read_output),
}
