"""Traces in the Trace Event Format, which Perfetto and chrome://tracing open.

Source: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU. Processes are runs, counters
are memory, slices are phases, and an instant is a kill. Times are microseconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from memcap.json_text import json_line
from memcap.untrusted import printable

_MICROSECONDS: Final = 1_000_000
Event = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A span of time with a name, and what else is known of it."""

    name: str
    start: float
    end: float
    facts: Mapping[str, Any]


class TraceProcess:
    """One process of a trace, and its rows of slices; ``number`` orders processes."""

    def __init__(self, number: int, name: str) -> None:
        self._pid = number
        self._rows = 0
        self.events: list[Event] = []
        self._name("process_name", 0, name)
        self.events.append(
            {"ph": "M", "pid": number, "tid": 0, "name": "process_sort_index", "args": {"sort_index": number}}
        )

    def counter(self, name: str, seconds: float, **values: float | None) -> None:
        """Note the ``values`` of a counter; what was not measured is left out."""
        known = {key: value for key, value in values.items() if value is not None}
        if known:
            self.events.append(
                {"ph": "C", "pid": self._pid, "ts": microseconds(seconds), "name": printable(name), "args": known}
            )

    def row(self, name: str, slices: Iterable[Slice]) -> None:
        """Add a row of slices, none if there are none. Each ends where the next one begins, at the latest."""
        ordered = sorted(slices, key=lambda each: each.start)
        if not ordered:
            return
        self._rows += 1
        self._name("thread_name", self._rows, name)
        nexts = [microseconds(each.start) for each in ordered[1:]]
        for each, following in zip(ordered, [*nexts, None], strict=True):
            self.events.append(self._slice(each, following))

    def mark(self, name: str, seconds: float, facts: Mapping[str, Any]) -> None:
        """Add an instant of the whole process."""
        self.events.append(
            {"ph": "i", "s": "p", "pid": self._pid, "tid": 0, "ts": microseconds(seconds), "cat": "memcap",
             "name": printable(name), "args": _shown(facts)}
        )  # fmt: skip

    def _slice(self, each: Slice, following: int | None) -> Event:
        start, end = microseconds(each.start), microseconds(max(each.start, each.end))
        end = end if following is None else min(end, following)
        return {
            "ph": "X", "pid": self._pid, "tid": self._rows, "ts": start, "dur": end - start, "cat": "memcap",
            "name": printable(each.name), "args": _shown(each.facts),
        }  # fmt: skip

    def _name(self, kind: str, row: int, name: str) -> None:
        self.events.append({"ph": "M", "pid": self._pid, "tid": row, "name": kind, "args": {"name": printable(name)}})


def trace_text(processes: Iterable[TraceProcess], facts: Mapping[str, Any]) -> str:
    """Return a trace as JSON, an event a line; ``facts`` are said of the whole."""
    events = ",\n".join(json_line(event) for each in processes for event in each.events)
    head = f'{{"displayTimeUnit": "ms",\n"otherData": {json_line(_shown(facts))},\n"traceEvents": '
    return f"{head}[\n{events}\n]}}\n" if events else f"{head}[]}}\n"


def microseconds(seconds: float) -> int:
    """Return ``seconds`` as a trace counts them."""
    return round(seconds * _MICROSECONDS)


def _shown(facts: Mapping[str, Any]) -> dict[str, Any]:
    return dict(_known(facts))


def _known(facts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in facts.items():
        if value is not None and value != "":
            yield name, printable(value) if isinstance(value, str) else value
