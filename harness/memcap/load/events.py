"""Read what the load client tells while it leads a server through its phases."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from memcap.errors import FileFormatError
from memcap.load.answers import read_load_report
from memcap.model import LoadOutcome, PhaseName
from memcap.probe.fields import read_seconds, read_text
from memcap.strict import read_object

_NAME: Final = "the load client's events"


@dataclass(frozen=True, kw_only=True)
class PodEvent:
    """What happened at ``at``, in seconds of the machine's monotonic clock.

    ``name`` is a service, or empty for the server. ``phase`` ended at ``at``, and began with the end of the one before.
    """

    event: str
    at: float
    name: str = ""
    why: str = ""
    phase: PhaseName | None = None
    report: LoadOutcome | None = None


def parse_event(line: str) -> PodEvent:
    """Return the event that ``line`` tells. Raises FileFormatError."""
    data = read_object(_NAME, line)
    try:
        return PodEvent(
            event=read_text(data["event"]),
            at=read_seconds(data["at"]),
            name=read_text(data.get("name", "")),
            why=read_text(data.get("why", "")),
            phase=PhaseName(read_text(data["phase"])) if "phase" in data else None,
            report=None if data.get("report") is None else read_load_report(data["report"]),
        )
    except KeyError as error:
        raise FileFormatError(f"{_NAME} have no field {error}") from error
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{_NAME} are malformed: {error}") from error


def parse_events(lines: Iterable[str]) -> tuple[PodEvent, ...]:
    """Return the events; a last line that was cut off is left out. Raises FileFormatError for another such line."""
    whole = [line for line in lines if line.strip()]
    found = []
    for number, line in enumerate(whole, start=1):
        try:
            found.append(parse_event(line))
        except FileFormatError:
            if number < len(whole):
                raise
    return tuple(found)
