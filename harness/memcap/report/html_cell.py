"""What the HTML report says of one cell, in words and figures; its template only lays them out."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from memcap.model import (
    COLD,
    OF_NO_SUITE,
    PROCESS_ENGINE,
    UNCAPPED,
    CellSummary,
    Ending,
    Grade,
    Measurement,
    Metric,
    MetricVerdict,
    VerdictState,
)
from memcap.report.caveats import by_kind
from memcap.report.charts import distribution, distribution_of_extra, memory, pictured
from memcap.report.document import Chart
from memcap.report.figures import endings_of, median_of, split_text
from memcap.report.svg import inline, mini
from memcap.report.text import NOTHING, figure, percent
from memcap.report.view import CellView, MetricView, View
from memcap.stats import median
from memcap.units import counted, format_bytes, seconds_of_variant, signed
from memcap.untrusted import printable, printable_output

_BAD, _WARN, _GOOD, _PLAIN = "bad", "warn", "good", "plain"
# How a state is shown: its tone, and a sign, so that colour says nothing alone.
LOOKS: dict[VerdictState, tuple[str, str]] = {
    VerdictState.REGRESSED: (_BAD, "▲"),
    VerdictState.BUDGET_BROKEN: (_BAD, "✕"),
    VerdictState.ENDING_CHANGED: (_BAD, "✕"),
    VerdictState.WORKLOAD_FAILED: (_BAD, "✕"),
    VerdictState.INFRASTRUCTURE: (_WARN, "!"),
    VerdictState.GONE: (_WARN, "!"),
    VerdictState.INCOMPARABLE: (_WARN, "≠"),
    VerdictState.UNDECIDED: (_WARN, "?"),
    VerdictState.NOT_ENOUGH_DATA: (_WARN, "…"),
    VerdictState.NEW: (_PLAIN, "+"),
    VerdictState.IMPROVED: (_GOOD, "▼"),
    VerdictState.UNCHANGED: (_PLAIN, "✓"),
}
_GRADES = {Grade.EXCELLENT: _GOOD, Grade.GOOD: _GOOD, Grade.MARGINAL: _WARN, Grade.POOR: _BAD}
_MEASURED = (_PLAIN, "•")
_MOST_OUTPUT_LINES = 60
_MOST_PROCESSES = 5
_NEAR_CAP = 0.8
_Extra = tuple[str, str, tuple[float, ...]]
_UNSAFE = str.maketrans({character: f"\\u{ord(character):04x}" for character in "&<>'"})


@dataclass(frozen=True, kw_only=True)
class MetricRow:
    """One metric's figures as text; ``state`` is empty where it was not judged, and its values are ``dots`` then."""

    name: str
    median: str
    mad: str
    range: str
    n: str
    base: str
    change: str
    shift: str
    margin: str
    detectable: str
    state: str
    tone: str
    sign: str
    detail: str
    dots: str


@dataclass(frozen=True, kw_only=True)
class CellPage:
    """One cell as the template shows it.

    ``change`` is the largest of any metric, ``share`` the percentage of the cap that the unreclaimable peak takes, or
    takes at most if it is an interval (``share_text``); ``keys`` are the numbers to sort by, as JSON.
    """

    id: str
    state: str
    tone: str
    sign: str
    summary: str
    remedy: str
    need: str
    peak: str
    change: str
    share: int | None
    share_text: str
    near: bool
    ending: str
    unexpected: bool
    keys: str
    metrics: tuple[MetricRow, ...]
    extras: tuple[tuple[str, str], ...]
    stories: tuple[str, ...]
    output: str
    facts: tuple[tuple[str, str], ...]
    graded: tuple[tuple[str, str, str, str], ...]
    alerts: tuple[tuple[str, str], ...]
    caveats: tuple[tuple[str, str, str], ...]
    commands: tuple[str, ...]
    picture: str
    charts: tuple[str, ...]


