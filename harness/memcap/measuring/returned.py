"""What a workload returned or yielded: its own metrics, and what is projected from them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from memcap.model import RunSpec, projected_names
from memcap.probe.report import WorkloadJournal
from memcap.stats import project
from memcap.strict import MOST_FIGURE

MOST_METRICS: Final = 1000  # beyond those that are declared


def returned_metrics(journal: WorkloadJournal) -> Mapping[str, float | None]:
    """Return the last metrics that were returned or yielded; None is one that is no figure."""
    if journal.end is not None and journal.end.metrics:
        return journal.end.metrics
    found: Mapping[str, float | None] = journal.cycles[-1].metrics if journal.cycles else {}
    return found


def extra_metrics(journal: WorkloadJournal, spec: RunSpec) -> dict[str, float]:
    """Return what is stored of a run beside its figures: its metrics, their projections, and the number of cycles."""
    returned = {name: value for name, value in returned_metrics(journal).items() if value is not None}
    others = [name for name in returned if name not in (spec.metrics or ())]
    extra = {name: value for name, value in returned.items() if name not in others[MOST_METRICS:]}
    for metric, cycles in spec.projections.items():
        extra.update(_projected(journal, metric, cycles))
    if journal.end and journal.end.cycles is not None:
        extra["cycles"] = journal.end.cycles
    return extra


def _projected(journal: WorkloadJournal, metric: str, cycles: tuple[int, ...]) -> dict[str, float]:
    """Return what ``metric`` will be after so many cycles; nothing if too few yielded it, or not all.

    A run that was killed on its way has its projection too: from the cycles that it had.
    """
    values = [value for cycle in journal.cycles if (value := cycle.metrics.get(metric)) is not None]
    found: dict[str, float] = {}
    for cycle in cycles if len(values) == len(journal.cycles) else ():
        projected = project(values, at=cycle)
        if projected and max(abs(projected.low), abs(projected.high)) <= MOST_FIGURE:
            ends = (projected.estimate, projected.low, projected.high)
            found.update(zip(projected_names(metric, cycle), ends, strict=True))
    return found
