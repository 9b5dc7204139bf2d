"""The view as plain text for a terminal or a CI log: the answer, why, and what to do; then figures; doubts last."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memcap.model import ImageFacts, Metric
from memcap.report.caveats import CaveatView, caveat_paragraph, short_text
from memcap.report.details import curve, details
from memcap.report.diff import explanation_block
from memcap.report.document import document
from memcap.report.figures import (
    AT_LEAST_NOTE,
    TEST_PEAK,
    TEST_RISE,
    are_tests,
    is_at_least,
    median_of,
    median_of_test,
    spread_of,
)
from memcap.report.outputs import ends_of_output, whole_output
from memcap.report.sparkline import BLOCKS
from memcap.report.text import NOTHING, arrow, paragraph, percent, sentence, shortened, table, wrapped
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import AlertView, CellView, ProblemView, View
from memcap.untrusted import printable

_SHOWN_CELLS = 4
_SHOWN_DETAILS = 8
_CURVE = 30
_READABLE_ID = 20
_GAP = 2
_TITLE_PADDING = 2  # tabulate.MIN_PADDING


@dataclass(frozen=True, kw_only=True)
class _Column:
    title: str
    text: Callable[[CellView], str]
    right: bool = True

    def width(self, cells: Sequence[CellView]) -> int:
        title = max(map(len, self.title.split("\n"))) + _TITLE_PADDING
        return max(title, *(len(self.text(cell)) for cell in cells))


def render_terminal(
    view: View, *, width: int = 80, verbose: bool = False, show_output: bool = False, levels: str = BLOCKS
) -> str:
    """Return ``view`` as text, at most ``width`` columns wide (60 or more).

    ``verbose`` adds every metric of every cell and all caveats, ``show_output`` what was kept of the workloads' output.
    Curves are drawn with ``levels``, where there is room.
    """
    parts = [*_answer(view, width), _table(view, width, levels)]
    parts += whole_output(view, width) if show_output else ends_of_output(view, width)
    if verbose:
        parts += [details(cell, width, levels=levels) for cell in view.cells if cell.cell]
    parts += [
        to_terminal(document("", explanation_block(each)), Terminal(width=width)).rstrip() for each in view.explained
    ]
    parts += [_alert(alert, view, width) for alert in view.alerts]
    parts += [_sensitivity(view, width), *_caveats(view, width, verbose=verbose), _where(view, width)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _answer(view: View, width: int) -> list[str]:
    """Return what came of it, why, and what to do next. The one measured cell's reason is in the first sentence."""
    code = f" (exit code {view.exit_code})" if view.exit_code else ""
    first = wrapped(f"{sentence(view.reason)}.{code}", width)
    if not view.is_judged and len(view.cells) == 1:
        return [f"{first}\n{arrow(view.next_step, width)}" if view.next_step else first]
    step = wrapped(f"Next: {view.next_step}", width, rest="    ") if view.next_step else ""
    return [first, *(_problem(problem, view, width) for problem in view.problems), step]


def _where(view: View, width: int) -> str:
    where = view.environment
    cgroup = f"cgroup v{where.cgroup_version}" if where.cgroup_version else "cgroup version unknown"
    text = f"{view.campaign}: profile {view.profile} on {where.engine} {where.engine_version}, {cgroup}, "
    against = f"; compared with {view.against}" if view.against else ""
    others = [f"{name} is {facts.reference}" for name, facts in view.images.items() if _is_named_otherwise(name, facts)]
    images = f"; {', '.join(others)}" if others else ""
    return wrapped(f"{text}{where.architecture}, kernel {where.kernel}{images}{against}", width)


def _is_named_otherwise(name: str, facts: ImageFacts) -> bool:
    """Tell whether the name of an image does not say what was measured."""
    return not facts.is_built and name != facts.reference


def _table(view: View, width: int, levels: str) -> str:
    if not view.cells:
        return "No cells."
    columns = _columns(view, width, levels)
    ids = _ids(view.cells, _room(columns, view, width))
    rows = [[shown, *(column.text(cell) for column in columns)] for shown, cell in zip(ids, view.cells, strict=True)]
    cells = table(
        rows,
        ["cell", *(column.title for column in columns)],
        width=width,
        align=["left", *("right" if column.right else "left" for column in columns)],
    )
    return f"{cells}\n\n{wrapped(AT_LEAST_NOTE, width)}" if any(map(is_at_least, view.cells)) else cells


def _columns(view: View, width: int, levels: str) -> list[_Column]:
    """Return the fullest set of columns beside which the longest id fits; if none does, the smallest set."""
    longest = max(len(printable(cell.id)) for cell in view.cells)
    layouts = _layouts(view, levels)
    for columns in layouts:
        if longest <= _room(columns, view, width):
            return columns
    smallest = layouts[-1]
    if view.is_judged and _room(smallest, view, width) < _READABLE_ID:
        return [column for column in smallest if column.title != _change(Metric.PEAK).title]
    return smallest


def _room(columns: Sequence[_Column], view: View, width: int) -> int:
    """Return how many columns of the terminal are left for the ids."""
    return width - sum(column.width(view.cells) + _GAP for column in columns)


