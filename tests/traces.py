"""Check a trace by the Trace Event Format: what Perfetto's importer refuses, and what its viewers cannot draw.

Sources: the format's own document, and perfetto's json_trace_parser.cc and json_trace_tokenizer.cc.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

Event = dict[str, Any]
_NAMES = ("process_name", "process_sort_index", "thread_name")


def read_trace(text: str) -> list[Event]:
    """Return the events of a trace, each of them checked."""
    document = json.loads(text)
    assert set(document) == {"displayTimeUnit", "otherData", "traceEvents"}
    assert document["displayTimeUnit"] in ("ms", "ns")
    events: list[Event] = document["traceEvents"]
    for event in events:
        _check(event)
    _check_slices(events)
    return events


def of_kind(events: list[Event], kind: str, name: str = "") -> list[Event]:
    """Return the events of a kind, or those of one name of it."""
    return [each for each in events if each["ph"] == kind and (not name or each["name"] == name)]


def _check(event: Event) -> None:
    assert isinstance(event["pid"], int)
    assert isinstance(event["name"], str)
    if event["ph"] == "M":
        assert event["name"] in _NAMES
        key = "sort_index" if event["name"] == "process_sort_index" else "name"
        assert set(event["args"]) == {key}
        return
    assert isinstance(event["ts"], int)  # microseconds; a fraction is allowed, and not needed
    assert event["ts"] >= 0
    if event["ph"] == "C":
        assert event["args"]
        assert all(type(value) in (int, float) for value in event["args"].values())
    elif event["ph"] == "X":
        assert isinstance(event["dur"], int)
        assert event["dur"] >= 0
    else:
        assert event["ph"] == "i"
        assert event["s"] in ("g", "p", "t")


def _check_slices(events: list[Event]) -> None:
    """Slices of one row have to nest; these follow each other."""
    rows: dict[tuple[int, int], int] = defaultdict(int)
    for each in of_kind(events, "X"):
        row = each["pid"], each["tid"]
        assert each["ts"] >= rows[row]
        rows[row] = each["ts"] + each["dur"]
