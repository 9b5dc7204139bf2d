"""Baselines for a reader: what they are, what accepting changes, and how they came to be."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict

from memcap.model import UNCAPPED, Accepted, Baseline, BaselineVersion, CellHistory, Metric, limit_of
from memcap.report.document import Column, Overflow
from memcap.report.sparkline import BLOCKS, PLAIN, sparkline
from memcap.report.text import NOTHING, figure, folded, percent
from memcap.report.text_table import table
from memcap.stats import median, relative_change
from memcap.untrusted import printable

_NAMED_CELLS = 3
_PLACE_WIDTH = 16  # of the place of a figure between the lowest and the highest
_DRAWN_WIDTH = 24  # of the curve of all figures
_LEAST_SPAN = 0.05  # of the lowest figure: less is drawn as the little that it is


def render_baselines(baselines: Sequence[Baseline], *, width: int) -> str:
    """Return a table of ``baselines``, then by whom and why they were accepted."""
    shown = (Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK)
    columns = [
        Column(title="cell", fit=Overflow.MIDDLE),
        Column(title="ending"),
        *(Column(title=title, right=True) for title in ("runs", "peak", "unreclaim-\nable peak", "rss peak")),
    ]
    rows = [
        [printable(each.cell_id), each.ending.value, str(each.runs), *(figure(m, median_of(each, m)) for m in shown)]
        for each in baselines
    ]
    return "\n".join([table(rows, columns, width=width), *_accepted_lines(baselines, width=width)]) + "\n"


def change_lines(old: Baseline | None, new: Baseline) -> list[str]:
    """Return the cell, and a line for each metric (old -> new median) and each fact that accepting ``new`` changes."""
    lines = [f"{printable(new.cell_id)}{'' if old else ' (new)'}"]
    if old and old.ending is not new.ending:
        lines.append(f"  ending: {old.ending.value} -> {new.ending.value}")
    for metric in Metric:
        before, after = (median_of(old, metric) if old else None), median_of(new, metric)
        if before is None and after is None:
            continue
        moved = relative_change(before, after)
        earlier = f"{figure(metric, before)} -> " if old else ""
        rest = f" ({percent(moved)})" if moved is not None else ""
        lines.append(f"  {metric.value}: {earlier}{figure(metric, after)}{rest}")
    if new.growth or (old and old.growth):
        earlier = f"{_growth(old)} -> " if old else ""
        lines.append(f"  growth: {earlier}{_growth(new)}")
    if old:
        lines += [f"  {printable(line)}" for line in _environment_changes(old, new)]
    return lines


def _growth(baseline: Baseline) -> str:
    return printable(baseline.growth.words) if baseline.growth else NOTHING


def render_history(
    histories: Iterable[CellHistory], metric: Metric, *, limit: int, width: int, levels: str = BLOCKS
) -> str:
    """Return for each cell its versions, newest first and at most ``limit``, with ``metric`` drawn beside its figures.

    ``levels`` are the characters to draw with.
    """
    texts = (_history(each, metric, limit=limit, width=width, levels=levels) for each in histories)
    return folded("\n".join(texts), width)


def median_of(baseline: Baseline, metric: Metric) -> float | None:
    """Return the median of ``metric``, None if it was not measured."""
    values = baseline.values.get(metric)
    return median(values) if values else None


def _accepted_lines(baselines: Iterable[Baseline], *, width: int) -> list[str]:
    """Return each acceptance once, with its cells."""
    cells: dict[Accepted, list[str]] = {}
    for each in baselines:
        cells.setdefault(each.accepted, []).append(each.cell_id)
    cells.pop(Accepted(), None)
    lines = []
    for accepted, ids in cells.items():
        names = ", ".join(ids) if len(ids) <= _NAMED_CELLS else f"{len(ids)} cells"
        lines += ["", *_wrapped(_accepted_text(accepted), width), *_wrapped(names, width, indent="    ")]
    return lines


def _accepted_text(accepted: Accepted) -> str:
    """Return ``"the reason", by somebody, from a result`` without what is not known."""
    parts = (
        f'"{accepted.reason}"' if accepted.reason else "accepted",
        f"by {accepted.by}" if accepted.by else "",
        f"from {accepted.source}" if accepted.source else "",
    )
    return ", ".join(part for part in parts if part)


def _environment_changes(old: Baseline, new: Baseline) -> list[str]:
    before: Mapping[str, object] = {"cap_bytes": limit_of(old.cap_bytes) or UNCAPPED, **asdict(old.fingerprint)}
    after: Mapping[str, object] = {"cap_bytes": limit_of(new.cap_bytes) or UNCAPPED, **asdict(new.fingerprint)}
    return [f"{key}: {_known(before[key])} -> {_known(after[key])}" for key in before if before[key] != after[key]]


def _known(fact: object) -> object:
    return "unknown" if fact is None else fact


def _history(history: CellHistory, metric: Metric, *, limit: int, width: int, levels: str) -> str:
    versions = history.versions
    medians = [median_of(each.baseline, metric) if each.baseline else None for each in versions]
    known = [value for value in medians if value is not None]
    low, high = min(known, default=0.0), max(known, default=0.0)
    top = max(high, low * (1 + _LEAST_SPAN))
    lines = [*_wrapped(history.cell_id, width)]
    if known:
        curve = sparkline(known[::-1], _DRAWN_WIDTH, low=low, high=top, levels=levels)
        span = figure(metric, low) if low == high else f"{figure(metric, low)} to {figure(metric, high)}"
        lines.append(f"  {metric.value}  {curve}  {span}")
    older: list[float | None] = [*medians[1:], None]
    for version, value, before in list(zip(versions, medians, older, strict=True))[:limit]:
        place = "" if value is None or low == high else _placed(value, low, top, plain=levels == PLAIN)
        lines += _version_lines(version, metric, (before, value), place=place, width=width)
    if len(versions) > limit:
        lines.append(f"  and {len(versions) - limit} older (--limit)")
    return "\n".join(lines) + "\n"


def _version_lines(
    version: BaselineVersion, metric: Metric, medians: tuple[float | None, float | None], *, place: str, width: int
) -> list[str]:
    """Return a line of figures, then why and by whom."""
    before, value = medians
    moved = relative_change(before, value)
    committed = f"{version.commit}  {version.date}" if version.commit else "not committed yet"
    said = "removed" if version.baseline is None else figure(metric, value)
    line = f"  {committed:<19}  {said:>10}  {percent(moved) if moved is not None else '':>8}  {place}".rstrip()
    accepted = version.baseline.accepted if version.baseline else Accepted()
    if accepted == Accepted():
        return [line, *(_wrapped(f"committed by {version.author}", width, indent=" " * 11) if version.author else [])]
    return [line, *_wrapped(_accepted_text(accepted), width, indent=" " * 11)]


def _placed(value: float, low: float, top: float, *, plain: bool) -> str:
    """Return where ``value`` lies between ``low`` (left) and ``top`` (right)."""
    place = round((value - low) / (top - low) * (_PLACE_WIDTH - 1))
    ground, mark = ("-", "o") if plain else ("─", "●")
    return ground * place + mark + ground * (_PLACE_WIDTH - 1 - place)


def _wrapped(text: str, width: int, *, indent: str = "") -> list[str]:
    return textwrap.wrap(
        printable(text), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False
    )
