"""What ``[suite.defaults]`` gives to the benchmarks of a suite. Imported late, as it needs pydantic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from memcap.config.servers import ONLY_WITH_SERVER, is_server
from memcap.config.source import Source, nearest
from memcap.config.suite_schema import DefaultsTable
from memcap.errors import Problem
from memcap.model import Metric, projected_names
from memcap.strict import KeyPath

ONLY_WITH_CALL: Final = ("parameters", "warmups", "cycles", "duration", "metrics", "projections")
ONLY_WITH_COMMAND: Final = ("kind",)
ONLY_WITH_BUDGET: Final = ("budget_metric", "budget_margin")
_DEFAULTS: Final = ("suite", "defaults")
_OF_METRICS: Final = ("projections", "thresholds", "alerts")


@dataclass(frozen=True, kw_only=True)
class SuiteSource(Source):
    """A ``suite.toml`` whose benchmarks have what they share; ``written`` is the file as it was read."""

    written: Source

    def problem(self, path: KeyPath, message: str, *, suggestion: str = "") -> Problem:
        """Return a problem with the key at ``path``, where it is written."""
        if path[:1] == ("benchmarks",) and len(path) > 2:
            own, shared = self.written.table("benchmarks", str(path[1])), self.written.table(*_DEFAULTS)
            if _depth(shared, path[2:]) > _depth(own, path[2:]):
                path = (*_DEFAULTS, *path[2:])
        return self.written.problem(path, message, suggestion=suggestion)


def with_defaults(source: Source) -> SuiteSource:
    """Return ``source`` with what its benchmarks share in each that has a use for it."""
    known = source.table(*_DEFAULTS)
    shared = {key: value for key, value in known.items() if key in DefaultsTable.model_fields}
    benchmarks = {
        name: _completed(own, shared) if isinstance(own, dict) else own
        for name, own in source.table("benchmarks").items()
    }
    data = {**source.data, "benchmarks": benchmarks} if benchmarks else source.data
    return SuiteSource(file=source.file, data=data, lines=source.lines, written=source)


def useless_defaults(source: SuiteSource) -> list[Problem]:
    """Return what the benchmarks share although none of them has a use for it."""
    shared = source.table(*_DEFAULTS)
    benchmarks = [source.table("benchmarks", name) for name in source.table("benchmarks")]
    problems = []
    for keys, needed, is_there in (
        (ONLY_WITH_CALL, "call", any("call" in table for table in benchmarks)),
        (ONLY_WITH_COMMAND, "command", any("command" in table for table in benchmarks)),
        (ONLY_WITH_BUDGET, "budget", any("budget" in table for table in benchmarks)),
        (ONLY_WITH_SERVER, 'kind = "server"', any("kind" in table for table in benchmarks)),
    ):
        if not is_there:
            message = f"goes with {needed}, which no benchmark has"
            problems += [source.problem((*_DEFAULTS, key), message) for key in keys if key in shared]
    returned = dict.fromkeys(name for own in benchmarks for name in table_at(own, "metrics"))
    for key in _OF_METRICS:
        known = tuple(returned if key == "projections" else metric_names(benchmarks))
        problems += unknown_metrics(source, (*_DEFAULTS, key), known)
    return problems


def unknown_metrics(source: Source, path: tuple[str, ...], known: tuple[str, ...]) -> list[Problem]:
    """Return a problem for each name in the table at ``path`` that is not one of the ``known`` metrics of the suite."""
    message = "no benchmark has a metric {!r}"
    return [
        source.problem((*path, name), message.format(name), suggestion=nearest(name, known))
        for name in source.table(*path)
        if name not in known
    ]


def metric_names(benchmarks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Return the names of all metrics of ``benchmarks``, those that every run has last."""
    own = (
        name
        for table in benchmarks
        for name in extra_metrics(table_at(table, "metrics"), table_at(table, "projections"))
    )
    return tuple(dict.fromkeys((*own, *(metric.value for metric in Metric))))


def extra_metrics(metrics: Mapping[str, str], projections: Mapping[str, Any]) -> dict[str, str]:
    """Return name and unit of what the workload returns, and of what is projected from it."""
    extra = dict(metrics)
    for name, cycles in projections.items():
        for cycle in cycles if name in metrics and isinstance(cycles, list) else ():
            extra.update(dict.fromkeys(projected_names(name, cycle), metrics[name]))
    return extra


def table_at(table: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the table under ``key``; an empty one if it is something else, which the schema says."""
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _completed(own: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    """Return a benchmark with what it shares, without what has no meaning for it.

    A command returns no metrics, a function is no server, and what is shared about a metric is for the benchmarks that
    have it.
    """
    if "command" not in own:
        shared = {key: value for key, value in shared.items() if key not in ONLY_WITH_COMMAND}
    without = {
        *_OF_METRICS,
        *(ONLY_WITH_CALL if "call" not in own else ()),
        *(ONLY_WITH_BUDGET if "budget" not in {**shared, **own} else ()),
        *(() if is_server({**shared, **own}) else ONLY_WITH_SERVER),
    }
    full = _merged({key: value for key, value in shared.items() if key not in without}, own)
    for key in _OF_METRICS:
        known = table_at(full, "metrics") if key == "projections" else metric_names([full])
        if of_its_metrics := {name: value for name, value in table_at(shared, key).items() if name in known}:
            full = _merged({key: of_its_metrics}, full)
    return full


def _merged(shared: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``shared`` with ``own`` keys in place of its own; tables are merged, but an empty one stays empty."""
    merged = {**shared, **own}
    for key, value in own.items():
        if value and isinstance(value, dict) and isinstance(shared.get(key), dict):
            merged[key] = _merged(shared[key], value)
    return merged


def _depth(table: Any, path: KeyPath) -> int:
    """Return how many parts of ``path`` there are in ``table``."""
    for depth, part in enumerate(path):
        try:
            table = table[part]
        except (KeyError, IndexError, TypeError):
            return depth
    return len(path)
