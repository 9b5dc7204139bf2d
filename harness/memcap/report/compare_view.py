"""The one object that all reports of a comparison render: the answer in words, and the benchmarks in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from memcap.comparing import ANSWER, Comparison, Difference, Pair, Part
from memcap.model import CampaignResult, CellResult, Metric, VerdictState
from memcap.report.caveats import CaveatView, gather
from memcap.report.text import figure
from memcap.stats import median
from memcap.units import counted, format_bytes, signed

# A comparison has no better and worse side: its verdicts say which has more.
WORDS: Final = {
    VerdictState.IMPROVED: "less",
    VerdictState.REGRESSED: "more",
    VerdictState.UNCHANGED: "unchanged",
    VerdictState.UNDECIDED: "undecided",
    VerdictState.NOT_ENOUGH_DATA: "too few runs",
    VerdictState.ENDING_CHANGED: "unexpected ending",
}
# How a figure is marked that is neither clearly more nor clearly less.
_MARKS: Final = {VerdictState.UNCHANGED: "=", VerdictState.UNDECIDED: "?", VerdictState.NOT_ENOUGH_DATA: "?"}
_MIB: Final = 1024 * 1024
_MOST_TELLING_FIRST: Final = (
    VerdictState.ENDING_CHANGED,
    VerdictState.WORKLOAD_FAILED,
    VerdictState.INFRASTRUCTURE,
    VerdictState.REGRESSED,
    VerdictState.IMPROVED,
    VerdictState.UNDECIDED,
    VerdictState.NOT_ENOUGH_DATA,
    VerdictState.INCOMPARABLE,
    VerdictState.UNCHANGED,
)


@dataclass(frozen=True, kw_only=True)
class SideView:
    """One side: its label, and what that stands for."""

    label: str
    text: str


@dataclass(frozen=True, kw_only=True)
class ComparisonView:
    """A comparison in words, with its benchmarks: most telling first; ``untold`` are those without figures.

    ``where`` is empty where the parts are not known. ``notes`` are what else a reader must know.
    """

    answer: str
    where: str
    sides: tuple[SideView, SideView]
    pairs: tuple[Pair, ...]
    untold: tuple[Pair, ...]
    notes: tuple[str, ...]
    caveats: tuple[CaveatView, ...]
    next_step: str
    exit_code: int
    comparison: Comparison


def build_comparison_view(
    comparison: Comparison, results: tuple[CampaignResult, CampaignResult], *, exit_code: int
) -> ComparisonView:
    """Return the view of ``comparison``, which was made of ``results`` (base, against)."""
    pairs = sorted(comparison.pairs, key=_severity)
    told = tuple(pair for pair in pairs if pair.metrics)
    base, against = (
        _side(label, result, cells)
        for label, result, cells in zip(
            comparison.labels,
            results,
            ([pair.match.base for pair in pairs], [pair.match.against for pair in pairs]),
            strict=True,
        )
    )
    return ComparisonView(
        answer=_answer(comparison),
        where=_where(told),
        sides=(base, against),
        pairs=told,
        untold=tuple(pair for pair in pairs if not pair.metrics),
        notes=tuple(_notes(comparison)),
        caveats=_caveats(pairs),
        next_step=_next_step(comparison),
        exit_code=exit_code,
        comparison=comparison,
    )


def word(pair: Pair) -> str:
    """Return what is said of the benchmark: ``more``, ``less``, ``unchanged``, …, or why nothing is."""
    return WORDS.get(pair.state, pair.state.value)


def metric_of(difference: Difference) -> Metric:
    """Return the metric in whose unit ``difference`` is told."""
    return Metric(difference.name) if difference.name in {metric.value for metric in Metric} else ANSWER


def told_moved(difference: Difference) -> str:
    """Return ``+0.5 MiB (+12.3%), +0.4 MiB to +0.6 MiB``."""
    metric, found = metric_of(difference), difference.shift
    share = "" if difference.change is None else f" ({difference.change:+.1%})"
    interval = f", {signed(found.low, metric.shown)} to {signed(found.high, metric.shown)}" if found else ""
    return f"{signed(difference.moved, metric.shown)}{share}{interval}"


def told_extra(difference: Difference) -> str:
    """Return ``76 -> 52 %, -24 (-31.6%), -25 to -23`` of a workload's own metric, in four digits."""
    found = difference.shift
    share = "" if difference.change is None else f" ({difference.change:+.1%})"
    interval = f", {found.low:+.4g} to {found.high:+.4g}" if found else ""
    return (
        f"{difference.base:.4g} -> {difference.against:.4g} {difference.unit}, {difference.moved:+.4g}{share}{interval}"
    )


def told_sides(difference: Difference) -> str:
    """Return the medians: ``11.4 MiB -> 11.9 MiB``."""
    metric = metric_of(difference)
    return f"{figure(metric, difference.base)} -> {figure(metric, difference.against)}"


def in_mib(change: float) -> str:
    """Return a number of bytes as MiB with its sign: ``+0.25``."""
    text = f"{change / _MIB:+.2f}"
    return "0.00" if float(text) == 0 else text


