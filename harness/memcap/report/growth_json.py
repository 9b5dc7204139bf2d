"""What ``--json`` says of a soak's memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from memcap.model import CellResult, CellSummary, Measurement
from memcap.run_growth import growth_of_cell


def growth_json(cell: CellSummary, runs: Sequence[Measurement]) -> dict[str, Any]:
    """Return the keys that a soak has besides those of every cell: none for others."""
    if not cell.is_soak:
        return {}
    growth = growth_of_cell(CellResult(cell=cell, runs=tuple(runs)))
    if growth is None:
        return {"growth": None}
    rate = growth.rate
    return {
        "growth": {
            "class": growth.verdict.kind.value,
            "leak": growth.verdict.leak,
            "reason": growth.verdict.reason,
            "unit": growth.unit,
            "rate_bytes": rate.estimate if rate else None,
            "rate_interval": [rate.low, rate.high] if rate else None,
            "detectable_bytes": growth.detectable,
        }
    }
