"""What one question about a cell found: the state it would give the cell, in words, with the next step."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from memcap.model import CellResult, VerdictState


@dataclass(frozen=True, kw_only=True)
class CellFinding:
    """A state with its one-line summary, its remedy, and the end of what the workload printed if that explains it."""

    state: VerdictState
    summary: str
    remedy: str = ""
    output: str = ""


def accepting(cell: CellResult, origin: str, *options: str, before: str = "") -> str:
    """Return the command that makes ``cell`` the baseline, behind the words ``before``.

    Nothing where the cell was compared with something else: ``origin`` is not empty then.
    """
    if origin:
        return ""
    command = " ".join(["memcap baseline accept", shlex.quote(cell.cell.id), '--reason "…"', *options])
    return f"{before}: {command}" if before else command