def cell_page(cell: CellView, view: View) -> CellPage:
    """Return everything that the report says of ``cell``."""
    verdict, plan = cell.verdict, cell.cell
    tone, sign = LOOKS[verdict.state] if verdict else _MEASURED
    need, peak = cell.metric(Metric.UNRECLAIMABLE_PEAK), cell.metric(Metric.PEAK)
    middle = need.summary.median if need.summary else None
    change = max((each.change for each in cell.metrics if each.change is not None), key=abs, default=None)
    extras = tuple(_extras(cell))
    limit = plan.cap.limit_bytes if plan else None
    highest = need.interval[1] if need.interval else middle
    share = highest / limit if limit and highest is not None else None
    return CellPage(
        id=printable(cell.id),
        state=verdict.state.value if verdict else "measured",
        tone=tone,
        sign=sign,
        summary=printable(verdict.summary).replace(" -> ", " → ") if verdict else "",
        remedy=printable(verdict.remedy) if verdict else "",
        need=median_of(need),
        peak=median_of(peak),
        change=percent(change),
        share=None if share is None else round(100 * share),
        share_text="" if share is None else f"{'≤ ' if need.interval else ''}{round(100 * share)} %",
        near=share is not None and share > _NEAR_CAP,
        ending=endings_of(cell),
        unexpected=plan is not None and any(ending is not plan.expected_ending for ending, _ in cell.endings),
        keys=embedded([_key(middle), _key(peak.summary.median if peak.summary else None), _key(change), _key(share)]),
        metrics=tuple(_metric_row(each) for each in cell.metrics if each.summary or each.until_end or each.verdict),
        extras=tuple(_told_by_workload(extras)),
        stories=tuple(_stories(cell, plan)) if plan else (),
        output=_output(cell),
        facts=tuple(_facts(cell)),
        graded=tuple(
            (
                printable(each.name),
                f"{_number(each.value)} {printable(each.unit)}",
                f"{each.grade.value}: {printable(each.advice)}" if each.advice else each.grade.value,
                _GRADES.get(each.grade, _PLAIN),
            )
            for each in (verdict.graded if verdict else ())
        ),
        alerts=tuple((printable(each.detail), each.kind.remedy) for each in (verdict.alerts if verdict else ())),
        caveats=tuple(_caveats(cell)),
        commands=commands(cell, view),
        picture=inline(drawn.drawing, drawn.words) if (drawn := memory(cell)) else "",
        charts=tuple(inline(chart.drawing, chart.drawing.heading) for chart in _charts(cell, extras)),
    )


def commands(cell: CellView, view: View) -> tuple[str, ...]:
    """Return the command that measures this cell alone, if its project has it; a measured command has none."""
    if cell.cell is None or cell.cell.suite == OF_NO_SUITE:
        return ()
    words = ["memcap", "run", cell.id, "--profile", view.profile]
    words += ["--runs", str(len(cell.runs))] if cell.runs else []
    words += ["--cold"] if cell.cell.variant == COLD else []
    words += ["--duration", cell.cell.variant] if seconds_of_variant(cell.cell.variant) else []
    words += ["--engine", PROCESS_ENGINE] if view.environment.engine == PROCESS_ENGINE else []
    return (printable(shlex.join(words)),)


