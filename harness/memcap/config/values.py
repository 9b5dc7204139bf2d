"""The values in configuration files: sizes, durations, percentages, names. Imported late, as it needs pydantic."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BeforeValidator, ValidationInfo
from pydantic_core import PydanticCustomError

from memcap.config.calls import is_call
from memcap.config.docker_options import (
    parse_add_host,
    parse_mount,
    parse_network,
    parse_tmpfs,
    parse_user,
    parse_volume,
    parse_workdir,
)
from memcap.config.source import nearest, shown
from memcap.config.ulimits import check_cpus, parse_ulimit
from memcap.errors import SizeError, UsageError
from memcap.model import MINIMUM_CAP_BYTES, Ending, Metric, Mount, Ulimit
from memcap.model.names import name_complaint
from memcap.strict import MOST_FIGURE
from memcap.units import parse_bytes, parse_seconds

MOST_CPUS = 8192  # of Linux
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_HOST_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_PERCENT = re.compile(r"\s*(\d{1,9}(?:\.\d{1,20})?)\s*%\s*", re.ASCII)
_Item = TypeVar("_Item")

OFF = "off"
BYTE_METRICS = tuple(metric.value for metric in Metric if metric.unit == "byte")
# An ending that says nothing about the workload cannot be what is expected of it.
EXPECTABLE_ENDINGS = tuple(ending.value for ending in Ending if not ending.is_infrastructure)


@dataclass(frozen=True, kw_only=True)
class Names:
    """The names that files may refer to; None where the file that defines them cannot be read."""

    suites: frozenset[str]
    images: frozenset[str]
    caps: frozenset[str] | None
    services: frozenset[str] | None


@dataclass(frozen=True)
class ValueKind:
    """What a value is called in the reference of keys, and one as it is written in TOML."""

    name: str
    example: str


def complaint(message: str, *, suggestion: str = "") -> PydanticCustomError:
    """Return the error that becomes a Problem with this message and suggestion."""
    return PydanticCustomError("memcap", "{message}", {"message": message, "suggestion": suggestion})


def _size(value: object) -> int:
    return _quantity(value, parse_bytes, what='a size such as "128MiB"')


def _duration(value: object) -> float:
    seconds = _quantity(value, parse_seconds, what='a duration such as "90s"')
    if seconds <= 0:
        raise complaint("must be longer than 0")
    return seconds


_Number = TypeVar("_Number", int, float)


def _quantity(value: object, parse: Callable[[str], _Number], *, what: str) -> _Number:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise complaint(f"expected {what}")
    try:
        return parse(str(value))
    except SizeError as error:
        raise refused(error) from None


def _positive(value: int) -> int:
    if value <= 0:
        raise complaint("must be more than 0")
    return value


def _cap_size(value: int) -> int:
    if value < MINIMUM_CAP_BYTES:
        raise complaint("must be at least 6MiB, the least that Docker accepts")
    return value


def _cpus(value: object) -> object:
    if value != "all" and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MOST_CPUS):
        raise complaint(f'expected a number of CPUs, or "all" to leave it unpinned; got {shown(value)}')
    return value


def _cpu_quota(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise complaint(f"expected a number of CPUs such as 1.5, got {shown(value)}")
    try:
        return check_cpus(value)
    except SizeError as error:
        raise refused(error) from None


def _ulimits(value: object) -> dict[str, Ulimit]:
    if not isinstance(value, dict):
        raise complaint(f'expected a table such as {{ nofile = "1024:2048" }}, got {shown(value)}')
    found = {}
    for name, limit in value.items():
        if isinstance(limit, bool) or not isinstance(limit, str | int):
            raise complaint(f'{name}: expected a number, or "SOFT:HARD"; got {shown(limit)}')
        try:
            found[name] = parse_ulimit(name, str(limit))
        except SizeError as error:
            raise refused(error) from None
    return found


def _network(value: object) -> str:
    if isinstance(value, bool):
        name = "bridge" if value else "none"
        raise complaint(f'expected the name of a network; write "{name}" for {str(value).lower()}', suggestion=name)
    if not isinstance(value, str):
        raise complaint(f'expected the name of a network such as "bridge", got {shown(value)}')
    return read_as_text(parse_network)(value)


def _entrypoint(value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str) else value
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise complaint(f'expected a program, or a list such as ["tini", "--"]; got {shown(value)}')
    return () if words == [""] else tuple(words)


def _texts(value: object) -> object:
    return [value] if isinstance(value, str) else value


def read_as_text(parse: Callable[[str], _Item]) -> Callable[[object], _Item]:
    """Return a reader of text that ``parse`` understands."""

    def read(value: object) -> _Item:
        if not isinstance(value, str):
            raise complaint(f"expected a string, got {shown(value)}")
        try:
            return parse(value)
        except UsageError as error:
            raise refused(error) from None

    return read


def refused(error: SizeError | UsageError) -> PydanticCustomError:
    """Return the error that becomes a Problem with the words of ``error``."""
    return complaint(f"{error.message}. {error.remedy}" if error.remedy else error.message)


def _percent(value: object) -> float:
    match = _PERCENT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise complaint(f'expected a percentage such as "2%", got {shown(value)}')
    return float(match.group(1)) / 100


def _false_alarms(value: float) -> float:
    if not 0 < value <= 0.2:
        raise complaint("must be more than 0% and at most 20%")
    return value


def _unless_off(read: Callable[[object], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: OFF if value == OFF else read(value))


def _name(value: str) -> str:
    if message := name_complaint(value):
        raise complaint(message)
    return value


def _unless(is_fine: Callable[[str], object], message: str) -> AfterValidator:
    """Return a validator that refuses what is not fine; the value stands before ``message``."""

    def check(value: str) -> str:
        if not is_fine(value):
            raise complaint(f"{shown(value)} {message}")
        return value

    return AfterValidator(check)


def _scalar(value: object) -> object:
    if not isinstance(value, str | int | float | bool) or (isinstance(value, float) and not math.isfinite(value)):
        raise complaint("expected a string, a finite number, true or false")
    return value


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise complaint(f"expected a number, got {shown(value)}")
    if not abs(value) <= MOST_FIGURE:
        raise complaint(f"expected a number up to {MOST_FIGURE:g}, got {shown(value)}")
    return value


def _metric_name(value: str) -> str:
    if value in [metric.value for metric in Metric]:
        raise complaint(f"{shown(value)} is measured anyway; give the workload's own metric another name")
    return _name(value)


def one_of(choices: tuple[str, ...], what: str) -> AfterValidator:
    """Return a validator that accepts one of ``choices``; ``what`` names their kind."""

    def check(value: str) -> str:
        if value not in choices:
            message = f"{shown(value)} is not {what}; expected one of {', '.join(choices)}"
            raise complaint(message, suggestion=nearest(value, choices))
        return value

    return AfterValidator(check)


def known(kind: str) -> AfterValidator:
    """Return a validator that accepts the names of ``kind`` (a field of Names, given as validation context)."""

    def check(value: str, info: ValidationInfo) -> str:
        names: frozenset[str] | None = getattr(info.context, kind)
        if names is not None and value not in names:
            there_are = f"there are {', '.join(sorted(names))}" if names else "there are none"
            raise complaint(f"there is no {kind[:-1]} {shown(value)}; {there_are}", suggestion=nearest(value, names))
        return value

    return AfterValidator(check)


def _for_all_caps(value: Any) -> Any:
    """Let ``expect = "oom_killed"`` stand for the same ending under every cap."""
    return {"*": value} if isinstance(value, str) else value


def _once_each(value: list[_Item]) -> list[_Item]:
    if not value:
        raise complaint("is empty; leave the key out instead")
    repeated = sorted({str(item) for item in value if value.count(item) > 1})
    if repeated:
        raise complaint(f"names {', '.join(repeated)} more than once")
    return value


Size = Annotated[int, ValueKind("size", '"128MiB"'), BeforeValidator(_size), AfterValidator(_positive)]
CapSize = Annotated[int, ValueKind("size", '"128MiB"'), BeforeValidator(_size), AfterValidator(_cap_size)]
Duration = Annotated[float, ValueKind("duration", '"90s"'), BeforeValidator(_duration)]
ByteDistance = Annotated[int, ValueKind("size", '"256KiB"'), BeforeValidator(_size)]
SecondDistance = Duration
CpuCount = Annotated[Any, ValueKind('number, or "all"', "1"), BeforeValidator(_cpus)]
CpuQuota = Annotated[float, ValueKind("number", "1.5"), BeforeValidator(_cpu_quota)]
Ulimits = Annotated[dict[str, Ulimit], ValueKind("table", '{ nofile = "1024:2048" }'), BeforeValidator(_ulimits)]
Percent = Annotated[float, ValueKind("percentage", '"2%"'), BeforeValidator(_percent)]
FalseAlarms = Annotated[Percent, AfterValidator(_false_alarms)]
AlertShare = Annotated[Any, ValueKind('percentage, or "off"', '"90%"'), _unless_off(_percent)]
AlertSize = Annotated[Any, ValueKind('size, or "off"', '"1MiB"'), _unless_off(_size)]
Name = Annotated[str, AfterValidator(_name)]
EnvName = Annotated[str, _unless(_ENV_NAME.fullmatch, "is not the name of an environment variable")]
NetworkName = Annotated[str, BeforeValidator(_network)]
Entrypoint = Annotated[tuple[str, ...], ValueKind("string or list of strings", '"tini"'), BeforeValidator(_entrypoint)]
Workdir = Annotated[str, BeforeValidator(read_as_text(parse_workdir))]
EnvNames = Annotated[list[EnvName], BeforeValidator(_texts)]
FileNames = Annotated[list[str], BeforeValidator(_texts)]
Volumes = Annotated[
    list[Annotated[Mount, ValueKind("string", ""), BeforeValidator(read_as_text(parse_volume))]],
    BeforeValidator(_texts),
]
Mounts = Annotated[
    list[Annotated[Mount, ValueKind("string", ""), BeforeValidator(read_as_text(parse_mount))]],
    BeforeValidator(_texts),
]
Tmpfs = Annotated[
    list[Annotated[Mount, ValueKind("string", ""), BeforeValidator(read_as_text(parse_tmpfs))]],
    BeforeValidator(_texts),
]
AddHosts = Annotated[list[Annotated[str, BeforeValidator(read_as_text(parse_add_host))]], BeforeValidator(_texts)]
UserName = Annotated[str, BeforeValidator(read_as_text(parse_user))]
HostName = Annotated[
    str,
    ValueKind("string", '"worker-1"'),
    _unless(_HOST_NAME.fullmatch, "is not a host name: use a-z, 0-9 and -, at most 63 characters"),
]
CallText = Annotated[
    str,
    ValueKind("string", '"module:function"'),
    _unless(is_call, 'is not a function of this suite; write "module:function"'),
]
ParameterName = Annotated[str, _unless(str.isidentifier, "cannot be a keyword argument of a Python function")]
ParameterValue = Annotated[Any, ValueKind("string, number or boolean", "50"), BeforeValidator(_scalar)]
Number = Annotated[float, ValueKind("number", "100"), BeforeValidator(_number)]
MetricName = Annotated[str, AfterValidator(_metric_name)]
EndingName = Annotated[
    str, ValueKind("ending", '"oom_killed"'), one_of(EXPECTABLE_ENDINGS, "an ending that can be expected")
]
ByteMetricName = Annotated[str, ValueKind("metric", '"rss_peak"'), one_of(BYTE_METRICS, "a metric in bytes")]
SuiteName = Annotated[str, known("suites")]
ImageName = Annotated[str, known("images")]
CapName = Annotated[str, known("caps")]
OnceEach = AfterValidator(_once_each)
ExpectedByCap = BeforeValidator(_for_all_caps)
