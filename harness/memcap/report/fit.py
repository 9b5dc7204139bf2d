"""What `memcap fit` found, as text, Markdown and JSON."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from memcap.fitting import Cold, Fit, Point, PointState, Recommendation, TimeLost, Trial
from memcap.json_text import json_text
from memcap.model import Caveat, Environment, ImageFacts
from memcap.report.caveats import by_kind
from memcap.report.fit_words import answer, cold_in_words, pasted, rule_in_words, told_state
from memcap.report.markdown_text import code
from memcap.report.text import NOTHING, table, table_width, wrapped
from memcap.stats import median
from memcap.units import counted, format_bytes, format_seconds

# History of the schema of fit.json and `fit --json`; it goes up when a key goes away or changes its meaning.
# 1 - first version
# 2 - `undisturbed` of a cap became `time_lost`; `comfortable_cap_bytes` is the smallest cap that costs no time, null if
#     none was found; `cold` and `time_lost` are new
FIT_SCHEMA = 2
_HEADERS = ["cap", "survived", "95 % interval", "time", "lost", "cap hits", "read again", "major faults", "stalled", ""]
_TOLD_IF_ANY = ("cap hits", "major faults", "stalled")  # other columns are told in any case
_TOLD_IF_ROOM = ("stalled", "major faults", "cap hits", "read again", "95 % interval")  # the first goes first
_TITLE_WIDTH = 8


@dataclass(frozen=True, kw_only=True)
class FitReport:
    """A fit with what it was found on; ``subject`` is the cell's id or the command.

    ``caveats`` are those of the first measurement that matter to a cap.
    """

    id: str
    started: str
    subject: str
    image: ImageFacts
    environment: Environment
    fit: Fit
    recommendation: Recommendation
    cold: Cold | None = None
    caveats: tuple[Caveat, ...] = ()


def render_fit(report: FitReport, *, width: int = 80) -> str:
    """Return the curve as a table, the answer as one sentence, and what to paste."""
    snippets = "\n\n".join(f"{name}:\n{textwrap.indent(text, '    ')}" for name, text in pasted(report.recommendation))
    told = [answer(report.fit, report.subject), *advice_in_words(report), *_doubts(report)]
    lines = [wrapped(text, width) for text in told]
    return "\n\n".join([_curve(report.fit, width), *lines, snippets]) + "\n"


def _curve(fit: Fit, width: int) -> str:
    """Return the curve as a table of the columns that say something and for which there is room."""
    shown = {title: texts for title, *texts in zip(_HEADERS, *_rows(fit), strict=True)}
    for title in _TOLD_IF_ANY:
        if not set(shown[title]) - {NOTHING, "0"}:
            del shown[title]
    for title in _TOLD_IF_ROOM:
        if _curve_width(shown) > width:
            shown.pop(title, None)
    align = [*["right"] * (len(shown) - 1), "left"]
    return table([*zip(*shown.values(), strict=True)], [*map(_narrow, shown)], width=width, align=align)


def _curve_width(columns: Mapping[str, Sequence[str]]) -> int:
    return table_width([*zip(*columns.values(), strict=True)], [*map(_narrow, columns)])


def _narrow(title: str) -> str:
    return textwrap.fill(title, _TITLE_WIDTH)


def render_fit_markdown(report: FitReport, *, charts: Sequence[tuple[str, str]] = ()) -> str:
    """Return the same as Markdown; ``charts`` are file names, each with its words."""
    fit = report.fit
    headers, *body = ("| " + " | ".join(row) + " |" for row in table_of(fit))
    rows = [headers, "|" + "---:|" * (len(_HEADERS) - 1) + "---|", *body]
    snippets = "\n\n".join(
        f"{name}:\n\n```{'console' if name == 'docker run' else 'yaml'}\n{text}\n```"
        for name, text in pasted(report.recommendation)
    )
    parts = [
        f"# How small can the cap be? {code(report.subject)}",
        answer(fit, ""),
        *advice_in_words(report),
        *_doubts(report),
        snippets,
        "## The curve",
        "\n".join(rows),
        *(f"![{words}]({name})" for name, words in charts),
        _provenance(report),
    ]
    return "\n\n".join(parts) + "\n"


def table_of(fit: Fit) -> list[list[str]]:
    """Return the curve as a table of texts: the names of the columns, then a row a cap."""
    return [[*_HEADERS[:-1], "found"], *_rows(fit)]


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


def median_of(trials: Sequence[Trial], figure: Callable[[Trial], float | None]) -> float | None:
    """Return the median of what was measured of ``figure``, None for nothing."""
    found = [value for trial in trials if (value := figure(trial)) is not None]
    return median(found) if found else None


def advice_in_words(report: FitReport) -> list[str]:
    """Return which cap to set and why, and what cold starts showed."""
    cold = cold_in_words(report.cold, report.recommendation)
    return [rule_in_words(report.recommendation), *([cold] if cold else [])]


def _doubts(report: FitReport) -> list[str]:
    """Return a sentence for each kind of caveat, with its remedy."""
    return [
        f"Caveat {kind.value.replace('_', ' ')}: {'; '.join(details)}. {kind.remedy}"
        for kind, details in by_kind(report.caveats)
    ]


def _provenance(report: FitReport) -> str:
    first, where = report.fit.reference, report.environment
    return (
        f"{counted(report.fit.runs, 'run')} after the first measurement ({counted(len(first.trials), 'run')} with a "
        f"cap of {format_bytes(first.cap_bytes)}: unreclaimable_peak {format_bytes(first.need_bytes)}, peak "
        f"{format_bytes(first.peak_bytes)}) of image {code(report.image.reference)} on {where.engine} "
        f"{where.engine_version}, cgroup v{where.cgroup_version or '?'}, kernel {where.kernel}, {where.architecture}; "
        f"{report.started}, memcap {where.memcap_version}."
    )


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
        "endings": dict(Counter(trial.ending.value for trial in trials)),
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


def _rows(fit: Fit) -> list[list[str]]:
    return [
        [
            format_bytes(point.cap_bytes),
            f"{point.survived} of {len(point.trials)}",
            f"{100 * point.survival.low:.0f}-{100 * point.survival.high:.0f} %",
            NOTHING if point.slowdown is None else f"{point.slowdown:.2f}x",
            _lost(point, fit),
            _count(point, lambda trial: trial.cap_hits),
            _count(point, lambda trial: trial.refaults),
            _count(point, lambda trial: trial.major_faults),
            _stalled(point),
            _remark(point, fit),
        ]
        for point in fit.curve
    ]


def _lost(point: Point, fit: Fit) -> str:
    lost = fit.clock.time_lost(point)
    return NOTHING if lost is None else f"{100 * lost.estimate:.0f} %"


def _remark(point: Point, fit: Fit) -> str:
    comfortable = fit.comfortable.cap_bytes if fit.comfortable else None
    if point.cap_bytes == fit.minimum.cap_bytes:
        return "minimum, comfortable" if comfortable == point.cap_bytes else "minimum"
    if point.cap_bytes == comfortable:
        return "comfortable"
    return told_state(point) if point.state is not PointState.VIABLE else ""


def _count(point: Point, figure: Callable[[Trial], float | None]) -> str:
    found = median_of(point.trials, figure)
    return NOTHING if found is None else f"{found:,.0f}"


def _stalled(point: Point) -> str:
    found = median_of(point.trials, lambda trial: trial.stall_seconds)
    return NOTHING if found is None else format_seconds(found)
