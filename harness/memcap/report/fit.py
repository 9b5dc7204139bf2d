"""What `memcap fit` found, as a document."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from memcap.fitting import Cold, Fit, Point, PointState, Recommendation, Trial, median_of
from memcap.model import Caveat, Environment, ImageFacts
from memcap.report.caveats import caveat_blocks, gather
from memcap.report.document import Code, Column, Document, Facts, Fold, Paragraph, Table, document
from memcap.report.fit_charts import fit_charts
from memcap.report.fit_words import answer, cold_in_words, pasted, rule_in_words, told_state
from memcap.report.text import NOTHING
from memcap.units import counted, format_bytes, format_seconds

_TITLE_WIDTH: Final = 8
_LANGUAGES: Final = {"docker run": "console"}


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


def fit_document(report: FitReport, *, has_files: bool = False) -> Document:
    """Return the answer as one sentence, the curve as a table and as charts, and what to paste.

    ``has_files``: the charts are files beside it.
    """
    fit, advice = report.fit, report.recommendation
    cold = cold_in_words(report.cold, advice)
    return document(
        "memcap fit",
        Paragraph(text=answer(fit, report.subject)),
        Paragraph(text=rule_in_words(advice)),
        Paragraph(text=cold) if cold else None,
        caveat_blocks(gather((), [("", caveat) for caveat in report.caveats], judged=False)),
        _curve(fit),
        (chart if has_files else replace(chart, file="") for chart in fit_charts(fit).values()),
        (Code(title=name, text=text, language=_LANGUAGES.get(name, "yaml")) for name, text in pasted(advice)),
        _provenance(report),
    )


def _curve(fit: Fit) -> Table:
    """Return the columns that say something, a row a cap."""

    def of(name: str, text: Callable[[Point], str], *, rank: int = 0, if_any: bool = False) -> None:
        texts = tuple(map(text, fit.curve))
        if not if_any or set(texts) - {NOTHING, "0"}:
            columns.append(Column(title=textwrap.fill(name, _TITLE_WIDTH), right=name != "found", rank=rank))
            shown.append(texts)

    columns: list[Column] = []
    shown: list[tuple[str, ...]] = []
    of("cap", lambda point: format_bytes(point.cap_bytes))
    of("survived", lambda point: f"{point.survived} of {len(point.trials)}")
    of("95 % interval", lambda point: f"{100 * point.survival.low:.0f}-{100 * point.survival.high:.0f} %", rank=1)
    of("time", lambda point: NOTHING if point.slowdown is None else f"{point.slowdown:.2f}x")
    of("lost", lambda point: _lost(point, fit))
    of("cap hits", lambda point: _count(point, lambda trial: trial.cap_hits), rank=3, if_any=True)
    of("read again", lambda point: _count(point, lambda trial: trial.refaults), rank=2)
    of("major faults", lambda point: _count(point, lambda trial: trial.major_faults), rank=3, if_any=True)
    of("stalled", _stalled, rank=3, if_any=True)
    of("found", lambda point: _remark(point, fit))
    return Table(columns=tuple(columns), rows=tuple(zip(*shown, strict=True)), noun="caps")


def _provenance(report: FitReport) -> Fold:
    first, where = report.fit.reference, report.environment
    measured = (
        f"{counted(len(first.trials), 'run')} with a cap of {format_bytes(first.cap_bytes)}: unreclaimable_peak "
        f"{format_bytes(first.need_bytes)}, peak {format_bytes(first.peak_bytes)}"
    )
    facts = Facts(
        items=(
            ("first measurement", measured),
            ("after it", counted(report.fit.runs, "run")),
            ("image", report.image.reference),
            ("engine", f"{where.engine} {where.engine_version}, cgroup v{where.cgroup_version or '?'}"),
            ("machine", f"{where.architecture}, kernel {where.kernel}"),
            ("started", report.started),
            ("memcap", where.memcap_version),
        )
    )
    return Fold(title="How it was measured", blocks=(facts,))


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
