"""A campaign as a document: the answer, why, and what to do; then figures; doubts last."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from memcap.model import ImageFacts, Metric, MetricVerdict, VerdictState
from memcap.report.answer import FINE, is_fine
from memcap.report.caveats import CaveatView, caveat_blocks
from memcap.report.details import cell_facts, curve
from memcap.report.diff import explanation_blocks
from memcap.report.document import (
    Advice,
    Badge,
    Block,
    Column,
    Document,
    Facts,
    Fold,
    Level,
    Mono,
    Note,
    Output,
    Overflow,
    Paragraph,
    Table,
    Text,
    document,
    flat,
)
from memcap.report.figures import (
    AT_LEAST_NOTE,
    TEST_PEAK,
    TEST_RISE,
    are_tests,
    endings_of,
    is_at_least,
    mad_of,
    median_of,
    median_of_test,
    moved_between,
    run_name,
)
from memcap.report.server_blocks import server_blocks
from memcap.report.text import NOTHING, figure, hosts_text, machine_text, percent, sentence
from memcap.report.to_markdown import COMMENT_LIMIT, SUMMARY_LIMIT, to_markdown
from memcap.report.to_terminal import to_terminal
from memcap.report.view import AlertView, CellView, ProblemView, View
from memcap.units import counted, few, listed

LEVELS: Final = {
    VerdictState.REGRESSED: Level.BAD,
    VerdictState.BUDGET_BROKEN: Level.BAD,
    VerdictState.ENDING_CHANGED: Level.BAD,
    VerdictState.WORKLOAD_FAILED: Level.BAD,
    VerdictState.INFRASTRUCTURE: Level.WARN,
    VerdictState.GONE: Level.WARN,
    VerdictState.INCOMPARABLE: Level.UNSURE,
    VerdictState.UNDECIDED: Level.UNSURE,
    VerdictState.NOT_ENOUGH_DATA: Level.UNSURE,
    VerdictState.NEW: Level.GOOD,
    VerdictState.IMPROVED: Level.GOOD,
    VerdictState.UNCHANGED: Level.GOOD,
}
_TABLE_OF_ALL: Final = 20  # of more cells, those that are fine have a table of their own
_NAMED_CELLS: Final = 4
_NAMED_IMAGES: Final = 8
_SHOWN_DETAILS: Final = 8
_SHOWN_RUNS: Final = 3

_Column = tuple[Column, Callable[[CellView], Text]]


def check_document(view: View, *, verbose: bool = False, show_output: bool = False) -> Document:
    """Return what ``view`` says; ``verbose`` adds every metric of every cell.

    ``show_output`` adds what was kept of the workloads' output.
    """
    return document(
        "memcap",
        _answer(view),
        None if _is_answered(view) else (_problem(problem, view) for problem in view.problems),
        next_paragraph(view),
        _tables(view),
        None if show_output else _end_of_output(view),
        _servers(view),
        _outputs(view) if show_output else None,
        (cell_facts(cell) for cell in view.cells if cell.cell) if verbose else None,
        (block for each in view.explained for block in explanation_blocks(each)),
        map(alert_note, view.alerts),
        _sensitivity(view),
        caveat_blocks(view.caveats, where=lambda caveat: where_raised(caveat, view), hint="; see --verbose"),
        _circumstances(view),
    )


def check_text(view: View) -> str:
    """Return ``view`` as text of 80 columns."""
    return to_terminal(check_document(view))


def check_markdown(view: View, *, limit: int = SUMMARY_LIMIT) -> str:
    """Return ``view`` as Markdown of at most ``limit`` bytes."""
    return to_markdown(check_document(view), limit=limit)


def check_comment(view: View) -> str:
    """Return ``view`` as Markdown that fits a comment."""
    return check_markdown(view, limit=COMMENT_LIMIT)


def _answer(view: View) -> Paragraph:
    code = f" (exit code {view.exit_code})" if view.exit_code else ""
    best = view.counts[0][0] if view.counts else None
    is_good = bool(view.cells) and (best in FINE or not view.is_judged)
    level = Level.BAD if view.exit_code and view.cells else Level.GOOD if is_good else Level.UNSURE
    return Paragraph(text=f"{sentence(view.reason)}.{code}", level=level)


def next_paragraph(view: View) -> Paragraph | None:
    """Return what helps next, if anything does."""
    return Paragraph(text=("Next: ", Advice(view.next_step)), hangs=True) if view.next_step else None


def _is_answered(view: View) -> bool:
    """Tell whether the answer is about the one cell there is, so that nothing needs to be said of it again."""
    return not view.is_judged and len(view.cells) == 1


def _end_of_output(view: View) -> Iterator[Block]:
    """Yield the end of what was printed, where no problem tells of it."""
    yield from flat(*(_printed(problem) for problem in view.problems)) if _is_answered(view) else ()


def _printed(problem: ProblemView, of: str = "") -> Output | None:
    return Output(text=problem.output, title=f"The end of the output{of}") if problem.output.strip() else None


def _problem(problem: ProblemView, view: View) -> Note:
    cells = _cells(problem.cell_ids, view)
    output = _printed(problem, f" of {problem.cell_ids[0]}" if len(view.cells) > 1 else "")
    figures = [_compared(cell) for cell in view.cells if (cell.id,) == problem.cell_ids]
    return Note(
        level=LEVELS[problem.state],
        title=f"{problem.state.value.upper()}: {cells}" if view.is_judged else cells,
        facts=(problem.summary,) if problem.summary else (),
        remedy=problem.remedy,
        blocks=flat(*figures, output),
        noun="explanations",
    )


def _compared(cell: CellView) -> Fold | None:
    """Return what was compared of a cell, if its verdict is about that."""
    verdict = cell.verdict
    if verdict is None or verdict.state not in (VerdictState.REGRESSED, VerdictState.UNDECIDED):
        return None
    titles = ("baseline", "now", "moved by", "tolerance")
    columns = (Column(title="metric"), Column(title="verdict"), *(Column(title=each, right=True) for each in titles))
    rows = tuple(map(_compared_row, verdict.metrics))
    return Fold(title="Figures", blocks=(Table(columns=columns, rows=rows, noun="metrics"),)) if rows else None


def _compared_row(verdict: MetricVerdict) -> tuple[Text, ...]:
    metric, state = verdict.metric, Badge(verdict.state.value, LEVELS[verdict.state])
    base, new, margin = (figure(metric, value) for value in (verdict.base, verdict.new, verdict.margin))
    return Mono(metric.value), state, base, new, moved_between(verdict), margin


def _tables(view: View) -> Iterator[Block]:
    """Yield the cells, worst first; of many, those that are fine folded."""
    if not view.cells:
        yield Paragraph(text="No cells.")
        return
    columns = list(_columns(view))
    notable = [cell for cell in view.cells if cell.verdict and not is_fine(cell.verdict)]
    if len(view.cells) <= _TABLE_OF_ALL:
        notable = list(view.cells)
    fine = [cell for cell in view.cells if cell not in notable]
    if notable:
        yield _table(notable, columns, noun="cells that need a look")
    if fine:
        title = f"{counted(len(fine), 'cell')} that {'is' if len(fine) == 1 else 'are'} fine"
        yield Fold(title=title, blocks=(_table(fine, columns, noun="cells that are fine"),), opens=True)
    if any(map(is_at_least, view.cells)):
        yield Paragraph(text=AT_LEAST_NOTE)


def _servers(view: View) -> Iterator[Block]:
    """Yield what is known of each server; folded if it was judged and is fine."""
    for cell in view.cells:
        blocks, is_open = server_blocks(cell), cell.verdict is None or not is_fine(cell.verdict)
        if blocks and (view.is_judged or len(view.cells) > 1):
            name = Paragraph(text=Mono(cell.id))
            yield Fold(title=("Phases of ", Mono(cell.id)), blocks=(name, *blocks), opens=is_open)
        else:
            yield from blocks


def _table(cells: Sequence[CellView], columns: Sequence[_Column], *, noun: str) -> Table:
    return Table(
        columns=(Column(title="cell", fit=Overflow.MIDDLE), *(column for column, _ in columns)),
        rows=tuple((Mono(cell.id), *(text(cell) for _, text in columns)) for cell in cells),
        noun=noun,
    )


def _columns(view: View) -> Iterator[_Column]:
    """Yield the columns; those of the highest rank are the first to go where there is no room."""
    peak, needed, resident = Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK
    is_compared = any(each.change is not None for cell in view.cells for each in cell.metrics)
    known = {metric for metric in (peak, needed, resident) for cell in view.cells if cell.metric(metric).summary}

    def figures(metric: Metric, *, rank: int = 0, change_rank: int = 0) -> Iterator[_Column]:
        title = {needed: "unreclaim-\nable peak"}.get(metric, metric.value.replace("_", " "))
        yield _figures(title, rank, lambda cell: median_of(cell.metric(metric)))
        if is_compared:
            yield _figures("change", change_rank, lambda cell: percent(cell.metric(metric).change))
        yield _figures("± MAD", 5, lambda cell: mad_of(cell.metric(metric)))

    if view.is_judged:
        yield Column(title="verdict"), _state
    ending_rank = 0
    if are_tests(view.cells):
        is_complete = all(median_of(cell.metric(resident)) != NOTHING for cell in view.cells)
        yield from figures(resident, rank=0 if is_complete else 3)
        yield _figures("memory\npeak", 3 if is_complete else 0, lambda cell: median_of_test(cell, TEST_PEAK))
        yield _figures("memory\nrise", 2, lambda cell: median_of_test(cell, TEST_RISE))
    elif known == {resident}:  # what there is without a cgroup
        yield from figures(resident)
    else:
        yield from figures(peak, change_rank=1)
        yield from figures(needed, change_rank=3)
        yield _figures("rss peak", 4, lambda cell: median_of(cell.metric(resident)))
        ending_rank = 2 if view.is_judged else 0  # the problems tell of unexpected ones
    yield Column(title="ending", rank=ending_rank), endings_of
    if any(curve(cell.runs).values for cell in view.cells):
        yield Column(title="unreclaimable over time", rank=6), lambda cell: curve(cell.runs)


def _figures(title: str, rank: int, text: Callable[[CellView], Text]) -> _Column:
    return Column(title=title, right=True, rank=rank), text


def _state(cell: CellView) -> Text:
    return Badge(cell.verdict.state.value, LEVELS[cell.verdict.state]) if cell.verdict else NOTHING


def _outputs(view: View) -> Iterator[Block]:
    """Yield what was kept of each cell: of the runs that did not end as expected, or of the last one."""
    for cell in view.cells:
        kept = [run for run in cell.runs if run.output_tail]
        expected = cell.cell.expected_ending if cell.cell else None
        shown = [run for run in kept if run.ending is not expected][:_SHOWN_RUNS] or kept[-1:]
        for run in shown:
            title = f"Output of {cell.id}, {run_name(run, cell.runs)}"
            yield Output(text=run.output_tail, title=title, whole=True)
        if cell.runs and not shown:
            told = f"Output of {cell.id}: nothing was printed, or it was not kept (run --show-output)."
            yield Paragraph(text=told)


def alert_note(alert: AlertView) -> Note:
    """Return one kind of alert with the cells that raised it."""
    told = [f"{cell_id}: {detail}" for cell_id, detail in alert.told]
    facts = few(told, _SHOWN_DETAILS, "(--json shows all)")
    title = f"alert {alert.kind.value}"
    return Note(level=Level.WARN, title=title, facts=facts, remedy=alert.remedy, noun="kinds of alerts")


def _sensitivity(view: View) -> Paragraph | None:
    found = " and ".join(f"{each.rise:.1%} of {each.metric.value}" for each in view.sensitivity)
    return Paragraph(text=f"Median detectable increase: {found}.") if found else None


def where_raised(caveat: CaveatView, view: View) -> str:
    """Return which of several cells a caveat is about."""
    return _cells(caveat.cell_ids, view) if len(view.cells) > 1 else ""


def _cells(ids: Sequence[str], view: View) -> str:
    return "all cells" if len(ids) == len(view.cells) > 1 else listed(ids, _NAMED_CELLS)


def _circumstances(view: View) -> Fold:
    """Return how and where it was measured: in a line, and in full."""
    result, where = view.result, view.result.environment
    named = [
        f"{name} is {facts.reference}" for name, facts in result.images.items() if _is_named_otherwise(name, facts)
    ]
    images = f"; {', '.join(named)}" if named else ""
    against = f"; compared with {view.against}" if view.against else ""
    items: list[tuple[Text, Text]] = [("campaign", (Mono(result.id), ", started ", Mono(result.started)))]
    for name, facts in list(result.images.items())[:_NAMED_IMAGES]:
        python = f", {facts.python.implementation} {facts.python.version}" if facts.python else ""
        items.append((("image ", Mono(name)), (Mono(facts.reference), python)))
    if result.shard is not None:
        items.append(("shard", str(result.shard.shard)))
    if result.merged_from:
        items.append(("merged from", listed(result.merged_from, _NAMED_CELLS)))
    if hosts := hosts_text(result):
        items.append(("host", hosts))
    items.append(("command", Mono(shlex.join(result.command))))
    machine = f"{machine_text(where)}, kernel {where.kernel}"
    title = f"{result.id}: profile {result.profile} on {machine}{images}{against}"
    return Fold(title=title, blocks=(Facts(items=tuple(items)),), hint=".")


def _is_named_otherwise(name: str, facts: ImageFacts) -> bool:
    """Tell whether the name of an image does not say what was measured."""
    return not facts.is_built and name != facts.reference