def _layouts(view: View, levels: str) -> list[list[_Column]]:
    """Return sets of columns from the fullest to the smallest, which leaves unexpected endings to the verdicts."""
    verdict = [_Column(title="verdict", text=_state, right=False)] if view.is_judged else []
    ending = [_Column(title="ending", text=_endings, right=False)]
    compared = any(each.change is not None for cell in view.cells for each in cell.metrics)
    peak, needed, resident = Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK

    def shift(metric: Metric) -> list[_Column]:
        return [_change(metric)] if compared else []

    known = {metric for metric in (peak, needed, resident) for cell in view.cells if cell.metric(metric).summary}
    if are_tests(view.cells):
        of_test = [_of_test(TEST_PEAK), _of_test(TEST_RISE)]
        is_complete = all(median_of(cell.metric(resident)) != NOTHING for cell in view.cells)
        least = [_median(resident)] if is_complete else of_test[:1]
        return [
            [*verdict, _spread(resident), *shift(resident), *of_test, *ending],
            [*verdict, *least, *shift(resident), of_test[1], *ending],
            [*verdict, *least, *shift(resident), *ending],
        ]
    if known == {resident}:  # what there is without a cgroup
        small = [*verdict, _median(resident), *shift(resident), *ending]
        return [[*verdict, _spread(resident), *shift(resident), *ending], small]
    drawn = [
        _Column(title="unreclaimable over time", text=lambda cell: curve(cell.runs, _CURVE, levels=levels), right=False)
    ]
    full = [*verdict, _spread(peak), *shift(peak), _spread(needed), *shift(needed), _median(resident), *ending]
    medium = [*verdict, _median(peak), *shift(peak), _median(needed), *shift(needed), *ending]
    small = [*verdict, _median(peak), *shift(peak), _median(needed), *ending]
    largest = [[*full, *drawn]] if any(curve(cell.runs, 1) for cell in view.cells) else []
    return [*largest, full, medium, small, *([small[:-1]] if view.is_judged else [])]


def _title(metric: Metric) -> str:
    return {Metric.UNRECLAIMABLE_PEAK: "unreclaim-\nable peak"}.get(metric, metric.value.replace("_", " "))


def _median(metric: Metric) -> _Column:
    return _Column(title=_title(metric), text=lambda cell: median_of(cell.metric(metric)))


def _of_test(name: str) -> _Column:
    return _Column(title=name.replace("_", "\n"), text=lambda cell: median_of_test(cell, name))


def _spread(metric: Metric) -> _Column:
    title = f"{metric.value.replace('_', ' ')}\n(median ± MAD)"
    return _Column(title=title, text=lambda cell: spread_of(cell.metric(metric)))


def _change(metric: Metric) -> _Column:
    title = {Metric.UNRECLAIMABLE_PEAK: "unreclaim-\nable change"}.get(metric, f"{metric.value}\nchange")
    return _Column(title=title, text=lambda cell: percent(cell.metric(metric).change))


def _state(cell: CellView) -> str:
    return cell.verdict.state.value if cell.verdict else NOTHING


def _endings(cell: CellView) -> str:
    if len(cell.endings) == 1:
        return cell.endings[0][0].value
    return ", ".join(f"{count} {ending.value}" for ending, count in cell.endings) or NOTHING


def _ids(cells: Sequence[CellView], width: int) -> list[str]:
    ids = [printable(cell.id) for cell in cells]
    short = [shortened(each, max(width, 12)) for each in ids]
    return short if len(set(short)) == len(set(ids)) else ids


def _problem(problem: ProblemView, view: View, width: int) -> str:
    cells = _cells(problem.cell_ids, view)
    title = f"{problem.state.value.upper()}: {cells}" if view.is_judged else cells
    return paragraph(title, (problem.summary,), problem.remedy, width)


def _alert(alert: AlertView, view: View, width: int) -> str:
    told = [f"{cell_id}: {detail}" for cell_id, detail in alert.told[:_SHOWN_DETAILS]]
    if len(told) < len(alert.told):
        told.append(f"and {len(alert.told) - len(told)} more (--json shows all)")
    return paragraph(f"alert {alert.kind.value}", told, alert.remedy, width)


def _caveats(view: View, width: int, *, verbose: bool) -> list[str]:
    """Return the caveats that can change a decision in full and the others in one line; if ``verbose``, all of them."""

    def where(caveat: CaveatView) -> str:
        return _cells(caveat.cell_ids, view)

    if verbose:
        return [caveat_paragraph(each, width, where=where(each)) for each in view.caveats]
    return [short_text(view.caveats, width, hint="; see --verbose", where=where if len(view.cells) > 1 else None)]


def _cells(ids: Sequence[str], view: View) -> str:
    if len(ids) == len(view.cells) > 1:
        return "all cells"
    rest = f" and {len(ids) - _SHOWN_CELLS} more" if len(ids) > _SHOWN_CELLS else ""
    return ", ".join(ids[:_SHOWN_CELLS]) + rest


def _sensitivity(view: View, width: int) -> str:
    found = " and ".join(f"{each.rise:.1%} of {each.metric.value}" for each in view.sensitivity)
    return wrapped(f"Median detectable increase: {found}.", width) if found else ""
