"""Metrics for Prometheus and what reads OpenMetrics: families, and their samples."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from enum import Enum


class MetricKind(str, Enum):
    """What the values of a family are, as OpenMetrics calls it."""

    GAUGE = "gauge"
    COUNTER = "counter"
    INFO = "info"
    STATESET = "stateset"


@dataclass(frozen=True, kw_only=True)
class MetricFamily:
    """A metric that memcap exposes; ``name`` is that of OpenMetrics, without the ending of its samples.

    ``like`` names the metrics of others that are the same quantity under the same name. It is empty for memcap's own.
    """

    name: str
    kind: MetricKind
    help: str
    like: str = ""

    @property
    def sample_name(self) -> str:
        """Return the name that samples have, in Prometheus too."""
        ending = {MetricKind.COUNTER: "_total", MetricKind.INFO: "_info"}.get(self.kind, "")
        return f"{self.name}{ending}"

    @property
    def unit(self) -> str:
        """Return the unit, which the name ends with; empty where there is none."""
        units = ("bytes_per_second", "bytes", "seconds", "ratio")
        return next((unit for unit in units if self.name.endswith(f"_{unit}")), "")


@dataclass(frozen=True, kw_only=True)
class MetricSample:
    """A value; ``seconds`` is when it was, as a Unix time. None: now, when it is read."""

    labels: Mapping[str, str]
    value: float
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class MetricPoints:
    """The samples of a family. Those of one set of labels stand together, in the order of time."""

    family: MetricFamily
    samples: tuple[MetricSample, ...]


class MetricCollector:
    """Gathers samples by family; a value that is None was not measured, and is left out."""

    def __init__(self) -> None:
        self._samples: dict[MetricFamily, dict[tuple[tuple[str, str], ...], list[MetricSample]]] = {}

    def add(
        self, family: MetricFamily, labels: Mapping[str, str], value: float | None, seconds: float | None = None
    ) -> None:
        """Take ``value`` of ``family``. Labels without a value are left out, as OpenMetrics has it."""
        if value is None:
            return
        kept = {name: each for name, each in labels.items() if each}
        of_family = self._samples.setdefault(family, {})
        of_family.setdefault(tuple(kept.items()), []).append(MetricSample(labels=kept, value=value, seconds=seconds))

    def add_state(
        self, family: MetricFamily, labels: Mapping[str, str], state: Enum, seconds: float | None = None
    ) -> None:
        """Take which ``state`` of its enumeration something has: 1 for that, 0 for each other one."""
        for each in type(state):
            self.add(family, {**labels, family.name: str(each.value)}, float(each is state), seconds)

    def points(self) -> tuple[MetricPoints, ...]:
        """Return all families that have a sample."""
        return tuple(
            MetricPoints(family=family, samples=tuple(each for of_labels in found.values() for each in of_labels))
            for family, found in self._samples.items()
        )


def without_times(points: Iterable[MetricPoints]) -> tuple[MetricPoints, ...]:
    """Return ``points`` as they are now: of each set of labels the newest sample, without its time."""

    def newest(samples: Sequence[MetricSample]) -> tuple[MetricSample, ...]:
        last = {tuple(each.labels.items()): each for each in samples}
        return tuple(replace(each, seconds=None) for each in last.values())

    return tuple(replace(each, samples=newest(each.samples)) for each in points)


def unix_time(started: str) -> float | None:
    """Return an ISO 8601 time (UTC, if it does not say) as a Unix time; None for a text that is none."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()
