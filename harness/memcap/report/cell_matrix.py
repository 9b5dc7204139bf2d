"""The matrix of a campaign: a line a benchmark, a column an image and cap, the verdict and the change in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from memcap.model import UNCAPPED, CellSummary, Metric
from memcap.report.document import Level
from memcap.report.figures import median_of
from memcap.report.html_cell import STATE_STYLE
from memcap.report.text import NOTHING, percent
from memcap.report.view import CellView
from memcap.untrusted import printable


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A cell in the matrix: its verdict as a level, a sign and a word, and how much it changed, or needs."""

    id: str
    level: Level
    sign: str
    state: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """``columns`` are images and caps; a row has None where there is no such cell."""

    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, tuple[Entry | None, ...]], ...]


def matrix_of(cells: Sequence[CellView]) -> Matrix | None:
    """Return the matrix of the measured ``cells``; None if it would say no more than a list of them."""
    measured = [(cell.cell, cell) for cell in cells if cell.cell]
    columns = sorted({_column(plan) for plan, _ in measured})
    names = sorted({_row(plan) for plan, _ in measured})
    if len(columns) < 2 or len(names) < 2:
        return None
    entries = {(_row(plan), _column(plan)): _entry(cell) for plan, cell in measured}
    rows = tuple((printable(name), tuple(entries.get((name, column)) for column in columns)) for name in names)
    return Matrix(columns=tuple((printable(image), printable(cap)) for image, _, cap in columns), rows=rows)


def _column(plan: CellSummary) -> tuple[str, float, str]:
    limit = plan.cap.limit_bytes
    return plan.image, limit or float("inf"), plan.cap.name if limit else UNCAPPED


def _row(plan: CellSummary) -> str:
    return f"{plan.suite}.{plan.benchmark}{f'.{plan.variant}' if plan.variant else ''}"


def _entry(cell: CellView) -> Entry:
    level, sign = STATE_STYLE[cell.verdict.state] if cell.verdict else (Level.PLAIN, "")
    needed = cell.metric(Metric.UNRECLAIMABLE_PEAK)
    changes = [each.change for each in cell.metrics if each.change is not None]
    text = percent(max(changes, key=abs)) if changes else median_of(needed)
    return Entry(
        id=printable(cell.id),
        level=level,
        sign=sign,
        state=cell.verdict.state.value if cell.verdict else "measured",
        text="" if text == NOTHING else text,
    )
