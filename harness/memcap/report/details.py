"""All that is known of one cell, for `--verbose`: every metric, grades, and memory over time."""

from __future__ import annotations

from collections.abc import Sequence

from memcap.model import Graded, Measurement, Metric, MetricVerdict, running
from memcap.report.figures import median_of, split_text
from memcap.report.sparkline import BLOCKS, sparkline
from memcap.report.text import figure, percent, signed, wrapped
from memcap.report.view import CellView, MetricView
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import printable

_CURVE = 40


def details(cell: CellView, width: int, *, levels: str = BLOCKS) -> str:
    """Return all metrics of ``cell``, measured or not, with what was said of each, its grades and its curve."""
    lines = [line for each in cell.metrics for line in _told(each)]
    if cell.verdict:
        lines += [_graded(each) for each in cell.verdict.graded]
    lines += [f"at the peak of the first run: {told}" for run in cell.runs[:1] if (told := split_text(run.at_peak))]
    lines += [_over_time(run, levels) for run in cell.runs[:1] if running(run.series)]
    texts = (wrapped(line.strip(), width, first=_indent(line), rest=" " * 6) for line in lines)
    return "\n".join([printable(cell.id), *texts])


def curve(runs: Sequence[Measurement], width: int, *, levels: str = BLOCKS) -> str:
    """Return the unreclaimable memory of the first run over time, from 0 to its own peak; empty if it was not kept."""
    needs = [moment.anon + moment.shmem + moment.kernel for run in runs[:1] for moment in running(run.series)]
    return sparkline(needs, width, low=0, high=max(needs), levels=levels) if needs else ""


def _told(view: MetricView) -> list[str]:
    metric, summary, verdict = view.metric, view.summary, view.verdict
    if summary is None:
        until = view.until_end
        text = f"{metric.value}: {median_of(view)} until the runs ended" if until else f"{metric.value}: not measured"
    else:
        middle, spread = figure(metric, summary.median), figure(metric, summary.mad)
        low, high = figure(metric, summary.min), figure(metric, summary.max)
        text = f"{metric.value}: median {middle}, MAD {spread}, range {low} to {high}, {counted(summary.n, 'value')}"
        if view.interval is not None:
            text += f"; it lies between {' and '.join(figure(metric, end) for end in view.interval)}"
    if verdict is None:
        return [text]
    change = f", {percent(view.change)} from {figure(metric, verdict.base)}" if view.change is not None else ""
    return [f"{text}; {verdict.state.value} ({verdict.detail}{change})", *_certainty(metric, verdict)]


def _graded(each: Graded) -> str:
    advice = f": {each.advice}" if each.advice else ""
    return f"{each.name}: {each.value:g} {each.unit}, {each.grade.value}{advice}"


def _certainty(metric: Metric, verdict: MetricVerdict) -> list[str]:
    """Return how far it moved, how sure that is, and what would have been found."""
    moved = verdict.shift
    if moved is None or verdict.margin is None:
        return []
    text = (
        f"  shift {signed(metric, moved.estimate)}, between {signed(metric, moved.low)} and "
        f"{signed(metric, moved.high)} ({moved.confidence:.1%} sure); tolerance {figure(metric, verdict.margin)}"
    )
    if verdict.detectable is not None:
        text += f"; a rise of {figure(metric, verdict.detectable)} would be found"
    return [text]


def _over_time(run: Measurement, levels: str) -> str:
    moments = running(run.series)
    needs = [moment.anon + moment.shmem + moment.kernel for moment in moments]
    drawn = curve([run], _CURVE, levels=levels)
    seconds = format_seconds(moments[-1].seconds)
    return f"unreclaimable memory of the first run: {drawn} up to {format_bytes(max(needs))} in {seconds}"


def _indent(line: str) -> str:
    return " " * (4 if line.startswith("  ") else 2)
