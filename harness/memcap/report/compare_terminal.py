"""A comparison as plain text for a terminal or a CI log: the answer, then the benchmarks, then where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from memcap.comparing import ANSWER, Difference, Pair, Part
from memcap.model import Metric
from memcap.report.caveats import CaveatView, caveat_paragraph, short_text
from memcap.report.compare_view import (
    WORDS,
    ComparisonView,
    SideView,
    in_mib,
    mark,
    told_extra,
    told_moved,
    told_sides,
    word,
)
from memcap.report.text import NOTHING, figure, percent, shortened, table, wrapped
from memcap.untrusted import printable

_GAP: Final = 2
_TITLE_PADDING: Final = 2  # tabulate.MIN_PADDING
_LONGEST_LABEL: Final = 12
_SHORTEST_NAME: Final = 12
_READABLE_NAME: Final = 20
_SHOWN_BENCHMARKS: Final = 3
_LEGEND: Final = "= within the tolerance, ? undecided"

_Column = tuple[str, Callable[[Pair], str], bool]  # title, text of a cell, whether it is a figure


def render_comparison(view: ComparisonView, *, width: int = 80, verbose: bool = False) -> str:
    """Return ``view`` as text, at most ``width`` columns wide (60 or more); ``verbose`` adds every figure."""
    parts = [wrapped(f"{view.answer}.", width)]
    if view.where:
        parts[0] += "\n" + wrapped(f"{view.where}.", width)
    parts.append("\n".join(_side(side, width) for side in view.sides))
    if view.pairs:
        parts += [_need(view, width), *_where(view, width), _others(view, width)]
    if verbose:
        parts += [_figures(pair, width) for pair in view.pairs]
    parts += [_untold(pair, width) for pair in view.untold]
    parts += [wrapped(note, width) for note in view.notes]
    parts += _caveats(view, width, verbose=verbose)
    step = f"Next: {view.next_step}. " if view.next_step else ""
    parts.append(wrapped(f"{step}(exit code {view.exit_code})", width))
    return "\n\n".join(parts) + "\n"


def _side(side: SideView, width: int) -> str:
    return wrapped(f"{side.label}: {side.text}", width, rest="    ")


def _need(view: ComparisonView, width: int) -> str:
    """Return the table of what is needed, with the interval where there is room for it."""
    base, against = (shortened(printable(side.label), _LONGEST_LABEL) for side in view.sides)
    medians: list[_Column] = [
        ("verdict", word, False),
        (base, lambda pair: _median(pair, "base"), True),
        (against, lambda pair: _median(pair, "against"), True),
    ]
    interval: _Column = (f"change in MiB\n[{_percent(view.confidence)} interval]", _interval, True)
    columns = [*medians, interval]
    if not _fits(view.pairs, columns, width):
        columns = [*medians, ("change\nin MiB", lambda pair: _mib(pair.answer), True)]
    return f"{ANSWER.value}, what must fit under the cap:\n{_table(view.pairs, columns, width)}"


def _where(view: ComparisonView, width: int) -> list[str]:
    pairs = [pair for pair in view.pairs if pair.parts]
    columns: list[_Column] = [(part.value, _cell_of(part.value), True) for part in Part]
    title = f"Where, in MiB ({_LEGEND}; slack is within workload):"
    return [f"{wrapped(title, width)}\n{_table(pairs, columns, width)}"] if pairs else []


def _others(view: ComparisonView, width: int) -> str:
    columns: list[_Column] = [
        (f"{metric.value}\nMiB", _cell_of(metric.value), True) for metric in (Metric.PEAK, Metric.RSS_PEAK)
    ]
    columns += [(metric.value, _share_of(metric.value), True) for metric in (Metric.WALL, Metric.CPU)]
    return f"Other figures (times are not judged):\n{_table(view.pairs, columns, width)}"


def _table(pairs: Sequence[Pair], columns: Sequence[_Column], width: int) -> str:
    names = _names(pairs, max(width - _width(pairs, columns), _SHORTEST_NAME))
    rows = [[name, *(text(pair) for _, text, _ in columns)] for name, pair in zip(names, pairs, strict=True)]
    return table(
        rows,
        ["benchmark", *(title for title, _, _ in columns)],
        width=width,
        align=["left", *("right" if is_figure else "left" for _, _, is_figure in columns)],
    )


def _fits(pairs: Sequence[Pair], columns: Sequence[_Column], width: int) -> bool:
    """Say whether there is room for the columns beside the benchmarks' names, shortened if they can be told apart."""
    room = width - _width(pairs, columns)
    return room >= _READABLE_NAME and all(len(name) <= room for name in _names(pairs, room))


