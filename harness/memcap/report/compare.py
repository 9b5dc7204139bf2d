"""A comparison as a document: the answer, then the benchmarks, the most telling first, then where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from memcap.comparing import ANSWER, Difference, Pair, Part
from memcap.model import Metric, VerdictState
from memcap.report.caveats import CaveatView, caveat_blocks
from memcap.report.compare_view import WORDS, ComparisonView, in_mib, mark, told_extra, told_moved, told_sides, word
from memcap.report.document import (
    Badge,
    Column,
    Document,
    Facts,
    Level,
    Mono,
    Note,
    Overflow,
    Paragraph,
    Table,
    Text,
    document,
)
from memcap.report.text import NOTHING, figure, percent, shortened
from memcap.units import listed

_LONGEST_LABEL: Final = 12
_NAMED_BENCHMARKS: Final = 3
_LEGEND: Final = "= within the tolerance, ? undecided"
# Neither more nor less is better: a comparison has no good side.
_LEVELS: Final = {
    VerdictState.UNDECIDED: Level.UNSURE,
    VerdictState.NOT_ENOUGH_DATA: Level.UNSURE,
    VerdictState.ENDING_CHANGED: Level.BAD,
    VerdictState.WORKLOAD_FAILED: Level.BAD,
}

_Column = tuple[Column, Callable[[Pair], Text]]


def compare_document(view: ComparisonView, *, verbose: bool = False) -> Document:
    """Return what ``view`` says; ``verbose`` adds every figure of every benchmark."""
    step = f"Next: {view.next_step}. " if view.next_step else ""
    return document(
        "memcap compare",
        Paragraph(text=f"{view.answer}."),
        Paragraph(text=f"{view.where}.") if view.where else None,
        Facts(items=tuple((side.label, side.text) for side in view.sides)),
        _tables(view) if view.pairs else None,
        map(_figures, view.pairs) if verbose else None,
        map(_untold, view.untold),
        (Paragraph(text=note) for note in view.notes),
        caveat_blocks(view.caveats, where=lambda caveat: _where(caveat, view), hint="; see --verbose"),
        Paragraph(text=f"{step}(exit code {view.exit_code})"),
    )


def _tables(view: ComparisonView) -> Iterator[Table]:
    """Yield what is needed, where that comes from, and what else was measured."""
    base, against = (shortened(side.label, _LONGEST_LABEL) for side in view.sides)
    needed: list[_Column] = [
        (Column(title="verdict"), lambda pair: Badge(word(pair), _LEVELS.get(pair.state, Level.PLAIN))),
        (_right(base), lambda pair: figure(ANSWER, pair.answer.base) if pair.answer else NOTHING),
        (_right(against), lambda pair: figure(ANSWER, pair.answer.against) if pair.answer else NOTHING),
        (_right("change\nin MiB"), lambda pair: _mib(pair.answer)),
        (_right(f"{view.comparison.confidence * 100:.4g} %\ninterval", rank=1), _interval),
    ]
    yield _table(view.pairs, needed, title=f"{ANSWER.value}, what must fit under the cap")
    if pairs := [pair for pair in view.pairs if pair.parts]:
        parts = [(_right(part.value), _change_of(part.value)) for part in Part]
        yield _table(pairs, parts, title=f"Where, in MiB ({_LEGEND}; slack is within workload)")
    others = [(_right(f"{metric.value}\nMiB"), _change_of(metric.value)) for metric in (Metric.PEAK, Metric.RSS_PEAK)]
    others += [(_right(metric.value), _share_of(metric.value)) for metric in (Metric.WALL, Metric.CPU)]
    yield _table(view.pairs, others, title="Other figures (times are not judged)")


def _table(pairs: Sequence[Pair], columns: Sequence[_Column], *, title: str) -> Table:
    return Table(
        columns=(Column(title="benchmark", fit=Overflow.MIDDLE), *(column for column, _ in columns)),
        rows=tuple((Mono(pair.name), *(text(pair) for _, text in columns)) for pair in pairs),
        title=title,
        noun="benchmarks",
    )


def _right(title: str, *, rank: int = 0) -> Column:
    return Column(title=title, right=True, rank=rank)


def _interval(pair: Pair) -> str:
    if pair.answer is None or pair.answer.shift is None:
        return NOTHING
    return f"[{in_mib(pair.answer.shift.low)}, {in_mib(pair.answer.shift.high)}]"


def _mib(difference: Difference | None) -> str:
    return NOTHING if difference is None else in_mib(difference.moved)


def _change_of(name: str) -> Callable[[Pair], Text]:
    def text(pair: Pair) -> str:
        found = _find(pair, name)
        return f"{mark(found)} {_mib(found)}".lstrip() if found else NOTHING

    return text


def _share_of(name: str) -> Callable[[Pair], Text]:
    def text(pair: Pair) -> str:
        found = _find(pair, name)
        return percent(found.change) if found else NOTHING

    return text


def _find(pair: Pair, name: str) -> Difference | None:
    return next((each for each in (*pair.metrics, *pair.parts) if each.name == name), None)


def _figures(pair: Pair) -> Facts:
    """Return every figure of a benchmark with its interval and verdict."""
    items = []
    for each in (*pair.metrics, *pair.parts):
        said = WORDS.get(each.state, each.state.value) if each.state else "not judged"
        items.append((each.name, f"{told_sides(each)}, {told_moved(each)}; {said}"))
    items += [(each.name, f"{told_extra(each)}; not judged") for each in pair.extras]
    return Facts(title=Mono(pair.name), items=tuple(items))


def _untold(pair: Pair) -> Note:
    level = _LEVELS.get(pair.state, Level.WARN)
    title = (f"{word(pair).upper()}: ", Mono(pair.name))
    return Note(level=level, title=title, facts=(pair.summary,), remedy=pair.remedy, noun="benchmarks without figures")


def _where(caveat: CaveatView, view: ComparisonView) -> str:
    names = caveat.cell_ids
    return "all benchmarks" if len(names) == len(view.comparison.pairs) > 1 else listed(names, _NAMED_BENCHMARKS)