def mark(difference: Difference) -> str:
    """Return ``=`` or ``?`` for a figure that is judged, and neither more nor less; else nothing."""
    return _MARKS.get(difference.state, "") if difference.state else ""


def _severity(pair: Pair) -> tuple[int, float, str]:
    rank = _MOST_TELLING_FIRST.index(pair.state) if pair.state in _MOST_TELLING_FIRST else 0
    return rank, -abs(pair.answer.change or 0) if pair.answer else 0, pair.name


def _side(label: str, result: CampaignResult, cells: Sequence[CellResult]) -> SideView:
    images = sorted({cell.cell.image for cell in cells})
    told = []
    for image in images:
        facts = result.images.get(image)
        python = facts.python if facts else None
        what = f"{python.implementation} {python.version}" if python else "no Python"
        named = what if image == label else f"{image} ({what})"
        told.append(f"{named}, {facts.origin}" if facts and len(images) == 1 else named)
    counts = sorted({len(cell.runs) for cell in cells})
    runs = f"{counts[0]} to {counts[-1]} runs" if len(counts) > 1 else counted(counts[0], "run")
    return SideView(label=label, text=f"{', '.join(told)}; {runs} a benchmark, campaign {result.id}")


def _answer(comparison: Comparison) -> str:
    """Return the one line that a reader came for; it claims a direction only if most benchmarks went there."""
    base, against = comparison.labels
    if comparison.incomparable:
        return f"{base} and {against} cannot be compared: {'; '.join(comparison.incomparable)}"
    answered = [(pair, pair.answer) for pair in comparison.pairs if pair.answer and pair.answer.state]
    if not answered:
        summaries = dict.fromkeys(pair.summary for pair in comparison.pairs)
        return f"{base} and {against} could not be compared: {'; '.join(summaries)}"
    counts = Counter(pair.state for pair, _ in answered)
    moved = format_bytes(abs(median([each.moved for _, each in answered])))
    size = f"{moved} ({abs(median([each.change or 0.0 for _, each in answered])):.0%})"
    most = len(answered) / 2
    if counts[VerdictState.IMPROVED] > most:
        text = f"{against} needs {size} less than {base}"
    elif counts[VerdictState.REGRESSED] > most:
        text = f"{against} needs {size} more than {base}"
    elif counts[VerdictState.UNCHANGED] > most:
        text = f"{against} needs as much as {base}, within the tolerance,"
    elif not counts[VerdictState.IMPROVED] + counts[VerdictState.REGRESSED]:
        text = f"Undecided: the figures do not tell whether {against} needs more or less than {base}"
    else:
        change = signed(median([each.moved for _, each in answered]), ANSWER.shown)
        text = f"Neither {against} nor {base} needs less in most benchmarks: {change}"
    where = f"in {answered[0][0].name}" if len(answered) == 1 else f"at the median of {len(answered)} benchmarks"
    told = ", ".join(f"{counts[state]} {said}" for state, said in WORDS.items() if counts[state])
    return f"{text} {where}; {told} ({ANSWER.value})"


def _where(pairs: Iterable[Pair]) -> str:
    """Return one line on the parts: how much more of each, at the median of the benchmarks that have it."""
    moved = {part: [each.moved for pair in pairs for each in pair.parts if each.name == part.value] for part in Part}
    known = {part: signed(median(values), ANSWER.shown) for part, values in moved.items() if values}
    if len(known) < len(Part):
        return ""
    parts = ", ".join(f"{part.value} {known[part]}" for part in (Part.INTERPRETER, Part.IMPORTS, Part.WORKLOAD))
    middle = ", at the median" if max(len(values) for values in moved.values()) > 1 else ""
    return f"Of that{middle}: {parts}. Kept after the workload (slack): {known[Part.SLACK]}"


def _notes(comparison: Comparison) -> Iterable[str]:
    for pair in comparison.pairs:
        answer = pair.answer
        if answer and answer.state is VerdictState.UNDECIDED and answer.is_beyond:
            yield f"{pair.name}: {answer.name} {answer.detail} (tolerance {figure(ANSWER, answer.margin)})."
    if comparison.differs:
        yield f"The two sides differ in more than was asked for: {'; '.join(comparison.differs)}."
    if comparison.alone:
        yield f"On one side only, and left out: {', '.join(comparison.alone)}."
    if any(pair.metrics and not pair.parts for pair in comparison.pairs):
        yield (
            "Without the parts (interpreter, imports, workload, slack): commands, and results of an older memcap have "
            "none."
        )


def _caveats(pairs: Iterable[Pair]) -> tuple[CaveatView, ...]:
    """Gather the doubts about the runs of both sides; the benchmarks take the place of the cells."""
    runs = [(pair.name, run) for pair in pairs for cell in (pair.match.base, pair.match.against) for run in cell.runs]
    return gather(runs, judged=True)


def _next_step(comparison: Comparison) -> str:
    open_states = {VerdictState.UNDECIDED, VerdictState.NOT_ENOUGH_DATA}
    most = max((len(pair.match.base.runs) for pair in comparison.pairs if pair.state in open_states), default=0)
    return f"measure with more runs to decide the rest: --runs {max(2 * most, 10)}" if most else ""
