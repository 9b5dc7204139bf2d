"""What the tests of measuring servers start from: what the load client tells in a run, and measuring that."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from measured import SPEC
from servers import make_server_spec

from factories import make_raw, make_report
from memcap.load import make_orders, parse_load
from memcap.measuring import measure
from memcap.model import Ending, LoadTarget, Measurement, PhaseName, RawRun, RawServing, RunSpec, ServerRun
from memcap.probe.memcap_load.client import Client

CLOCK = 1000
PHASES = ("services_ready", "ready", "warm_up", "load", "idle", "done")
TIMES = {"services_ready": -0.5, "ready": 0.5, "warm_up": 1.5, "load": 3.5, "idle": 6.5, "done": 6.5, "collect": 9.5}
STOPPED: dict[str, Any] = {"stopped_at_ns": 6_600_000_000, "wall_ns": 7_000_000_000}
BY_ITSELF: dict[str, Any] = {"stopped_at_ns": None, "wall_ns": 5_000_000_000}
HEY = "Status code distribution:\n  [200]\t15 responses\n  [500]\t5 responses\n"
FAULTS = {"connect": {"count": 20, "example": "GET /: Connection refused"}}


def report_of(**changes: Any) -> dict[str, Any]:
    """Return what the client reports of a load of 20 requests that were all answered."""
    orders = make_orders(parse_load("GET / rate=10 for 2s"), LoadTarget(), seed=1, bodies={})
    sent = {"sent": 20, "completed": 20, "achieved_rate": 10.0}
    return {**Client(orders).report(), **sent, **changes}


def event(name: str, **facts: Any) -> str:
    at = CLOCK + TIMES.get(name, 2.0)
    if name in set(PhaseName):
        facts = {"phase": name, **facts}
        name = "phase"
    return json.dumps({"event": name, "at": at, "name": "", **facts})


def lines(*names: str, **report: Any) -> list[str]:
    return [event(name, **({"report": report_of(**report)} if name == "load" else {})) for name in names]


WHOLE = lines(*PHASES)


def served(
    events: list[str],
    *,
    spec: RunSpec | None = None,
    raw: RawRun | None = None,
    serving: dict[str, Any] | None = None,
    **report: Any,
) -> Measurement:
    """Measure a server's run: stopped by a signal that ended it, unless told."""
    own = {"exit_code": None, "signal": 15, "started_ns": CLOCK * 10**9, **STOPPED, **report}
    left = RawServing(events="\n".join(events), **(serving or {}))
    status = own["exit_code"] if own["signal"] is None else 128 + own["signal"]
    found = raw or make_raw(make_report(**own), exit_code=status)
    told = replace(spec or make_server_spec(), cap_bytes=SPEC.cap_bytes, supervisor_bytes=SPEC.supervisor_bytes)
    return measure(replace(found, serving=left), told, cpus=2)


def run_of(found: Measurement) -> ServerRun:
    assert found.server is not None
    return found.server


def marks_of(found: Measurement) -> list[tuple[str, float, float]]:
    return [(each.name.value, each.start_seconds, each.end_seconds) for each in run_of(found).phases]


def ending_of(found: Measurement) -> tuple[Ending, str]:
    return found.ending, found.detail
