"""Read what the load client tells while it leads a server through its phases."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from memcap.errors import FileFormatError
from memcap.load.answers import read_load_report
from memcap.model import LoadOutcome, PhaseName, WorkLook
from memcap.probe.fields import read_seconds, read_text, read_whole
from memcap.strict import read_object

_NAME: Final = "the load client's events"


@dataclass(frozen=True, kw_only=True)
class PodEvent:
    """What happened at ``at``, in seconds of the machine's monotonic clock.

    ``name`` is a service, or empty for the server. ``phase`` ended at ``at``, and began with the end of the one before.
    ``progress`` is how far a load is; its ``seconds`` are ``at``, on the same clock.
    """

    event: str
    at: float
    name: str = ""
    why: str = ""
    phase: PhaseName | None = None
    report: LoadOutcome | None = None
    progress: WorkLook | None = None


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
            progress=_progress(data) if data["event"] == "progress" else None,
        )
    except KeyError as error:
        raise FileFormatError(f"{_NAME} have no field {error}") from error
    except (TypeError, ValueError) as error:
        raise FileFormatError(f"{_NAME} are malformed: {error}") from error


def _progress(data: Mapping[str, Any]) -> WorkLook:
    p50, p95, p99, most = (
        None if data[name] is None else read_seconds(data[name]) for name in ("p50", "p95", "p99", "max")
    )
    return WorkLook(
        seconds=read_seconds(data["at"]),
        done=read_whole(data["done"]),
        failed=read_whole(data["failed"]),
        p50_seconds=p50,
        p95_seconds=p95,
        p99_seconds=p99,
        max_seconds=most,
    )


def stream_events(lines: Iterable[str]) -> Iterator[PodEvent]:
    """Yield the events one by one; a last line that was cut off is left out.

    Raises FileFormatError for another such line.
    """
    broken: FileFormatError | None = None
    for line in lines:
        if not line.strip():
            continue
        if broken is not None:
            raise broken
        try:
            event = parse_event(line)
        except FileFormatError as error:
            broken = error
        else:
            yield event


def parse_events(lines: Iterable[str]) -> tuple[PodEvent, ...]:
    """Return the events as `stream_events` has them."""
    return tuple(stream_events(lines))
