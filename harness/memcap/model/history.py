"""How the baseline of a cell came to be what it is."""

from __future__ import annotations

from dataclasses import dataclass

from memcap.model.result import Baseline


@dataclass(frozen=True, kw_only=True)
class BaselineVersion:
    """What the baseline of a cell became; ``baseline`` is None where it was removed.

    ``commit`` (abbreviated), ``date`` (as 2026-11-20) and ``author`` are None for what is not committed yet.
    """

    commit: str | None
    date: str | None
    author: str | None
    baseline: Baseline | None


@dataclass(frozen=True, kw_only=True)
class CellHistory:
    """The versions of one cell's baseline, the newest first."""

    cell_id: str
    versions: tuple[BaselineVersion, ...]


@dataclass(frozen=True, kw_only=True)
class History:
    """The histories of cells, and in words what of it could not be read."""

    cells: tuple[CellHistory, ...]
    unreadable: tuple[str, ...] = ()
