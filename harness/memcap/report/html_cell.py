"""What the HTML report shows of one cell: the figures of its line, and blocks for when it is opened."""

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
    Measurement,
    Metric,
    VerdictState,
)
from memcap.report.caveats import caveat_blocks, gather
from memcap.report.charts import distribution, distribution_of_extra, memory, pictured
from memcap.report.details import grades
from memcap.report.document import (
    Badge,
    Block,
    Cell,
    Chart,
    Code,
    Column,
    Dots,
    Facts,
    Level,
    Lines,
    Note,
    Output,
    Table,
    Text,
    flat,
)
from memcap.report.figures import endings_of, mad_of, median_of, moved_between, split_text
from memcap.report.server_blocks import server_blocks
from memcap.report.text import NOTHING, figure, number, percent, span
from memcap.report.view import CellView, MetricView, View
from memcap.stats import median
from memcap.units import counted, format_bytes, seconds_of_variant
from memcap.untrusted import printable

# How a state is shown: its level, and a sign, so that colour says nothing alone.
STATE_STYLE: dict[VerdictState, tuple[Level, str]] = {
    VerdictState.REGRESSED: (Level.BAD, "▲"),
    VerdictState.BUDGET_BROKEN: (Level.BAD, "✕"),
    VerdictState.ENDING_CHANGED: (Level.BAD, "✕"),
    VerdictState.WORKLOAD_FAILED: (Level.BAD, "✕"),
    VerdictState.INFRASTRUCTURE: (Level.WARN, "!"),
    VerdictState.GONE: (Level.WARN, "!"),
    VerdictState.INCOMPARABLE: (Level.WARN, "≠"),
    VerdictState.UNDECIDED: (Level.WARN, "?"),
    VerdictState.NOT_ENOUGH_DATA: (Level.WARN, "…"),
    VerdictState.NEW: (Level.PLAIN, "+"),
    VerdictState.IMPROVED: (Level.GOOD, "▼"),
    VerdictState.UNCHANGED: (Level.PLAIN, "✓"),
}
_MEASURED = (Level.PLAIN, "•")
_MOST_PROCESSES = 5
_NEAR_CAP = 0.8
METRIC_TITLES = (
    "metric",
    "verdict",
    "median ± MAD",
    "range",
    "n",
    "baseline",
    "change",
    "shift, interval",
    "tolerance",
    "detectable",
)
_Extra = tuple[str, str, tuple[float, ...]]
_UNSAFE = str.maketrans({character: f"\\u{ord(character):04x}" for character in "&<>'"})


@dataclass(frozen=True, kw_only=True)
class CellPage:
    """One cell as the template shows it; ``told``, ``charts`` and ``notes`` are what it holds when opened.

    ``change`` is the largest of any metric, ``share`` the percentage of the cap that the unreclaimable peak takes, or
    takes at most if it is an interval (``share_text``); ``keys`` are the numbers to sort by, as JSON. ``brief`` is HTML
    that it holds instead of the blocks.
    """

    id: str
    state: str
    level: Level
    sign: str
    need: str
    peak: str
    change: str
    share: int | None
    share_text: str
    near: bool
    ending: str
    unexpected: bool
    keys: str
    told: tuple[Block, ...]
    charts: tuple[Chart, ...]
    notes: tuple[Block, ...]
    brief: str = ""


