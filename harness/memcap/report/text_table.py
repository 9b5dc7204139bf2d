"""Tables of text: as wide as the terminal at most, from the columns that fit."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from typing import Final

from memcap.report.document import Column, Overflow
from memcap.report.text import shortened
from memcap.untrusted import cut

_GAP: Final = 2
_SHORTEST: Final = {Overflow.FOLD: 6, Overflow.MIDDLE: 12, Overflow.END: 12}
_READABLE: Final = 22  # a text that is cut to less than this costs the columns of rank their place

Row = Sequence[str]  # a cell may have several lines
Paint = Callable[[int, int, str], str]


def table(
    rows: Sequence[Row], columns: Sequence[Column], *, width: int, most: int = 0, paint: Paint | None = None
) -> str:
    """Return a table of at most ``width`` columns, where that can be.

    Columns of rank go first, then texts are cut or folded as their columns say; no two texts are cut to the same one.
    Texts that would be cut may take up to ``most`` columns together with the rest. ``paint`` colours what is in a row
    and column.
    """
    kept = _kept(rows, columns, width)
    columns, rows = [columns[at] for at in kept], [[row[at] for at in kept] for row in rows]
    widths = _widths(rows, columns, width)
    for at, column in enumerate(columns):
        if column.fit is not Overflow.FOLD:
            widths[at] = min(_natural(rows, at, column), widths[at] + max(0, most - _whole(widths)))
    cut = [_cut(column, [row[at] for row in rows], widths[at]) for at, column in enumerate(columns)]
    titles = [_fold(column.title, room) for column, room in zip(columns, widths, strict=True)]
    lines = [*_laid(titles, columns, widths), "  ".join("-" * room for room in widths)]
    for number in range(len(rows)):
        cells = [column[number] for column in cut]
        painted = None if paint is None else [_painter(paint, number, at) for at in kept]
        lines += _laid(cells, columns, widths, painted)
    return "\n".join(lines)


def _painter(paint: Paint, row: int, column: int) -> Callable[[str], str]:
    return lambda text: paint(row, column, text)


def _kept(rows: Sequence[Row], columns: Sequence[Column], width: int) -> list[int]:
    """Return which columns there is room for: beside whole texts, and those of rank 1 also beside shorter ones."""
    natural = [_natural(rows, at, column) for at, column in enumerate(columns)]
    short = [
        room if column.fit is Overflow.FOLD else min(room, _READABLE)
        for room, column in zip(natural, columns, strict=True)
    ]
    kept = list(range(len(columns)))
    for least, widths in ((2, natural), (1, short)):
        while _whole([widths[at] for at in kept]) > width:
            worst = max(kept, key=lambda at: (columns[at].rank, at))
            if columns[worst].rank < least:
                break
            kept.remove(worst)
    return kept


def _widths(rows: Sequence[Row], columns: Sequence[Column], width: int) -> list[int]:
    """Return how wide each column is: what can be cut gives way before what must be folded."""
    widths = [_natural(rows, at, column) for at, column in enumerate(columns)]
    for fits, least in (
        ((Overflow.MIDDLE, Overflow.END), _READABLE),
        ((Overflow.MIDDLE, Overflow.END), 0),
        ((Overflow.FOLD,), 0),
    ):
        while _whole(widths) > width:
            able = [
                at for at, column in enumerate(columns)
                if column.fit in fits and widths[at] > max(least, _SHORTEST[column.fit])
            ]  # fmt: skip
            if not able:
                break
            widest = max(able, key=lambda at: widths[at])
            widths[widest] -= 1
    return widths


def _natural(rows: Sequence[Row], at: int, column: Column) -> int:
    titles = column.title.split("\n")
    return max(map(len, [*titles, *(line for row in rows for line in row[at].split("\n"))]))


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _cut(column: Column, texts: Sequence[str], room: int) -> list[list[str]]:
    """Return the lines of each cell of a column."""
    if column.fit is Overflow.FOLD:
        return [_fold(text, room) for text in texts]
    cut = [[_shorter(line, room, column.fit) for line in text.split("\n")] for text in texts]
    if len({lines[0] for lines in cut}) < len({text.partition("\n")[0] for text in texts}):
        return [_fold(text, room) for text in texts]
    return cut


def _shorter(text: str, room: int, fit: Overflow) -> str:
    return shortened(text, room) if fit is Overflow.MIDDLE else cut(text, room)


def _fold(text: str, room: int) -> list[str]:
    """Return ``text`` in lines of ``room``; words that are longer are broken."""
    return [
        folded for line in text.split("\n") for folded in ([line] if len(line) <= room else textwrap.wrap(line, room))
    ]


def _laid(
    cells: Sequence[Sequence[str]],
    columns: Sequence[Column],
    widths: Sequence[int],
    painters: Sequence[Callable[[str], str]] | None = None,
) -> list[str]:
    """Return the lines of one row."""
    height = max(map(len, cells))
    lines = []
    for number in range(height):
        texts = []
        for at, (cell, column, room) in enumerate(zip(cells, columns, widths, strict=True)):
            text = cell[number] if number < len(cell) else ""
            padding = " " * (room - len(text))
            shown = painters[at](text) if painters and text else text
            texts.append(padding + shown if column.right else shown + padding)
        lines.append("  ".join(texts).rstrip())
    return lines
