"""Read which processes a server had over time, from the journal that the supervisor keeps of it (csrc/write.h)."""

from __future__ import annotations

from typing import Any

from memcap.errors import FileFormatError
from memcap.model import ProcessMoment
from memcap.probe.fields import MOST_KIBIBYTES, read_items, read_text, read_whole
from memcap.strict import parse_json

_COLUMNS = 4


def parse_processes(journal: str) -> tuple[ProcessMoment, ...]:
    """Return the processes at each time that the journal has; a line that was cut off is left out."""
    found: list[ProcessMoment] = []
    for line in journal.splitlines():
        try:
            data = parse_json("the supervisor's journal", line)
            seconds = read_whole(data["elapsed_ns"]) / 1e9
            found += [_process(seconds, row) for row in read_items(data.get("processes", []))]
        except (FileFormatError, KeyError, TypeError, AttributeError):
            continue
    return tuple(found)


def _process(seconds: float, data: Any) -> ProcessMoment:
    row = read_items(data)
    if len(row) != _COLUMNS:
        raise TypeError(f"{len(row)} columns instead of {_COLUMNS}")
    pid, parent, kibibytes = (read_whole(number) for number in row[:-1])
    if kibibytes > MOST_KIBIBYTES:
        raise TypeError("a number too large")
    return ProcessMoment(seconds=seconds, pid=pid, parent=parent, name=read_text(row[-1]), rss_bytes=kibibytes * 1024)
