"""The phases of a tracked test as text. 1 MB is 1,000,000 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

MEGABYTE = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """Memory at one named moment, in bytes; ``peak_bytes`` is the most since the checkpoint before, ``seconds`` the
    time since the first."""

    name: str
    seconds: float
    bytes: int
    peak_bytes: int

    @property
    def mb(self) -> float:
        """Return the memory held at this moment in MB."""
        return self.bytes / MEGABYTE


def megabytes(size: float, *, signed: bool = False) -> str:
    """Return bytes as ``12.3 MB``, or ``+12.3 MB``."""
    return f"{size / MEGABYTE:{'+' if signed else ''}.1f} MB"


def phase_table(checkpoints: Sequence[Checkpoint]) -> list[str]:
    """Return the lines of a table: each checkpoint with its change and the peak on the way to it."""
    rows = [("checkpoint", "after", "memory", "change", "peak before")]
    for number, each in enumerate(checkpoints):
        change = megabytes(each.bytes - checkpoints[number - 1].bytes, signed=True) if number else ""
        peak = megabytes(each.peak_bytes) if number else ""
        rows.append((each.name, f"{each.seconds:.2f} s", megabytes(each.bytes), change, peak))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, tuple("-" * width for width in widths))  # type: ignore[arg-type]  # as many as there are columns
    return [
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    ]
