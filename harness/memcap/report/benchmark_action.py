"""github-action-benchmark's `customSmallerIsBetter`. Source: https://github.com/benchmark-action/github-action-benchmark"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from memcap.json_text import json_text
from memcap.model import UNCAPPED
from memcap.report.view import CellView, View
from memcap.untrusted import printable


def render_benchmark_action(view: View) -> str:
    """Return the median of each memory metric of each cell; times are left out, since any runner's noise would alert.

    The action refuses an empty list: where nothing was measured, it says so.
    """
    entries = [entry for cell in view.cells for entry in _entries(cell)]
    return json_text(entries)


def _entries(cell: CellView) -> Iterator[dict[str, Any]]:
    for each in cell.metrics:
        if each.summary and each.metric.unit == "byte" and cell.cell:
            facts = [
                f"runs: {each.summary.n}",
                f"cap: {limit} bytes" if (limit := cell.cell.cap.limit_bytes) else f"cap: {UNCAPPED}",
                f"image: {printable(cell.cell.image)}",
                *([f"between: {each.interval[0]:.0f} and {each.interval[1]:.0f} bytes"] if each.interval else []),
                *([f"verdict: {cell.verdict.state.value}"] if cell.verdict else []),
            ]
            yield {
                "name": f"{printable(cell.id)}/{each.metric.value}",
                "unit": "bytes",
                "value": each.summary.median,
                "range": f"± {round(each.summary.mad)}",
                "extra": "\n".join(facts),
            }
