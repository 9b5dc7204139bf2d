"""What one question about a cell found: the state it would give the cell, in words, with the next step."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from memcap.model import CellResult, Metric, VerdictState
from memcap.units import format_bytes, format_seconds


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A state with its one-line summary, its remedy, and the end of what the workload printed if that explains it."""

    state: VerdictState
    summary: str
    remedy: str = ""
    output: str = ""


def accepting(cell: CellResult) -> str:
    """Return the command that makes ``cell`` the baseline."""
    return f'memcap baseline accept {shlex.quote(cell.cell.id)} --reason "…"'


def figure(metric: Metric, value: float) -> str:
    """Return ``value`` of ``metric`` with its unit."""
    return format_bytes(value) if metric.unit == "byte" else format_seconds(value)