def _names(pairs: Sequence[Pair], room: int) -> list[str]:
    """Return the names in at most ``room`` characters, or whole where they would be the same then."""
    names = [printable(pair.name) for pair in pairs]
    short = [shortened(name, room) for name in names]
    return short if len(set(short)) == len(set(names)) else names


def _width(pairs: Sequence[Pair], columns: Sequence[_Column]) -> int:
    return sum(
        _GAP + max(*(len(line) + _TITLE_PADDING for line in title.split("\n")), *(len(text(pair)) for pair in pairs))
        for title, text, _ in columns
    )


def _median(pair: Pair, side: str) -> str:
    return figure(ANSWER, getattr(pair.answer, side)) if pair.answer else NOTHING


def _interval(pair: Pair) -> str:
    if pair.answer is None or pair.answer.shift is None:
        return _mib(pair.answer)
    return f"{_mib(pair.answer)} [{in_mib(pair.answer.shift.low)}, {in_mib(pair.answer.shift.high)}]"


def _mib(difference: Difference | None) -> str:
    return NOTHING if difference is None else in_mib(difference.moved)


def _cell_of(name: str) -> Callable[[Pair], str]:
    def text(pair: Pair) -> str:
        found = _find(pair, name)
        return f"{mark(found)} {_mib(found)}".lstrip() if found else NOTHING

    return text


def _share_of(name: str) -> Callable[[Pair], str]:
    def text(pair: Pair) -> str:
        found = _find(pair, name)
        return percent(found.change) if found else NOTHING

    return text


def _find(pair: Pair, name: str) -> Difference | None:
    return next((each for each in (*pair.metrics, *pair.parts) if each.name == name), None)


def _figures(pair: Pair, width: int) -> str:
    """Return every figure of a benchmark with its interval and verdict."""
    lines = [wrapped(pair.name, width)]
    for each in (*pair.metrics, *pair.parts):
        said = WORDS.get(each.state, each.state.value) if each.state else "not judged"
        text = f"{each.name}: {told_sides(each)}, {told_moved(each)}; {said}"
        lines.append(wrapped(text, width, first="  ", rest="      "))
    for each in pair.extras:
        lines.append(wrapped(f"{each.name}: {told_extra(each)}; not judged", width, first="  ", rest="      "))
    return "\n".join(lines)


def _untold(pair: Pair, width: int) -> str:
    lines = [
        wrapped(f"{word(pair).upper()}: {pair.name}", width),
        wrapped(pair.summary, width, first="    ", rest="    "),
    ]
    if pair.remedy:
        lines.append(wrapped(pair.remedy, width, first="    -> ", rest="       "))
    return "\n".join(lines)


def _caveats(view: ComparisonView, width: int, *, verbose: bool) -> list[str]:
    """Return the caveats that can change a verdict in full and the others in one line; if ``verbose``, all of them."""

    def where(caveat: CaveatView) -> str:
        names = caveat.cell_ids
        if len(names) == len(view.comparison.pairs) > 1:
            return "all benchmarks"
        more = f" and {len(names) - _SHOWN_BENCHMARKS} more" if len(names) > _SHOWN_BENCHMARKS else ""
        return ", ".join(names[:_SHOWN_BENCHMARKS]) + more

    if verbose:
        return [caveat_paragraph(each, width, where=where(each)) for each in view.caveats]
    return list(filter(None, [short_text(view.caveats, width, hint="; see --verbose", where=where)]))


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
