"""What `memcap merge` is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class MergeOptions:
    """The results of all shards, or folders of them, and where the merged result belongs.

    ``allow_mixed`` merges shards of machines that differ in what figures in bytes depend on little.
    """

    results: tuple[Path, ...] = ()
    output: Path | None = None
    force: bool = False
    allow_mixed: bool = False
    allow_new: bool = False
    root: Path | None = None
