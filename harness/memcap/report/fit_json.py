"""What `memcap fit` found, as JSON."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from memcap.fitting import Fit, Point, TimeLost, median_of
from memcap.json_text import json_text
from memcap.report.caveats import by_kind
from memcap.report.fit import FitReport
from memcap.report.fit_words import pasted, rule_in_words

# History of the schema of fit.json and `fit --json`; it goes up when a key goes away or changes its meaning.
# 1 - first version
# 2 - `undisturbed` of a cap became `time_lost`; `comfortable_cap_bytes` is the smallest cap that costs no time, null if
#     none was found; `cold` and `time_lost` are new
FIT_SCHEMA = 2


def render_fit_json(report: FitReport) -> str:
    """Return everything as JSON: bytes and seconds, absent is null."""
    fit, advice = report.fit, report.recommendation
    document = {
        "schema": FIT_SCHEMA,
        "id": report.id,
        "started": report.started,
        "subject": report.subject,
        "image": {"reference": report.image.reference, "id": report.image.id, "digest": report.image.digest},
        "environment": asdict(report.environment),
        "minimum_cap_bytes": fit.minimum.cap_bytes if fit.is_found else None,
        "comfortable_cap_bytes": fit.comfortable.cap_bytes if fit.comfortable else None,
        "time_lost_limit": fit.goal.time_lost,
        "time_lost": _time_lost(fit.time_lost),
        "cold": None if report.cold is None else asdict(report.cold),
        "largest_failing_cap_bytes": fit.below.cap_bytes if fit.below else None,
        "within_bytes": fit.within_bytes,
        "resolution_bytes": fit.goal.resolution_bytes,
        "resolved": fit.is_resolved,
        "confirmed": fit.confirmed,
        "noisy": fit.noisy,
        "slowdown_limit": fit.goal.slowdown,
        "runs": fit.runs,
        "survival": _survival(fit.minimum),
        "first_measurement": {
            "cap_bytes": fit.reference.cap_bytes,
            "runs": len(fit.reference.trials),
            "unreclaimable_peak_bytes": fit.reference.need_bytes,
            "peak_bytes": fit.reference.peak_bytes,
            "wall_seconds": median_of(fit.reference.trials, lambda trial: trial.wall_seconds),
        },
        "recommendation": {
            "limit_bytes": advice.limit_bytes,
            "request_bytes": advice.limit_bytes,
            "headroom": advice.headroom,
            "because": advice.rule.value,
            "slack_bytes": advice.slack_bytes,
            "slack": advice.slack,
            "rule": rule_in_words(advice),
            **{name.lower().replace(" ", "_"): text for name, text in pasted(advice)},
        },
        "caveats": [
            {"kind": kind.value, "details": list(details), "remedy": kind.remedy}
            for kind, details in by_kind(report.caveats)
        ],
        "curve": [_point(point, fit) for point in fit.curve],
    }
    return json_text(document)


def _point(point: Point, fit: Fit) -> dict[str, Any]:
    trials = point.trials
    return {
        "cap_bytes": point.cap_bytes,
        "state": point.state.value,
        "comfort": fit.clock.comfort(point).value,
        "time_lost": _time_lost(fit.clock.time_lost(point)),
        "runs": len(trials),
        "survived": point.survived,
        "survival_interval": _survival(point)["interval"],
        "endings": dict(Counter(trial.outcome for trial in trials)),
        "slowdown": point.slowdown,
        "wall_seconds": median_of([trial for trial in trials if trial.survived], lambda trial: trial.wall_seconds),
        "cap_hits": median_of(trials, lambda trial: trial.cap_hits),
        "refaults": median_of(trials, lambda trial: trial.refaults),
        "major_faults": median_of(trials, lambda trial: trial.major_faults),
        "stall_seconds": median_of(trials, lambda trial: trial.stall_seconds),
        "peak_bytes": median_of(trials, lambda trial: trial.peak_bytes),
    }


def _time_lost(lost: TimeLost | None) -> dict[str, Any] | None:
    return None if lost is None else {**asdict(lost), "basis": lost.basis.value}


def _survival(point: Point) -> dict[str, Any]:
    found = point.survival
    return {
        "runs": found.total,
        "survived": found.count,
        "estimate": found.count / found.total,
        "interval": [found.low, found.high],
        "confidence": found.confidence,
    }
