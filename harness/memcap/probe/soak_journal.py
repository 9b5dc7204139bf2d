"""Read what the supervisor saw of a soak, from the journal that it keeps in the container (csrc/looks.h)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

from memcap.errors import FileFormatError
from memcap.model import MemoryLook
from memcap.probe.fields import read_whole
from memcap.strict import parse_json

LONGEST_LOOK: Final = 16_384  # characters of a line: with 32 processes of a server it has some 2000
_RENAMED: Final = {"processes": "process_count"}  # a server's line has a list of processes, too
_KEYS: Final = {each.name: _RENAMED.get(each.name, each.name) for each in fields(MemoryLook) if each.name != "seconds"}


@dataclass(frozen=True, kw_only=True)
class SoakStart:
    """When the workload was started, on the machine's monotonic clock and in Unix time, and how long a step is."""

    started: float
    started_wall: float
    step_seconds: float


@dataclass(frozen=True, kw_only=True)
class SoakJournal:
    """A journal as far as it has come: when the workload was started (None: not known), and the looks at it."""

    started: float | None
    started_wall: float | None
    looks: tuple[MemoryLook, ...]


def parse_looks(journal: str) -> SoakJournal:
    """Return what ``journal`` says; a line that was cut off is left out."""
    start: SoakStart | None = None
    looks: list[MemoryLook] = []
    for found in stream_looks(journal.splitlines()):
        if isinstance(found, MemoryLook):
            looks.append(found)
        else:
            start = start or found
    return SoakJournal(
        started=start.started if start else None,
        started_wall=start.started_wall if start else None,
        looks=tuple(looks),
    )


def stream_looks(lines: Iterable[str]) -> Iterator[SoakStart | MemoryLook]:
    """Yield what each of ``lines`` says, for a journal that still grows, or is too long to be held.

    A line that was cut off is left out, and so is a look that is not later than those before it.
    """
    last = -1.0
    for line in lines:
        found = _read_line(line)
        if isinstance(found, MemoryLook):
            if found.seconds <= last:
                continue
            last = found.seconds
        if found is not None:
            yield found


def last_look(journal: str) -> MemoryLook | None:
    """Return the last look in ``journal``, None if there is none."""
    found = (_read_line(line) for line in reversed(journal.splitlines()))
    return next((each for each in found if isinstance(each, MemoryLook)), None)


def _read_line(line: str) -> SoakStart | MemoryLook | None:
    if len(line) > LONGEST_LOOK:
        return None
    try:
        data = parse_json("the supervisor's journal", line)
        if "soak" in data:
            return SoakStart(
                started=read_whole(data["started_ns"]) / 1e9,
                started_wall=read_whole(data["wall_ns"]) / 1e9,
                step_seconds=read_whole(data["step_ns"]) / 1e9,
            )
        seconds = read_whole(data["elapsed_ns"]) / 1e9
        return MemoryLook(seconds=seconds, **{name: _figure(data[key]) for name, key in _KEYS.items()})
    except (FileFormatError, KeyError, TypeError):
        return None


def _figure(value: Any) -> int | None:
    return None if value is None else read_whole(value)
