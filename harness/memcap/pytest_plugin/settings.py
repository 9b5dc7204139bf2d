"""What options, the ini file and markers ask for."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import pytest

METRICS = ("rss", "tracemalloc", "cgroup")  # those of memcap.testing, which only memory tests import
CATEGORIES = ("memory", "memory_intensive")
LIMIT = "memory_limit"
TRACKER = "memory_tracker"  # the fixture
CONTAINERS = "memcap-containers"  # the name of the plugin that runs tests in containers, where that was asked for
CHILD = "memcap-child"  # the name of the plugin that is there in a test's own process
_MARKERS = {
    "memory(max_mb=None, growth_mb=None, metric=None)": "a memory test. Its memory is measured; it fails if memory "
    "rises more than max_mb above its start, or if more than growth_mb is still held at its end.",
    "memory_intensive(max_mb=None, growth_mb=None, metric=None)": "the same, for tests that take long: "
    '-m "memory and not memory_intensive".',
    "memory_limit(max_mb)": "run the test in a process of its own that is ended above max_mb; as a decorator: "
    "from memcap.testing import memory_limit.",
}


class MemcapWarning(pytest.PytestWarning):
    """Something of a memory test could not be done as asked."""


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a test asks for: whether it is to be measured, in which metric, and its limits in MB.

    ``process_mb`` is the hard limit of the process that runs it.
    """

    is_measured: bool
    metric: str
    max_mb: float | None = None
    growth_mb: float | None = None
    process_mb: float | None = None


def add_options(parser: pytest.Parser) -> None:
    """Add the options and the ini key."""
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


def wanted_of(item: pytest.Item) -> Wanted:
    """Return what the markers of ``item`` say; of several, the one nearest to the test function.

    Raises pytest.UsageError for arguments that mean nothing.
    """
    marks = [mark for mark in item.iter_markers() if mark.name in CATEGORIES]
    limit = item.get_closest_marker(LIMIT)
    found: dict[str, object] = {}
    for mark in reversed(marks):
        if mark.args:
            raise _misused(item, mark.name, "its arguments have names, such as max_mb=50")
        unknown = set(mark.kwargs) - {"max_mb", "growth_mb", "metric"}
        if unknown:
            raise _misused(item, mark.name, f"it has no {', '.join(sorted(unknown))}; it has max_mb, growth_mb, metric")
        found.update(mark.kwargs)
    metric = item.config.getoption("--memcap-metric") or found.get("metric") or default_metric(item.config)
    if metric not in METRICS:
        raise _misused(item, marks[0].name, f"there is no metric {metric!r}; use one of {', '.join(METRICS)}")
    return Wanted(
        is_measured=bool(marks) or limit is not None or TRACKER in getattr(item, "fixturenames", ()),
        metric=str(metric),
        max_mb=_number(item, "memory", "max_mb", found),
        growth_mb=_number(item, "memory", "growth_mb", found),
        process_mb=_process_limit(item, limit) if limit else None,
    )


def check_markers(items: Iterable[pytest.Item]) -> None:
    """Raise pytest.UsageError with all that is wrong with the markers of ``items``."""
    problems = []
    for item in items:
        try:
            wanted_of(item)
        except pytest.UsageError as error:
            problems.append(str(error))
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
