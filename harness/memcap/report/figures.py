"""A cell's figures as text: one number, or what is known of it where the runs did not end as expected."""

from __future__ import annotations

from memcap.model import Measurement, MemorySplit
from memcap.report.text import figure, span
from memcap.report.view import CellView, MetricView
from memcap.units import format_bytes

AT_LEAST = "≥ "
AT_LEAST_NOTE = "≥: no run ended as expected; this is what was needed until the runs ended."


def median_of(view: MetricView) -> str:
    """Return the median, or the interval that it lies in; ``-`` if nothing was measured.

    If no run ended as expected, it is the largest figure behind ``≥``.
    """
    if view.interval is not None:
        return span(*(figure(view.metric, end) for end in view.interval))
    if view.summary is None and view.until_end is not None:
        return f"{AT_LEAST}{figure(view.metric, view.until_end.max)}"
    return figure(view.metric, view.summary.median if view.summary else None)


def spread_of(view: MetricView) -> str:
    """Return median and median absolute deviation, or what ``median_of`` says where there are none."""
    if view.summary is None or view.interval is not None:
        return median_of(view)
    return f"{figure(view.metric, view.summary.median)} ± {figure(view.metric, view.summary.mad)}"


def is_at_least(cell: CellView) -> bool:
    """Tell whether figures of ``cell`` are those of runs that did not end as expected."""
    return any(each.until_end is not None for each in cell.metrics)


def split_text(split: MemorySplit) -> str:
    """Return what memory was used for at one moment: ``anon 20.1 MiB, shmem 0 B, …``; empty if it was not measured.

    Huge pages (a part of anon) and sockets are named where there are any.
    """
    parts = [("anon", split.anon), ("shmem", split.shmem), ("kernel", split.kernel), ("file", split.file)]
    told = {name: f"{name} {format_bytes(part)}" for name, part in parts if part is not None}
    if split.huge and split.anon is not None:
        told["anon"] += f" ({format_bytes(split.huge)} of it huge pages)"
    if split.sock:
        told["sock"] = f"sockets {format_bytes(split.sock)}"
    return ", ".join(told.values())


def run_name(run: Measurement, runs: tuple[Measurement, ...]) -> str:
    """Return ``run 5 of 5 (completed)``."""
    number = next(place for place, each in enumerate(runs, start=1) if each is run)
    return f"run {number} of {len(runs)} ({run.ending.value})"