def cell_page(cell: CellView, view: View, *, brief: str = "") -> CellPage:
    """Return everything that the report says of ``cell``; of what it holds when opened only ``brief``, if given."""
    verdict, plan = cell.verdict, cell.cell
    level, sign = STATE_STYLE[verdict.state] if verdict else _MEASURED
    need, peak = cell.metric(Metric.UNRECLAIMABLE_PEAK), cell.metric(Metric.PEAK)
    middle = need.summary.median if need.summary else None
    change = max((each.change for each in cell.metrics if each.change is not None), key=abs, default=None)
    extras = () if brief else tuple(_extras(cell))
    limit = plan.cap.limit_bytes if plan else None
    highest = need.interval[1] if need.interval else middle
    share = highest / limit if limit and highest is not None else None
    charts = (
        ()
        if brief
        else (memory(cell), *map(distribution, cell.metrics), *(distribution_of_extra(*extra) for extra in extras))
    )
    return CellPage(
        id=printable(cell.id),
        state=verdict.state.value if verdict else "measured",
        level=level,
        sign=sign,
        need=median_of(need),
        peak=median_of(peak),
        change=percent(change),
        share=None if share is None else round(100 * share),
        share_text="" if share is None else f"{'≤ ' if need.interval else ''}{round(100 * share)} %",
        near=share is not None and share > _NEAR_CAP,
        ending=endings_of(cell),
        unexpected=plan is not None and any(ending is not plan.expected_ending for ending, _ in cell.endings),
        keys=embedded([_key(middle), _key(peak.summary.median if peak.summary else None), _key(change), _key(share)]),
        told=() if brief else flat(_verdict(cell, level), _story(cell), metrics_table(cell), server_blocks(cell)),
        charts=tuple(chart for chart in charts if chart),
        notes=() if brief else tuple(_notes(cell, view, extras)),
        brief=brief,
    )


def again(cell: CellView, view: View) -> str:
    """Return the command that measures this cell alone, if its project has it; a measured command has none."""
    if cell.cell is None or cell.cell.suite == OF_NO_SUITE:
        return ""
    words = ["memcap", "run", cell.id, "--profile", view.result.profile]
    words += ["--runs", str(len(cell.runs))] if cell.runs else []
    words += ["--cold"] if cell.cell.variant == COLD else []
    words += ["--duration", cell.cell.variant] if seconds_of_variant(cell.cell.variant) else []
    words += ["--engine", PROCESS_ENGINE] if view.result.environment.engine == PROCESS_ENGINE else []
    return shlex.join(words)


