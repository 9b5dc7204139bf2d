"""A cell's figures as text: one number, or what is known of it where the runs did not end as expected."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from memcap.model import Ending, Measurement, MemorySplit, MetricVerdict
from memcap.report.text import NOTHING, figure, span
from memcap.report.view import CellView, MetricView
from memcap.stats import median
from memcap.units import format_bytes, signed

AT_LEAST = "≥ "
AT_LEAST_NOTE = "≥: no run ended as expected; this is what was needed until the runs ended."

_TESTS: Final = "pytest"  # the suite of all tests
# What the pytest plugin measures in the metric of a test, which need not be one of memcap's.
TEST_PEAK: Final = "memory_peak"
TEST_RISE: Final = "memory_rise"


def are_tests(cells: Sequence[CellView]) -> bool:
    """Tell whether ``cells`` are tests that the pytest plugin measured where there was no container."""
    return any(cell.cell.suite == _TESTS and TEST_RISE in cell.cell.extra_metrics for cell in cells if cell.cell)


def endings_of(cell: CellView) -> str:
    """Return how the runs of ``cell`` ended, with numbers if not all alike."""
    if len(cell.endings) == 1:
        return cell.endings[0][0].value
    return ", ".join(f"{count} {ending.value}" for ending, count in cell.endings) or NOTHING


def median_of_test(cell: CellView, name: str) -> str:
    """Return the median of TEST_PEAK or TEST_RISE, or behind ``≥`` the largest if no run ended as expected."""
    values = _of_test(cell, name, is_expected=True)
    if values:
        return format_bytes(median(values))
    until = _of_test(cell, name, is_expected=False)
    return f"{AT_LEAST}{format_bytes(max(until))}" if until else NOTHING


def _of_test(cell: CellView, name: str, *, is_expected: bool) -> list[float]:
    expected = cell.cell.expected_ending if cell.cell else Ending.COMPLETED
    return [run.extra[name] for run in cell.runs if name in run.extra and (run.ending is expected) is is_expected]


def median_of(view: MetricView) -> str:
    """Return the median, or the interval that it lies in; ``-`` if nothing was measured.

    If no run ended as expected, it is the largest figure behind ``≥``.
    """
    if view.interval is not None:
        return span(*(figure(view.metric, end) for end in view.interval))
    if view.summary is None and view.until_end is not None:
        return f"{AT_LEAST}{figure(view.metric, view.until_end.max)}"
    return figure(view.metric, view.summary.median if view.summary else None)


def mad_of(view: MetricView) -> str:
    """Return the median absolute deviation; nothing where ``median_of`` is no median."""
    return "" if view.summary is None or view.interval is not None else figure(view.metric, view.summary.mad)


def moved_between(verdict: MetricVerdict) -> str:
    """Return between which figures the shift lies; ``-`` if it is not known."""
    shown, moved = verdict.metric.shown, verdict.shift
    return NOTHING if moved is None else f"{signed(moved.low, shown)} to {signed(moved.high, shown)}"


def is_at_least(cell: CellView) -> bool:
    """Tell whether figures of ``cell`` are those of runs that did not end as expected."""
    figures_of_test = median_of_test(cell, TEST_PEAK)
    return any(each.until_end is not None for each in cell.metrics) or figures_of_test.startswith(AT_LEAST)


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
