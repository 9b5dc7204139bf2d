"""Read the report of the load client, which runs next to programs that are not trusted."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, TypeVar

from memcap.errors import FileFormatError
from memcap.model import (
    LoadConnections,
    LoadErrors,
    LoadMoment,
    LoadOutcome,
    LoadTimes,
)
from memcap.probe.fields import read_flag, read_seconds, read_text, read_whole
from memcap.probe.memcap_load import FORMAT
from memcap.strict import describe, read_object

_NAME: Final = "the load client's report"
_T = TypeVar("_T")


def parse_load_report(text: str) -> LoadOutcome:
    """Return what the client reported. Raises FileFormatError if the report is cut off or cannot be true."""
    return read_load_report(read_object(_NAME, text))


def read_load_report(data: object) -> LoadOutcome:
    """Return what the client reported, from JSON that was read. Raises as `parse_load_report` does."""
    if not isinstance(data, dict):
        raise FileFormatError(f"{_NAME}: expected a JSON object, found {describe(data)}")
    if data.get("format") != FORMAT:
        raise FileFormatError(f"{_NAME} is not of format {FORMAT}")
    try:
        outcome = LoadOutcome(
            tool="memcap",
            requests=read_whole(data["requests"]),
            completed=read_whole(data["completed"]),
            errors=_errors(data["errors"]),
            sent=read_whole(data["sent"]),
            queued=read_whole(data["queued"]),
            stopped=read_flag(data["stopped"]),
            rate=read_seconds(data["rate"]),
            achieved_rate=_optional(read_seconds, data["achieved_rate"]),
            latency=_optional(_times, data["latency_seconds"]),
            lateness=_optional(_times, data["lateness_seconds"]),
            cpu_seconds=read_seconds(data["cpu_seconds"]),
            started=_optional(_moment, data["started"]),
            ended=_optional(_moment, data["ended"]),
            connections=_build(LoadConnections, data["connections"], read_whole),
        )
    except KeyError as error:
        raise FileFormatError(f"{_NAME} has no field {error}") from error
    except TypeError as error:
        raise FileFormatError(f"{_NAME} is malformed: {error}") from error
    if outcome.unfinished < 0:
        raise FileFormatError(f"{_NAME} is malformed: more requests ended than there were")
    return outcome


def _build(kind: type[_T], data: Any, read: Callable[[Any], Any]) -> _T:
    """Return ``kind``, all of whose fields ``read`` reads."""
    return kind(**{each.name: read(_object(data)[each.name]) for each in fields(kind)})  # type: ignore[arg-type]


_moment = functools.partial(_build, LoadMoment, read=read_seconds)


def _times(data: Any) -> LoadTimes:
    found = {name: read_seconds(value) for name, value in _object(data).items()}
    return LoadTimes(p50=found["p50"], p95=found.get("p95"), p99=found["p99"], max=found["max"])


def _errors(data: Any) -> Mapping[str, LoadErrors]:
    return {
        read_text(kind): LoadErrors(count=read_whole(_object(each)["count"]), example=read_text(each["example"]))
        for kind, each in _object(data).items()
    }


def _optional(read: Callable[[Any], _T], value: Any) -> _T | None:
    return None if value is None else read(value)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} instead of an object")
    return value
