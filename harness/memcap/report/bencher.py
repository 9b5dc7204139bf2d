"""Bencher Metric Format: a benchmark a cell, a measure a metric. Source: https://bencher.dev/docs/reference/bencher-metric-format/"""

from __future__ import annotations

from memcap.json_text import json_text
from memcap.report.view import CellView, View
from memcap.untrusted import printable


def render_bencher(view: View) -> str:
    """Return the median of each metric with its least and largest value, and the number of OOM kills of all runs.

    Of a figure that is an interval, the least and the largest reach to its ends.
    The format has no units, so a measure's name ends with its own. Cells without runs are left out. The project's
    folder comes before a cell's id, as another project of the repository may have a cell of the same id.
    """
    prefix = f"{printable(view.project)}/" if view.project else ""
    cells = {f"{prefix}{printable(cell.id)}": _measures(cell) for cell in view.cells if cell.runs}
    return json_text(cells)


def _measures(cell: CellView) -> dict[str, dict[str, float]]:
    measures: dict[str, dict[str, float]] = {
        f"{each.metric.value.replace('_', '-')}-{each.metric.unit}s": {
            "value": each.summary.median,
            "lower_value": min([each.summary.min, *(each.interval or ())]),
            "upper_value": max([each.summary.max, *(each.interval or ())]),
        }
        for each in cell.metrics
        if each.summary
    }
    kills = [run.oom.kills for run in cell.runs if run.oom.kills is not None]
    if kills:
        measures["oom-kills"] = {"value": sum(kills)}
    return measures
