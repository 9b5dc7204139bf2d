"""What the tests of measuring start from: a run of a plain command, and events of the runner."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from factories import MIB, make_layer, make_plan_cell, make_raw, make_report, make_settings
from memcap.measuring import measure
from memcap.model import (
    CaveatKind,
    Measurement,
    RawRun,
)
from memcap.run_spec import run_spec

SUPERVISOR_BYTES = 72 * 1024
SPEC = replace(
    run_spec(
        make_plan_cell(),
        make_layer(),
        make_settings(time_limit_seconds=90),
        attempt="1",
    ),
    cap_bytes=128 * MIB - SUPERVISOR_BYTES,
    supervisor_bytes=SUPERVISOR_BYTES,
)
START = {"event": "start", "implementation": "cpython", "version": "3.12.7", "flags": {"isolated": 0}}
LOAD_ERROR = {"event": "load_error", "type": "ModuleNotFoundError", "message": "No module named 'crewai'"}
RAISED = {"event": "raised", "type": "ValueError", "message": "no such luck"}
OUT_OF_MEMORY = {"event": "raised", "type": "MemoryError", "message": ""}
END: dict[str, Any] = {"event": "end", "cycles": None, "metrics": {}, "gc": None}
LOOK_KEYS = (
    "unreclaimable_bytes", "low_bytes", "usage_bytes", "huge_bytes", "rss_bytes", "vms_bytes", "pss_bytes",
    "process_count", "threads", "open_files",
)  # fmt: skip
OOM = {"oom_kills": 1}
KILLED = {"exit_code": None, "signal": 9}


def journal_of(*events: dict[str, Any]) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def soak_line(nanoseconds: Any, **figures: Any) -> str:
    """Return a look at a soak as the supervisor writes it; figures that are not named are not known."""
    known = {"elapsed_ns": nanoseconds, "unreclaimable_peak_bytes": 40, "peak_bytes": 50, "oom_kills": 0}
    return json.dumps({**known, **dict.fromkeys(LOOK_KEYS), **figures}) + "\n"


def measured(raw: RawRun | None = None, *, cpus: int | None = 2, **report: Any) -> Measurement:
    """Measure a run with these fields of its report, or ``raw``."""
    return measure(raw or make_raw(make_report(**report)), SPEC, cpus=cpus)


def kinds(measurement: Measurement) -> list[CaveatKind]:
    return [caveat.kind for caveat in measurement.caveats]