def embedded(value: object) -> str:
    """Return ``value`` as JSON that is safe as it is inside a script element and a single-quoted attribute."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True).translate(_UNSAFE)


def _key(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


def _verdict(cell: CellView, level: Level) -> Note | None:
    if cell.verdict is None or not cell.verdict.summary:
        return None
    return Note(level=level, title=cell.verdict.summary.replace(" -> ", " → "), remedy=cell.verdict.remedy)


def _story(cell: CellView) -> Note | None:
    """Return how the runs ended, and the end of what the first printed that did not simply complete."""
    stories = tuple(_stories(cell, cell.cell)) if cell.cell else ()
    output = cell.verdict.output if cell.verdict else ""
    output = output or next((run.last_lines for run in cell.runs if run.ending is not Ending.COMPLETED), "")
    if not stories and not output.strip():
        return None
    blocks = (Output(text=output, title="The end of what was printed"),) if output.strip() else ()
    return Note(level=Level.PLAIN, title="How the runs ended", facts=stories, blocks=blocks)


def metrics_table(cell: CellView) -> Table | None:
    """Return a row for each metric that was measured or judged; report.css aligns the columns."""
    rows = tuple(_metric_row(each) for each in cell.metrics if each.summary or each.until_end or each.verdict)
    return (
        Table(columns=tuple(Column(title=title) for title in METRIC_TITLES), rows=rows, noun="metrics")
        if rows
        else None
    )


def _metric_row(view: MetricView) -> tuple[Cell, ...]:
    metric, found, verdict = view.metric, view.summary or view.until_end, view.verdict
    middle = " ± ".join(filter(None, (median_of(view), mad_of(view))))
    between = span(figure(metric, found.min), figure(metric, found.max)) if found else NOTHING
    count = str(found.n if found else 0)
    if verdict is None:
        state = "no run ended as expected: what was needed until then" if view.until_end else "not judged"
        drawn = (Dots(view.values),) if len(set(view.values)) > 1 else ()
        return metric.value, state, middle, Lines((between, *drawn)), count, *[""] * 5
    return (
        metric.value,
        Lines((Badge(verdict.state.value, STATE_STYLE[verdict.state][0]), verdict.detail)),
        middle,
        between,
        count,
        figure(metric, verdict.base),
        percent(view.change),
        moved_between(verdict),
        NOTHING if verdict.margin is None else f"±{figure(metric, verdict.margin)}",
        NOTHING if verdict.detectable is None else f"+{figure(metric, verdict.detectable)}",
    )


def _extras(cell: CellView) -> Iterator[_Extra]:
    """Yield name, unit and values of each metric that the workload itself returned."""
    for name, unit in (cell.cell.extra_metrics if cell.cell else {}).items():
        if values := tuple(run.extra[name] for run in cell.runs if name in run.extra):
            yield name, unit, values


def _extra(name: str, unit: str, values: Sequence[float]) -> tuple[str, str]:
    low, high = min(values), max(values)
    told = number(low) if low == high else f"{number(median(values))} ({number(low)} … {number(high)})"
    return name, f"{told} {unit}"


def _notes(cell: CellView, view: View, extras: Sequence[_Extra]) -> Iterator[Block]:
    verdict = cell.verdict
    for alert in verdict.alerts if verdict else ():
        yield Note(level=Level.WARN, title=f"alert {alert.kind.value}", facts=(alert.detail,), remedy=alert.kind.remedy)
    others = [(cell.id, caveat) for caveat in (verdict.caveats if verdict else ())]
    yield from caveat_blocks(gather([(cell.id, run) for run in cell.runs], others, judged=view.is_judged))
    items: dict[str, tuple[tuple[Text, Text], ...]] = {
        "Grades": tuple(grades(cell)),
        "Told by the workload": tuple(_extra(*extra) for extra in extras),
        "Facts": tuple(_facts(cell)),
    }
    yield from (Facts(title=title, items=facts) for title, facts in items.items() if facts)
    if command := again(cell, view):
        yield Code(title="Measure it again", text=command)


def _stories(cell: CellView, plan: CellSummary) -> Iterator[str]:
    """Yield how the runs ended, a line an ending, where that was not simply completing."""
    if [ending for ending, _ in cell.endings] in ([], [Ending.COMPLETED]) and plan.expected_ending is Ending.COMPLETED:
        return
    for ending, count in cell.endings:
        run = next(each for each in cell.runs if each.ending is ending)
        expected = "as expected" if ending is plan.expected_ending else f"expected was {plan.expected_ending.value}"
        yield f"{count} of {counted(len(cell.runs), 'run')}: {run.explanation} ({ending.value}, {expected})."
        facts = _kills(run)
        if facts and ending is not Ending.COMPLETED:
            yield f"In the first of them {facts}."
        if run.detail and not (cell.verdict and run.detail in cell.verdict.summary):
            yield f"{run.detail[:1].upper()}{run.detail[1:]}."


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


def _facts(cell: CellView) -> Iterator[tuple[str, str]]:
    """Yield what else is known: limits, what the memory was at the peak, the largest processes."""
    if cell.cell is None:
        return
    limit = cell.cell.cap.limit_bytes
    yield "cap", f"{format_bytes(limit)} ({cell.cell.cap.name})" if limit else UNCAPPED
    if budget := cell.cell.budget:
        yield "budget", f"{budget.metric.value} at most {format_bytes(budget.ceiling_bytes)}"
    yield "image", cell.cell.image
    run = pictured(cell) or (cell.runs[0] if cell.runs else None)
    if run is None:
        return
    if split := split_text(run.at_peak):
        yield "at the peak of one run", split
    if run.processes:
        largest = sorted(run.processes, key=lambda each: -each.vm_hwm_bytes)[:_MOST_PROCESSES]
        yield "largest processes", ", ".join(f"{each.name} {format_bytes(each.vm_hwm_bytes)}" for each in largest)
    if run.python and run.python.gc:
        gc = run.python.gc
        told = f"{counted(sum(gc.collections), 'collection')}, {figure(Metric.CPU, gc.seconds)}"
        yield "garbage collector", told
    if run.pressure.refaults:
        yield "pages read again", f"{run.pressure.refaults:,}"
