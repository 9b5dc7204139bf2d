"""A part of a plan that one machine of several measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MOST_SHARDS: Final = 9999


@dataclass(frozen=True, kw_only=True)
class Shard:
    """Which part of a plan: the shard ``number``, from 1, of ``count``."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"


@dataclass(frozen=True, kw_only=True)
class ShardFacts:
    """What must be alike for shards to be merged, besides the result.

    ``plan_cells`` are the ids of all cells of the plan; ``commit`` is that of the project (None: no repository), and
    ``base`` says which revision was measured beside it (None: there was none).
    """

    shard: Shard
    plan_cells: tuple[str, ...]
    commit: str | None = None
    base: str | None = None
