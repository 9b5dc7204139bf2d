"""What the HTML report shows of one cell of thousands that did not change: its figures, and how to measure it again.

Charts, facts and the parts of a server are left out, so that a page of 10,000 cells stays small enough to open. A table
is written here without the blocks of a document, since that is most of the time that such a page takes.
"""

from __future__ import annotations

import html
from typing import Final

from memcap.model import VerdictState
from memcap.report.figures import mad_of, median_of, moved_between
from memcap.report.html_cell import METRIC_TITLES, STATE_STYLE, again
from memcap.report.text import NOTHING, figure, percent, span
from memcap.report.to_html import TONES
from memcap.report.view import CellView, MetricView, View
from memcap.untrusted import printable

_MOST_ALL_IN_FULL: Final = 500  # cells of a page, whatever their verdicts
_MOST_IN_FULL: Final = 2000  # cells that changed
_HEAD: Final = "".join(f"<th scope=col>{title}" for title in METRIC_TITLES)


def is_brief(place: int, cell: CellView) -> bool:
    """Tell whether ``cell`` is shown briefly, which stands at ``place`` among all, worst first."""
    is_unchanged = cell.verdict is None or cell.verdict.state is VerdictState.UNCHANGED
    return place >= (_MOST_ALL_IN_FULL if is_unchanged else _MOST_IN_FULL)


def brief_note(view: View) -> str:
    """Return what is said above the cells where some are shown briefly; empty if none are."""
    count = sum(is_brief(place, cell) for place, cell in enumerate(view.cells))
    if not count:
        return ""
    return (
        f"For {count:,} of {len(view.cells):,} cells only the figures are shown, without charts and facts. "
        "`memcap report --format csv` has each of their runs."
    )


def brief_body(cell: CellView, view: View) -> str:
    """Return the HTML that ``cell`` holds when opened."""
    verdict = cell.verdict
    said = ""
    if verdict and verdict.summary and verdict.state is not VerdictState.UNCHANGED:
        said = f"<p>{_escaped(verdict.summary)}"
    rows = "".join([_row(each) for each in cell.metrics if each.summary or each.until_end or each.verdict])
    table = f"<div class=scroll tabindex=0><table><thead><tr>{_HEAD}<tbody>{rows}</table></div>" if rows else ""
    command = again(cell, view)
    return f"{said}{table}" + (
        f'<pre tabindex=0 aria-label="measure again">{_escaped(command)}</pre>' if command else ""
    )


def _row(view: MetricView) -> str:
    """Return a row as `metrics_table` has it; the closing tags are optional in HTML."""
    metric, found, verdict = view.metric, view.summary or view.until_end, view.verdict
    between = span(metric.shown(found.min), metric.shown(found.max)) if found else NOTHING
    middle, scatter = median_of(view), mad_of(view)
    if scatter:
        middle = f"{middle} ± {scatter}"
    count = found.n if found else 0
    if verdict is None:
        state = "no run ended as expected: what was needed until then" if view.until_end else "not judged"
        return f"<tr><td>{metric.value}<td>{state}<td>{middle}<td>{between}<td>{count}{'<td>' * 5}"
    badge = f'<span class="badge {TONES[STATE_STYLE[verdict.state][0]]}">{verdict.state.value}</span>'
    margin = NOTHING if verdict.margin is None else f"±{metric.shown(verdict.margin)}"
    detectable = NOTHING if verdict.detectable is None else f"+{metric.shown(verdict.detectable)}"
    return (
        f"<tr><td>{metric.value}<td>{badge}<td>{middle}<td>{between}<td>{count}<td>{figure(metric, verdict.base)}"
        f"<td>{percent(view.change)}<td>{moved_between(verdict)}<td>{margin}<td>{detectable}"
    )


def _escaped(text: str) -> str:
    return html.escape(printable(text))
