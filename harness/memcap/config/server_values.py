"""The values of servers and services in configuration files. Imported late, as it needs pydantic."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator

from memcap.config.docker_options import parse_tmpfs
from memcap.config.server_words import (
    READY_EXAMPLE,
    command_ready,
    in_one_line,
    parse_collect,
    parse_put_file,
    parse_ready,
    service_name_complaint,
)
from memcap.config.source import nearest, shown
from memcap.config.values import ValueKind, complaint, known, one_of, read_as_text, refused
from memcap.errors import SizeError, UsageError
from memcap.load import read_load
from memcap.model import (
    STOP_SIGNALS,
    ClientCommand,
    CommandReady,
    HttpReady,
    LoadSpec,
    PhaseName,
    PutFile,
    ServiceScope,
    TcpReady,
)
from memcap.units import parse_seconds

SERVER: Final = "server"
_PACKAGE: Final = re.compile(r"[a-z0-9][a-z0-9+.-]{1,100}", re.ASCII)
_READY_KEYS: Final = ("url", "statuses")
_MOST_LEVEL: Final = 1000


def _words(value: object) -> tuple[str, ...] | None:
    """Return a list of strings as a command; None for anything else."""
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        return None
    return tuple(value)


def _ready(value: object) -> TcpReady | HttpReady | CommandReady:
    try:
        if isinstance(value, str):
            return parse_ready(value)
        if (words := _words(value)) is not None:
            return command_ready(words)
        if isinstance(value, dict):
            return _ready_table(value)
    except UsageError as error:
        raise refused(error) from None
    raise complaint(f"expected {READY_EXAMPLE}, got {shown(value)}")


def _ready_table(value: dict[str, Any]) -> HttpReady:
    for key in value:
        if key not in _READY_KEYS:
            raise complaint(
                f"unknown key {shown(key)}; expected {', '.join(_READY_KEYS)}", suggestion=nearest(key, _READY_KEYS)
            )
    url, statuses = value.get("url"), value.get("statuses", [])
    check = parse_ready(url) if isinstance(url, str) else None
    if not isinstance(check, HttpReady):
        raise complaint(f'expected url = "http://…", got {shown(url)}')
    if not isinstance(statuses, list) or not all(type(each) is int and 100 <= each <= 599 for each in statuses):
        raise complaint(f"expected statuses = [200, 204], each from 100 to 599; got {shown(statuses)}")
    return HttpReady(url=check.url, statuses=tuple(statuses))


def _load(value: object) -> LoadSpec | ClientCommand:
    if isinstance(value, list):
        words = _words(value)
        if not words or not words[0]:
            raise complaint(f'expected a command such as ["k6", "run", "load.js"], got {shown(value)}')
        return ClientCommand(argv=words)
    try:
        return read_load(value)
    except UsageError as error:
        raise refused(in_one_line(error)) from None


def _levels(value: object) -> tuple[float, ...]:
    levels = value if isinstance(value, list) else None
    if not levels or not all(type(each) in (int, float) and 0.001 <= each <= _MOST_LEVEL for each in levels):
        raise complaint(f"expected factors of the rate such as [1, 2, 4], got {shown(value)}")
    if len(set(levels)) < len(levels):
        raise complaint("a level is there twice")
    return tuple(float(each) for each in levels)


def _pause(value: object) -> float:
    if not isinstance(value, str):
        raise complaint(f'expected a duration such as "5s", got {shown(value)}')
    try:
        return parse_seconds(value)
    except SizeError as error:
        raise refused(error) from None


def _new_service(value: str) -> str:
    if message := service_name_complaint(value):
        raise complaint(message)
    return value


def _package(value: str) -> str:
    if not _PACKAGE.fullmatch(value):
        raise complaint(f'{shown(value)} is not the name of a Debian package, such as "postgresql"')
    return value


Kind = Annotated[str, ValueKind("string", f'"{SERVER}"'), one_of((SERVER,), "a kind of benchmark")]
Ready = Annotated[
    Any, ValueKind("string, table or list of strings", '"http://localhost:8000/health"'), BeforeValidator(_ready)
]
Load = Annotated[
    Any,
    ValueKind("string, table or list of strings", '"GET /items/{1..500} rate=200 for 20s"'),
    BeforeValidator(_load),
]
Levels = Annotated[tuple[float, ...], ValueKind("list of numbers", "[1, 2, 4]"), BeforeValidator(_levels)]
Pause = Annotated[float, ValueKind("duration", '"5s"'), BeforeValidator(_pause)]
Collect = Annotated[Any, ValueKind("string", '"POST /collect"'), BeforeValidator(read_as_text(parse_collect))]
PhaseText = Annotated[str, one_of(tuple(phase.value for phase in PhaseName), "a phase")]
NewService = Annotated[str, AfterValidator(_new_service)]
ServiceName = Annotated[str, known("services")]
PutFiles = list[
    Annotated[PutFile, ValueKind("string", '"./db.conf:/etc/db.conf"'), BeforeValidator(read_as_text(parse_put_file))]
]
TmpfsList = list[Annotated[Any, ValueKind("string", ""), BeforeValidator(read_as_text(parse_tmpfs))]]
PackageName = Annotated[str, AfterValidator(_package)]
Fresh = Annotated[
    str, ValueKind("string", '"run"'), one_of(tuple(scope.value for scope in ServiceScope), "how long a service lives")
]
StopSignal = Annotated[str, ValueKind("string", '"SIGINT"'), one_of(STOP_SIGNALS, "a signal")]
