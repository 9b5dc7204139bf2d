"""The reports for machines: what ``check --json`` and ``measure --json`` print. Bytes and seconds, absent is null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from memcap.json_text import json_text
from memcap.model import Alert, CampaignResult, Caveat, CellResult, Graded, Measurement, Metric
from memcap.profile_diff import Explanation
from memcap.report.answer import ended_otherwise
from memcap.report.caveats import CaveatView
from memcap.report.diff_json import diff_json
from memcap.report.growth_json import growth_json
from memcap.report.server_json import server_run_json, serving_json
from memcap.report.view import CellView, MetricView, View
from memcap.stats import summarize

# History of the schemas of JSON output; each goes up when a key goes away or changes its meaning.
# measure 1 - first version
# check 1 - first version
MEASURE_SCHEMA = 1
CHECK_SCHEMA = 1

_TOP_STACKS = 10


def render_measure_json(result: CampaignResult) -> str:
    """Return the figures of ``result``: each run of each cell, and a summary of each metric that was measured."""
    return json_text({"schema": MEASURE_SCHEMA, "cells": [_measured(cell) for cell in result.cells]})


def render_check_json(view: View) -> str:
    """Return the verdicts of ``view``, worst first, with the exit code and its reason."""
    hosts = {cell.cell.id: cell.host or view.result.environment.host for cell in view.result.cells}
    return json_text(
        {
            "schema": CHECK_SCHEMA,
            "campaign": view.result.id,
            "merged_from": view.result.merged_from,
            "against": view.against or None,
            "started": view.result.started,
            "profile": view.result.profile,
            "environment": asdict(view.result.environment),
            "exit_code": view.exit_code,
            "reason": view.reason,
            "counts": {state.value: count for state, count in view.counts},
            "not_measured": view.not_measured,
            "detectable_rise": {each.metric.value: each.rise for each in view.sensitivity},
            "cells": [_checked(cell, hosts.get(cell.id)) for cell in view.cells],
            "caveats": [_shared(caveat) for caveat in view.caveats],
            "explained": [_explained(each) for each in view.explained],
        }
    )


def _explained(each: Explanation) -> dict[str, Any]:
    return {
        "cell": each.cell_id,
        "base": each.base or None,
        "why_not": each.why_not or None,
        "folder": each.folder or None,
        "diff": diff_json(each.diff, top=_TOP_STACKS) if each.diff else None,
        "cycles": each.cycles,
        "grown": asdict(each.grown) if each.grown else None,
    }


def _measured(cell: CellResult) -> dict[str, Any]:
    summaries = {metric.value: summarize(cell.values(metric)) for metric in Metric}
    others = ended_otherwise(cell)
    until_end = {metric.value: summarize(_values(others, metric)) for metric in Metric}
    return {
        "id": cell.cell.id,
        "image": cell.cell.image,
        "cap_bytes": cell.cell.cap.limit_bytes,
        "runs": [_run(run) for run in cell.runs],
        "summary": {name: asdict(summary) for name, summary in summaries.items() if summary},
        "until_end": {name: asdict(summary) for name, summary in until_end.items() if summary},
        **serving_json(cell.cell, cell.runs),
        **growth_json(cell.cell, cell.runs),
    }


def _values(runs: Sequence[Measurement], metric: Metric) -> list[float]:
    return [value for run in runs if (value := run.value(metric)) is not None]


def _run(run: Measurement) -> dict[str, Any]:
    return {
        "ending": run.ending.value,
        "exit_code": run.exit_code,
        "signal": run.signal,
        "oom_kills": run.oom.kills,
        "peak_bytes": run.peak_bytes,
        "unreclaimable_peak_bytes": run.unreclaimable_peak_bytes,
        "unreclaimable_peak_low_bytes": run.unreclaimable_peak_low_bytes,
        "unreclaimable_peak_high_bytes": run.unreclaimable_peak_high_bytes,
        "rss_peak_bytes": run.rss_peak_bytes,
        "floor_bytes": run.floor_bytes,
        "wall_seconds": run.wall_seconds,
        "cpu_seconds": run.cpu_seconds,
        "output": run.output_tail or None,
        "caveats": [_caveat(caveat) for caveat in run.caveats],
        **(server_run_json(run.server) if run.server else {}),
    }


def _checked(cell: CellView, host: str | None) -> dict[str, Any]:
    verdict = cell.verdict
    return {
        "id": cell.id,
        "verdict": verdict.state.value if verdict else None,
        "is_unjudged": verdict.is_unjudged if verdict else None,
        "summary": verdict.summary if verdict else None,
        "remedy": (verdict.remedy or None) if verdict else None,
        "output": (verdict.output or None) if verdict else None,
        "host": host,
        "image": cell.cell.image if cell.cell else None,
        "cap_bytes": cell.cell.cap.limit_bytes if cell.cell else None,
        "expected_ending": cell.cell.expected_ending.value if cell.cell else None,
        "endings": {ending.value: count for ending, count in cell.endings},
        "metrics": {each.metric.value: _metric(each) for each in cell.metrics if each.summary or each.verdict},
        "until_end": {each.metric.value: asdict(each.until_end) for each in cell.metrics if each.until_end},
        "grades": [_graded(each) for each in verdict.graded] if verdict else [],
        "alerts": [_alert(alert) for alert in verdict.alerts] if verdict else [],
        "caveats": [_caveat(caveat) for caveat in verdict.caveats] if verdict else [],
        **(serving_json(cell.cell, cell.runs) if cell.cell else {}),
        **(growth_json(cell.cell, cell.runs) if cell.cell else {}),
    }


def _metric(view: MetricView) -> dict[str, Any]:
    return {
        "unit": view.metric.unit,
        "summary": asdict(view.summary) if view.summary else None,
        "interval": {"low": view.interval[0], "high": view.interval[1]} if view.interval else None,
        "verdict": view.verdict.state.value if view.verdict else None,
        "detail": view.verdict.detail if view.verdict else None,
        "baseline_median": view.verdict.base if view.verdict else None,
        "change": view.change,
        "shift": asdict(view.verdict.shift) if view.verdict and view.verdict.shift else None,
        "margin": view.verdict.margin if view.verdict else None,
        "probability": view.verdict.probability if view.verdict else None,
        "detectable": view.verdict.detectable if view.verdict else None,
    }


def _graded(each: Graded) -> dict[str, Any]:
    return {
        "metric": each.name,
        "unit": each.unit,
        "value": each.value,
        "grade": each.grade.value,
        "advice": each.advice or None,
    }


def _alert(alert: Alert) -> dict[str, str]:
    return {"kind": alert.kind.value, "detail": alert.detail, "remedy": alert.kind.remedy}


def _caveat(caveat: Caveat) -> dict[str, str]:
    return {"kind": caveat.kind.value, "detail": caveat.detail, "remedy": caveat.kind.remedy}


def _shared(caveat: CaveatView) -> dict[str, Any]:
    return {
        "kind": caveat.kind.value,
        "details": caveat.details,
        "cells": caveat.cell_ids,
        "remedy": caveat.remedy,
        "runs": caveat.runs,
        "decides": caveat.decides,
    }
