"""All that is known of one cell, for `--verbose`: every metric, grades, and memory over time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from memcap.model import Grade, Measurement, Metric, MetricVerdict, running
from memcap.report.document import Badge, Curve, Facts, Level, Mono, Text
from memcap.report.figures import median_of, split_text
from memcap.report.text import figure, number, percent
from memcap.report.view import CellView, MetricView
from memcap.units import counted, format_bytes, format_seconds, signed

_GRADES: Final = {
    Grade.EXCELLENT: Level.GOOD,
    Grade.GOOD: Level.GOOD,
    Grade.ACCEPTABLE: Level.PLAIN,
    Grade.MARGINAL: Level.WARN,
    Grade.POOR: Level.BAD,
}


def cell_facts(cell: CellView) -> Facts:
    """Return all metrics of ``cell``, measured or not, with what was said of each, its grades and its curve."""
    return Facts(title=Mono(cell.id), items=tuple(_items(cell)))


def grades(cell: CellView) -> Iterator[tuple[Text, Text]]:
    """Yield each metric that has thresholds, with its grade."""
    for each in cell.verdict.graded if cell.verdict else ():
        advice = f": {each.advice}" if each.advice else ""
        yield each.name, (f"{number(each.value)} {each.unit}, ", Badge(each.grade.value, _GRADES[each.grade]), advice)


def curve(runs: Sequence[Measurement]) -> Curve:
    """Return the unreclaimable memory of the first run over time; without values if it was not kept."""
    moments = [moment for run in runs[:1] for moment in running(run.series)]
    return Curve(tuple(moment.unreclaimable for moment in moments))


def _items(cell: CellView) -> Iterator[tuple[Text, Text]]:
    yield from ((each.metric.value, _told(each)) for each in cell.metrics)
    yield from grades(cell)
    for run in cell.runs[:1]:
        if told := split_text(run.at_peak):
            yield "at the peak of the first run", told
        if (drawn := curve(cell.runs)).values:
            seconds = format_seconds(running(run.series)[-1].seconds)
            until = f" up to {format_bytes(max(drawn.values))} in {seconds}"
            yield "unreclaimable memory of the first run", (drawn, until)


def _told(view: MetricView) -> str:
    metric, summary, verdict = view.metric, view.summary, view.verdict
    if summary is None:
        text = f"{median_of(view)} until the runs ended" if view.until_end else "not measured"
    else:
        middle, spread = figure(metric, summary.median), figure(metric, summary.mad)
        low, high = figure(metric, summary.min), figure(metric, summary.max)
        text = f"median {middle}, MAD {spread}, range {low} to {high}, {counted(summary.n, 'value')}"
        if view.interval is not None:
            text += f"; it lies between {' and '.join(figure(metric, end) for end in view.interval)}"
    if verdict is None:
        return text
    change = f", {percent(view.change)} from {figure(metric, verdict.base)}" if view.change is not None else ""
    return f"{text}; {verdict.state.value} ({verdict.detail}{change}){_certainty(metric, verdict)}"


def _certainty(metric: Metric, verdict: MetricVerdict) -> str:
    """Return how far it moved, how sure that is, and what would have been found."""
    moved = verdict.shift
    if moved is None or verdict.margin is None:
        return ""
    text = (
        f"; shift {signed(moved.estimate, metric.shown)}, between {signed(moved.low, metric.shown)} and "
        f"{signed(moved.high, metric.shown)} ({moved.confidence:.1%} sure); tolerance {figure(metric, verdict.margin)}"
    )
    found = verdict.detectable
    return text if found is None else f"{text}; a rise of {figure(metric, found)} would be found"