def embedded(value: object) -> str:
    """Return ``value`` as JSON that is safe as it is inside a script element and a single-quoted attribute."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).translate(_UNSAFE)


def _key(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _metric_row(view: MetricView) -> MetricRow:
    metric, found, verdict = view.metric, view.summary or view.until_end, view.verdict
    unjudged = "no run ended as expected: what was needed until then" if view.until_end else "not judged"
    tone, sign = LOOKS[verdict.state] if verdict else (_PLAIN, "")
    return MetricRow(
        name=metric.value,
        median=median_of(view),
        mad=figure(metric, view.summary.mad) if view.summary and not view.interval else "",
        range=_span(figure(metric, found.min), figure(metric, found.max)) if found else NOTHING,
        n=str(found.n) if found else "0",
        base=figure(metric, verdict.base if verdict else None),
        change=percent(view.change),
        shift=_shift(metric, verdict),
        margin=f"±{figure(metric, verdict.margin)}" if verdict and verdict.margin is not None else NOTHING,
        detectable=f"+{figure(metric, verdict.detectable)}" if verdict and verdict.detectable is not None else NOTHING,
        state=verdict.state.value if verdict else "",
        tone=tone,
        sign=sign,
        detail=printable(verdict.detail) if verdict else unjudged,
        dots=mini(view.values) if len(set(view.values)) > 1 and not verdict else "",
    )


def _shift(metric: Metric, verdict: MetricVerdict | None) -> str:
    if verdict is None or verdict.shift is None:
        return NOTHING
    return _span(signed(verdict.shift.low, metric.shown), signed(verdict.shift.high, metric.shown))


def _span(low: str, high: str) -> str:
    """Return ``+4.4 … +4.8 MiB``: a unit that both have is written once."""
    if low == high:
        return low
    number, _, unit = low.rpartition(" ")
    return f"{number if unit == high.rpartition(' ')[2] else low} … {high}"


def _extras(cell: CellView) -> Iterator[_Extra]:
    """Yield name, unit and values of each metric that the workload itself returned."""
    for name, unit in (cell.cell.extra_metrics if cell.cell else {}).items():
        if values := tuple(run.extra[name] for run in cell.runs if name in run.extra):
            yield printable(name), printable(unit), values


def _told_by_workload(extras: Sequence[_Extra]) -> Iterator[tuple[str, str]]:
    for name, unit, values in extras:
        low, high = min(values), max(values)
        told = _number(low) if low == high else f"{_number(median(values))} ({_number(low)} … {_number(high)})"
        yield name, f"{told} {unit}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"


def _stories(cell: CellView, plan: CellSummary) -> list[str]:
    """Return how the runs ended, a line an ending, where that was not simply completing."""
    if [ending for ending, _ in cell.endings] in ([], [Ending.COMPLETED]) and plan.expected_ending is Ending.COMPLETED:
        return []
    told = []
    for ending, count in cell.endings:
        run = next(each for each in cell.runs if each.ending is ending)
        expected = "as expected" if ending is plan.expected_ending else f"expected was {plan.expected_ending.value}"
        told.append(f"{count} of {counted(len(cell.runs), 'run')}: {ending.explanation} ({ending.value}, {expected}).")
        facts = _kills(run)
        if facts and ending is not Ending.COMPLETED:
            told.append(f"In the first of them {facts}.")
        if run.detail and not (cell.verdict and run.detail in cell.verdict.summary):
            told.append(f"{run.detail[:1].upper()}{run.detail[1:]}.")
    return [printable(line) for line in told]


def _kills(run: Measurement) -> str:
    facts, said = run.oom, []
    if facts.kills:
        said.append(f"the kernel killed {counted(facts.kills, 'process')}")
    if facts.group_kills:
        said.append("it killed the whole group")
    if facts.cap_hits:
        said.append(
            "the cap was run into once" if facts.cap_hits == 1 else f"the cap was run into {facts.cap_hits:,} times"
        )
    if facts.docker_flag is not None and (facts.kills or facts.docker_flag):
        said.append(f"the daemon {'agrees' if facts.docker_flag == bool(facts.kills) else 'says otherwise'}")
    if run.signal is not None:
        said.append(f"the workload was ended by signal {run.signal}")
    elif run.exit_code:
        said.append(f"its exit code was {run.exit_code}")
    if run.peak_bytes is not None:
        said.append(f"the peak was {format_bytes(run.peak_bytes)}")
    return ", ".join(said)


def _output(cell: CellView) -> str:
    """Return the end of what was printed by the first run that did not simply complete."""
    found = cell.verdict.output if cell.verdict else ""
    if not found:
        found = next((run.output_tail for run in cell.runs if run.ending is not Ending.COMPLETED), "")
    lines = [line for line in printable_output(found).splitlines() if line.strip()]
    return "\n".join(lines[-_MOST_OUTPUT_LINES:])


def _facts(cell: CellView) -> list[tuple[str, str]]:
    """Return what else is known: limits, what the memory was at the peak, the largest processes."""
    if cell.cell is None:
        return []
    limit = cell.cell.cap.limit_bytes
    facts = [("cap", f"{format_bytes(limit)} ({printable(cell.cell.cap.name)})" if limit else UNCAPPED)]
    if budget := cell.cell.budget:
        facts.append(("budget", f"{budget.metric.value} at most {format_bytes(budget.ceiling_bytes)}"))
    facts.append(("image", printable(cell.cell.image)))
    run = pictured(cell) or (cell.runs[0] if cell.runs else None)
    if run is None:
        return facts
    if split := split_text(run.at_peak):
        facts.append(("at the peak of one run", split))
    if run.processes:
        largest = sorted(run.processes, key=lambda each: -each.vm_hwm_bytes)[:_MOST_PROCESSES]
        told = [f"{printable(each.name)} {format_bytes(each.vm_hwm_bytes)}" for each in largest]
        facts.append(("largest processes", ", ".join(told)))
    if run.python and run.python.gc:
        gc = run.python.gc
        facts.append(
            ("garbage collector", f"{counted(sum(gc.collections), 'collection')}, {figure(Metric.CPU, gc.seconds)}")
        )
    if run.pressure.refaults:
        facts.append(("pages read again", f"{run.pressure.refaults:,}"))
    return facts


def _caveats(cell: CellView) -> list[tuple[str, str, str]]:
    """Return kind, details and remedy of each kind of doubt."""
    found = [caveat for run in cell.runs for caveat in run.caveats]
    found += cell.verdict.caveats if cell.verdict else ()
    return [
        (kind.value.replace("_", " "), printable("; ".join(details)), kind.remedy) for kind, details in by_kind(found)
    ]


def _charts(cell: CellView, extras: Sequence[_Extra]) -> Iterator[Chart]:
    """Yield a chart of the values of each metric."""
    found = (*map(distribution, cell.metrics), *(distribution_of_extra(*extra) for extra in extras))
    yield from (chart for chart in found if chart is not None)
