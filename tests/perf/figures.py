"""A row of what `python -m perf` prints, and how a measurement looks."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: what was measured, the command that does it, the figure and what it should be, as text."""

    what: str
    command: str
    measured: str
    goal: str = ""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """How much is measured: the cells and runs of the large result, and how often a short command is repeated."""

    cells: int
    runs: int
    repeats: int


Measurement = Callable[[Scale], Iterable[Row]]
