"""A document as plain text for a terminal or a CI log."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TextIO

from memcap.report.document import (
    Badge,
    Block,
    Cell,
    Chart,
    Code,
    Curve,
    Document,
    Dots,
    Facts,
    Fold,
    Level,
    Lines,
    Note,
    Output,
    Paragraph,
    Span,
    Table,
    Text,
    spans,
)
from memcap.report.sparkline import BLOCKS, PLAIN, levels_for
from memcap.report.text import wrapped
from memcap.report.text_table import table
from memcap.untrusted import cut, printable, printable_output

_INDENT: Final = "    "
_OUTPUT_MARK: Final = "    | "
_OUTPUT_LINES: Final = 10
_CURVE: Final = 30
_COLOURS: Final = {Level.BAD: "31;1", Level.WARN: "33", Level.UNSURE: "33", Level.GOOD: "32"}
_IN_ASCII: Final = str.maketrans({"…": "...", "–": "-", "±": "+-", "≥": ">=", "≤": "<=", "→": "->", "·": "-"})  # noqa: RUF001


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """What a text is printed on. ``verbose`` opens what is folded.

    In tables ids and the like are not cut as long as they keep within ``table_width``, if that is more than ``width``.
    """

    width: int = 80
    table_width: int = 0
    verbose: bool = False
    colour: bool = False
    ascii: bool = False

    @classmethod
    def of(cls, stream: TextIO, *, width: int, table_width: int = 0, verbose: bool = False) -> Terminal:
        """Return what ``stream`` is: colours unless NO_COLOR is set, and the characters that its encoding has."""
        is_dumb = os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
        return cls(
            width=width,
            table_width=table_width,
            verbose=verbose,
            colour=stream.isatty() and not is_dumb,
            ascii=levels_for(stream.encoding) == PLAIN,
        )


def to_terminal(document: Document, terminal: Terminal | None = None) -> str:
    """Return ``document`` as text that is as wide as the terminal at most; ids, sizes and code are never broken."""
    return _Writer(terminal or Terminal()).text(document.blocks) + "\n"


class _Writer:
    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._width = terminal.width

    def text(self, blocks: Iterable[Block]) -> str:
        return "\n\n".join(text for block in blocks for text in self._block(block) if text)

    def _block(self, block: Block) -> Iterator[str]:
        match block:
            case Paragraph():
                yield self._wrapped(block.text, rest=_INDENT * block.hangs, level=block.level)
            case Table():
                yield self._titled(block.title, self._table(block))
            case Facts():
                indent = "  " if block.title else ""
                items = (self._wrapped((*spans(name), ": ", *spans(text)), first=indent, rest=f"{indent}{_INDENT}")
                         for name, text in block.items)  # fmt: skip
                yield self._titled(block.title, "\n".join(items))
            case Code():
                yield self._titled(block.title, "\n".join(_INDENT + printable(line) for line in _lines(block.text)))
            case Output():
                yield self._output(block)
            case Note():
                yield self._note(block)
            case Fold() if block.opens or self._terminal.verbose:
                yield from (text for inner in block.blocks for text in self._block(inner))
            case Fold():
                yield self._wrapped((*spans(block.title), block.hint)) if block.hint else ""
            case Chart():
                pass

    def _titled(self, title: Text, text: str) -> str:
        return f"{self._wrapped((*spans(title), ':'))}\n{text}" if title else text

    def _wrapped(self, text: Text, *, first: str = "", rest: str = "", level: Level = Level.PLAIN) -> str:
        return self._painted(wrapped(self._plain(text), self._width, first=first, rest=rest), level)

    def _note(self, note: Note) -> str:
        lines = [self._wrapped(note.title, level=note.level)]
        lines += [self._wrapped(fact, first=_INDENT, rest=_INDENT) for fact in note.facts]
        lines += [wrapped(note.remedy, self._width, first="    -> ", rest="       ")] if note.remedy else []
        lines += [text for block in note.blocks for text in self._block(block) if text]
        return "\n".join(lines)

    def _output(self, output: Output) -> str:
        if output.whole:
            room = self._width - len(_OUTPUT_MARK)
            lines = [line[at : at + room] for line in _lines(output.text) for at in range(0, max(len(line), 1), room)]
        else:
            lines = [printable(line) for line in output.text.expandtabs().splitlines() if line.strip()][-_OUTPUT_LINES:]
        marked = [f"{_OUTPUT_MARK}{line}" for line in lines]
        return self._titled(output.title, "\n".join(cut(line, self._width) for line in marked))

    def _table(self, block: Table) -> str:
        rows = [[self._cell(cell) for cell in row] for row in block.rows]

        def paint(row: int, column: int, text: str) -> str:
            cell = block.rows[row][column]
            return self._painted(text, cell.level) if isinstance(cell, Badge) else text

        return table(
            rows,
            block.columns,
            width=self._width,
            most=self._terminal.table_width,
            paint=paint if self._terminal.colour else None,
        )

    def _cell(self, cell: Cell) -> str:
        if isinstance(cell, Lines):
            first, *others = map(self._plain, cell.texts)
            return "\n".join([first, *(f"  {line}" for line in others)])
        return self._plain(cell)

    def _plain(self, text: Text) -> str:
        shown = "".join(map(self._span, spans(text)))
        return shown.translate(_IN_ASCII) if self._terminal.ascii else shown

    def _span(self, span: Span) -> str:
        if isinstance(span, str):
            return printable(span)
        if isinstance(span, Curve):
            return span.drawn(_CURVE, PLAIN if self._terminal.ascii else BLOCKS)
        return "" if isinstance(span, Dots) else printable(span.text)

    def _painted(self, text: str, level: Level) -> str:
        code = _COLOURS.get(level) if self._terminal.colour else None
        return "\n".join(f"\x1b[{code}m{line}\x1b[0m" for line in text.split("\n")) if code else text


def _lines(text: str) -> list[str]:
    return printable_output(text).splitlines()
