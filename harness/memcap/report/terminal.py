"""The view as plain text for a terminal or a CI log: a table, then what needs words, then one line to remember."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from memcap.model import Metric
from memcap.report.details import curve, details
from memcap.report.diff import render_explanation
from memcap.report.sparkline import BLOCKS
from memcap.report.text import NOTHING, figure, last_lines, percent, printable, shortened, wrapped
from memcap.report.view import AlertView, CaveatView, CellView, ProblemView, View

_SHOWN_CELLS = 4
_SHOWN_DETAILS = 8
_CURVE = 30
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


def render_terminal(view: View, *, width: int = 80, verbose: bool = False, levels: str = BLOCKS) -> str:
    """Return ``view`` as text, at most ``width`` columns wide (80 or more) unless ids differ only in their middle.

    ``verbose`` adds every metric of every cell. Curves are drawn with ``levels``, where there is room.
    """
    parts = [_heading(view, width), _table(view, width, levels)]
    if verbose:
        parts += [details(cell, width, levels=levels) for cell in view.cells if cell.cell]
    parts += [_problem(problem, view, width) for problem in view.problems]
    parts += [render_explanation(each, width=width).rstrip() for each in view.explained]
    parts += [_alert(alert, view, width) for alert in view.alerts]
    parts += [_caveat(caveat, view, width) for caveat in view.caveats]
    parts.append(_conclusion(view, width))
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(view: View, width: int) -> str:
    where = view.environment
    cgroup = f"cgroup v{where.cgroup_version}" if where.cgroup_version else "cgroup version unknown"
    text = f"{view.campaign}: profile {view.profile} on {where.engine} {where.engine_version}, {cgroup}, "
    against = f"; compared with {view.against}" if view.against else ""
    return wrapped(f"{text}{where.architecture}, kernel {where.kernel}{against}", width)


def _table(view: View, width: int, levels: str) -> str:
    from tabulate import tabulate  # noqa: PLC0415 - late, so that --help stays quick

    if not view.cells:
        return "No cells."
    columns = _columns(view, width, levels)
    ids = _ids(view.cells, width - sum(column.width(view.cells) + _GAP for column in columns))
    rows = [[shown, *(column.text(cell) for column in columns)] for shown, cell in zip(ids, view.cells, strict=True)]
    return tabulate(
        rows,
        headers=["cell", *(column.title for column in columns)],
        tablefmt="simple",
        disable_numparse=True,
        colalign=["left", *("right" if column.right else "left" for column in columns)],
    )


def _columns(view: View, width: int, levels: str) -> list[_Column]:
    """Return the fullest set of columns beside which the longest id fits; if none does, the smallest set."""
    longest = max(len(printable(cell.id)) for cell in view.cells)
    layouts = _layouts(view, levels)
    for columns in layouts:
        if longest + sum(column.width(view.cells) + _GAP for column in columns) <= width:
            return columns
    return layouts[-1]


def _layouts(view: View, levels: str) -> list[list[_Column]]:
    """Return sets of columns from the fullest to the smallest, which leaves unexpected endings to the verdicts."""
    verdict = [_Column(title="verdict", text=_state, right=False)] if view.is_judged else []
    ending = [_Column(title="ending", text=_endings, right=False)]
    compared = any(each.change is not None for cell in view.cells for each in cell.metrics)
    peak, needed, resident = Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK

    def shift(metric: Metric) -> list[_Column]:
        return [_change(metric)] if compared else []

    known = {metric for metric in (peak, needed, resident) for cell in view.cells if cell.metric(metric).summary}
    if known == {resident}:
        # Without a cgroup, as in results of the pytest plugin, this is what there is.
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
    def text(cell: CellView) -> str:
        summary = cell.metric(metric).summary
        return figure(metric, summary.median if summary else None)

    return _Column(title=_title(metric), text=text)


def _spread(metric: Metric) -> _Column:
    def text(cell: CellView) -> str:
        summary = cell.metric(metric).summary
        return f"{figure(metric, summary.median)} ± {figure(metric, summary.mad)}" if summary else NOTHING

    return _Column(title=f"{metric.value.replace('_', ' ')}\n(median ± MAD)", text=text)


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
    return "\n".join([_paragraph(title, (problem.summary,), problem.remedy, width), *last_lines(problem.output, width)])


def _alert(alert: AlertView, view: View, width: int) -> str:
    told = [f"{cell_id}: {detail}" for cell_id, detail in alert.told[:_SHOWN_DETAILS]]
    if len(told) < len(alert.told):
        told.append(f"and {len(alert.told) - len(told)} more (--json shows all)")
    return _paragraph(f"alert {alert.kind.value}", told, alert.remedy, width)


def _caveat(caveat: CaveatView, view: View, width: int) -> str:
    details = caveat.details[:_SHOWN_DETAILS]
    if len(details) < len(caveat.details):
        details = (*details, f"and {len(caveat.details) - len(details)} more (--json shows all)")
    return _paragraph(f"caveat {caveat.kind.value}: {_cells(caveat.cell_ids, view)}", details, caveat.remedy, width)


def _cells(ids: Sequence[str], view: View) -> str:
    if len(ids) == len(view.cells) > 1:
        return "all cells"
    rest = f" and {len(ids) - _SHOWN_CELLS} more" if len(ids) > _SHOWN_CELLS else ""
    return ", ".join(ids[:_SHOWN_CELLS]) + rest


def _conclusion(view: View, width: int) -> str:
    step = f" Next: {view.next_step}" if view.next_step else ""
    last = wrapped(f"{view.reason}.{step} (exit code {view.exit_code})", width)
    if not view.sensitivity:
        return last
    found = " and ".join(f"{each.rise:.1%} of {each.metric.value}" for each in view.sensitivity)
    return "\n\n".join([wrapped(f"In half of the cells a rise of {found} would have been found.", width), last])


def _paragraph(title: str, facts: Sequence[str], remedy: str, width: int) -> str:
    """Return ``title`` with indented ``facts`` below, then the remedy after an arrow."""
    lines = [wrapped(title, width), *(wrapped(fact, width, first="    ", rest="    ") for fact in facts if fact)]
    if remedy:
        lines.append(wrapped(remedy, width, first="    -> ", rest="       "))
    return "\n".join(lines)
