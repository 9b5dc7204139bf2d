"""What options, the ini file and markers ask for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pytest

METRICS = ("rss", "tracemalloc", "cgroup")  # those of memcap.testing, which only memory tests import
CATEGORIES = ("memory", "memory_intensive")
LIMIT = "memory_limit"
TRACKER, SERVER = "memory_tracker", "memory_server"  # the fixtures
CONTAINERS = "memcap-containers"  # the name of the plugin that runs tests in containers, where that was asked for
CHILD = "memcap-child"  # the name of the plugin that is there in a test's own process
_MARKERS = {
    "memory(max_mb=None, growth_mb=None, metric=None, warmups=0)": "a memory test. Its memory is measured; it fails if "
    "memory rises more than max_mb above its start, or if more than growth_mb is still held at its end. The test "
    "function is called warmups times before.",
    "memory_intensive(max_mb=None, growth_mb=None, metric=None, warmups=0)": "the same, for tests that take long: "
    '-m "memory and not memory_intensive".',
    "memory_limit(max_mb)": "run the test in a process of its own that is ended above max_mb; as a decorator: "
    "from memcap.testing import memory_limit.",
}


_ARGUMENTS = ("max_mb", "growth_mb", "metric", "warmups")
_DEFAULT_MAX = "memcap_max_mb"
_FLOATS_SINCE = (8, 4)  # the pytest that knows numbers in ini files


class MemcapWarning(pytest.PytestWarning):
    """Something of a memory test could not be done as asked."""


@dataclass(frozen=True, kw_only=True)
class MemorySettings:
    """What a test asks for: whether it is to be measured, in which metric, and its limits in MB.

    ``is_memory_test`` tells whether it asks for that itself, and not only the ini file for all tests;
    ``has_default_limit`` that max_mb is that of the ini file. ``process_mb`` is the hard limit of the process that runs
    it, ``warmups`` how often it is called before it is measured.
    """

    is_measured: bool
    is_memory_test: bool
    metric: str
    max_mb: float | None = None
    growth_mb: float | None = None
    has_default_limit: bool = False
    process_mb: float | None = None
    warmups: int = 0


def add_options(parser: pytest.Parser) -> None:
    """Add the options and the ini keys."""
    group = parser.getgroup("memcap", "memory (memcap)")
    group.addoption(
        "--memcap-metric", choices=METRICS, default=None,
        help="measure all memory tests by this, whatever their markers say (the ini key memcap_metric is for those "
        "that do not say; default rss)",
    )  # fmt: skip
    group.addoption(
        "--memcap-report", metavar="FILE", default=None,
        help="write what memory tests needed to FILE, for `memcap report --no-check FILE` and `memcap check FILE`",
    )  # fmt: skip
    group.addoption(
        "--memcap-runs", type=_positive, metavar="N", default=None,
        help="run every memory test N times, each time in a process of its own, so that their figures do not depend on "
        "other tests",
    )  # fmt: skip
    group.addoption(
        "--memcap-docker", metavar="IMAGE", default=None,
        help="run every memory test in a container of IMAGE, each in one of its own, and say how each ended",
    )  # fmt: skip
    group.addoption(
        "--memcap-cap", "--cap", metavar="SIZE", default="256m",
        help="the memory limit of these containers, such as 256m or 1g; default 256m",
    )  # fmt: skip
    parser.addini("memcap_metric", f"what memory tests are measured by: {', '.join(METRICS)}", default="rss")

    version = tuple(int(part) for part in pytest.__version__.split(".")[:2])
    kind: Literal["float", "string"] = "float" if version >= _FLOATS_SINCE else "string"
    parser.addini(
        _DEFAULT_MAX, "the max_mb of all tests whose markers set none; other tests are measured too then",
        type=kind, default="",
    )  # fmt: skip


def register_markers(config: pytest.Config) -> None:
    """Make the markers known, also to --strict-markers."""
    for marker, meaning in _MARKERS.items():
        config.addinivalue_line("markers", f"{marker}: {meaning}")


def default_metric(config: pytest.Config) -> str:
    """Return the metric of tests that name none. Raises pytest.UsageError for an unknown one."""
    asked = config.getoption("--memcap-metric") or config.getini("memcap_metric")
    if asked not in METRICS:
        raise pytest.UsageError(f"memcap_metric = {asked}: there is no such metric; use one of {', '.join(METRICS)}")
    return str(asked)


def default_max_mb(config: pytest.Config) -> float | None:
    """Return the max_mb of tests that set none; None if there is none. Raises pytest.UsageError for what is no size."""
    try:
        given: object = config.getini(_DEFAULT_MAX)
        if given in ("", []):  # pytest 7 returns a list for what is not set
            return None
        size = float(str(given))
    except (TypeError, ValueError, pytest.UsageError):
        size = math.nan
    if not math.isfinite(size) or size <= 0:
        asked = config.inicfg.get(_DEFAULT_MAX)
        text = getattr(asked, "value", asked)
        raise pytest.UsageError(f"{_DEFAULT_MAX} = {text}: this is no number of MB above 0, such as 200")
    return size


def memory_settings(item: pytest.Item) -> MemorySettings:
    """Return what the markers of ``item`` say; of several, the one nearest to the test function.

    Raises pytest.UsageError for arguments that mean nothing.
    """
    marks = [mark for mark in item.iter_markers() if mark.name in CATEGORIES]
    limit = item.get_closest_marker(LIMIT)
    found: dict[str, object] = {}
    for mark in reversed(marks):
        if mark.args:
            raise _misused(item, mark.name, "its arguments have names, such as max_mb=50")
        unknown = set(mark.kwargs).difference(_ARGUMENTS)
        if unknown:
            told = f"it has no {', '.join(sorted(unknown))}; it has {', '.join(_ARGUMENTS)}"
            raise _misused(item, mark.name, told)
        found.update(mark.kwargs)
    metric = item.config.getoption("--memcap-metric") or found.get("metric") or default_metric(item.config)
    if metric not in METRICS:
        raise _misused(item, marks[0].name, f"there is no metric {metric!r}; use one of {', '.join(METRICS)}")
    default = None if "max_mb" in found or limit else default_max_mb(item.config)
    is_memory_test = bool(marks) or limit is not None or TRACKER in getattr(item, "fixturenames", ())
    return MemorySettings(
        is_measured=is_memory_test or default is not None,
        is_memory_test=is_memory_test,
        metric=str(metric),
        max_mb=_number(item, "memory", "max_mb", found) if default is None else default,
        growth_mb=_number(item, "memory", "growth_mb", found),
        has_default_limit=default is not None,
        process_mb=_process_limit(item, limit) if limit else None,
        warmups=_warmups(item, found.get("warmups", 0)),
    )


def check_markers(items: Iterable[pytest.Item]) -> None:
    """Raise pytest.UsageError with all that is wrong with the markers of ``items``."""
    problems = []
    for item in items:
        try:
            settings = memory_settings(item)
        except pytest.UsageError as error:
            problems.append(str(error))
            continue
        in_container = settings.is_memory_test and item.config.getoption("--memcap-docker")
        if in_container and SERVER in getattr(item, "fixturenames", ()):
            why = f"{SERVER} does not work inside of a container; run this test without --memcap-docker"
            problems.append(f"{item.nodeid}: {why}")
    if problems:
        raise pytest.UsageError(*dict.fromkeys(problems))


def _process_limit(item: pytest.Item, mark: pytest.Mark) -> float:
    given = {**dict(zip(("max_mb",), mark.args, strict=False)), **mark.kwargs}
    if set(given) != {"max_mb"} or len(mark.args) > 1:
        raise _misused(item, LIMIT, "it has one argument, max_mb")
    limit = _number(item, LIMIT, "max_mb", given)
    if not limit:
        raise _misused(item, LIMIT, "max_mb must be above 0")
    return limit


def _warmups(item: pytest.Item, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise _misused(item, "memory", f"warmups={value!r} is no number of calls")
    if not value:
        return 0
    import unittest  # noqa: PLC0415 - for those who ask for warm-ups

    if not isinstance(item, pytest.Function):
        raise _misused(item, "memory", "warmups need a test function to call again")
    if item.cls is not None and issubclass(item.cls, unittest.TestCase):
        raise _misused(item, "memory", "a test of unittest cannot be called again: use a function and fixtures")
    if TRACKER in item.fixturenames:
        raise _misused(item, "memory", f"warmups come too late for {TRACKER}, which measures from where it is made")
    return value


def _number(item: pytest.Item, mark: str, name: str, given: Mapping[str, object]) -> float | None:
    value = given.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise _misused(item, mark, f"{name}={value!r} is no number of MB")
    return float(value)


def _misused(item: pytest.Item, mark: str, why: str) -> pytest.UsageError:
    return pytest.UsageError(f"{item.nodeid}: marker {mark}: {why}")


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number
