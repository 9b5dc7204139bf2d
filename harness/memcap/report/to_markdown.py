"""A document as GitHub's Markdown. If it must stay within a limit, the last of what is alike is left out, and named."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final
from urllib.parse import quote

from memcap.report.document import (
    Advice,
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
    Link,
    Mono,
    Note,
    Output,
    Paragraph,
    Span,
    Table,
    Text,
    spans,
)
from memcap.report.markdown_text import code, fence, fence_end, html_code, prose, row, start
from memcap.units import format_bytes

SUMMARY_LIMIT: Final = 1024 * 1024  # bytes of $GITHUB_STEP_SUMMARY that one step may write
COMMENT_LIMIT: Final = 65_536  # characters of a comment on GitHub

_OUTPUT_LINES: Final = 20
_LONGEST_PARAGRAPH: Final = 1000
_HIGHEST_RANK: Final = 3
_CURVE: Final = 20
_ROOM_TO_SAY_SO: Final = 600  # for the line on what was left out
_SIGNS: Final = {Level.BAD: "❌", Level.WARN: "⚠️", Level.UNSURE: "❔", Level.GOOD: "✅", Level.PLAIN: ""}


@dataclass(frozen=True, kw_only=True)
class _Piece:
    """A part of the text; of ``parts`` the last may be left out if ``noun`` names them."""

    parts: Sequence[str]
    noun: str = ""
    before: str = ""
    after: str = ""
    separator: str = "\n\n"

    def text(self, kept: int | None = None) -> str:
        """Return the text with the first ``kept`` parts."""
        return "\n".join(filter(None, [self.before, self.separator.join(self.parts[:kept]), self.after]))


def to_markdown(document: Document, *, limit: int = SUMMARY_LIMIT) -> str:
    """Return ``document`` as Markdown of at most ``limit`` bytes in UTF-8."""
    pieces = [piece for piece in _pieces(document.blocks, document.title) if piece.parts]
    room = limit - sum(_size(piece.text()) + 2 for piece in pieces if not piece.noun) - _ROOM_TO_SAY_SO
    some = [piece for piece in pieces if piece.noun]
    texts, left_out = [], []
    for piece in pieces:
        kept = len(piece.parts)
        if piece.noun:
            # What comes first gets half of the room at most, so that there is something of everything.
            kept = _fitting(piece, room if piece is some[-1] else max(room // 2, 0))
        if kept < len(piece.parts):
            left_out.append(f"{len(piece.parts) - kept} {piece.noun}")
        if kept:
            texts.append(piece.text(kept))
            room -= _size(texts[-1]) + 2 if piece.noun else 0
    if left_out:
        texts.append(
            f"**Left out to stay within {format_bytes(limit)}: {', '.join(left_out)}.** `memcap report` shows all."
        )
    return "\n\n".join(texts) + "\n"


def _fitting(piece: _Piece, room: int) -> int:
    """Return how many parts of ``piece`` fit into ``room`` bytes."""
    if _size(piece.text()) <= room:
        return len(piece.parts)
    room -= _size(piece.before) + _size(piece.after) + 8
    for number, part in enumerate(piece.parts):
        room -= _size(part) + len(piece.separator)
        if room < 0:
            return number
    return len(piece.parts)


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _pieces(blocks: Iterable[Block], title: str = "") -> Iterator[_Piece]:
    """Yield the pieces of ``blocks``; the first paragraph begins with ``title``."""
    for noun, group in groupby(blocks, key=lambda block: block.noun if isinstance(block, Note) else ""):
        if noun:
            notes = [_note(block) for block in group if isinstance(block, Note)]
            separator = "\n\n" if any(text.startswith("<") for text in notes) else "\n"
            yield _Piece(parts=notes, noun=noun, separator=separator)
            continue
        for block in group:
            yield _piece(block, title)
            title = ""


def _piece(block: Block, title: str = "") -> _Piece:
    if isinstance(block, Table):
        shown = [at for at, column in enumerate(block.columns) if column.rank <= _HIGHEST_RANK]
        columns = [block.columns[at] for at in shown]
        head = [row(*(prose(column.name) for column in columns))]
        head.append(row(*("---:" if column.right else "---" for column in columns)))
        rows = [row(*(_cell(cells[at]) for at in shown)) for cells in block.rows]
        return _Piece(parts=rows, noun=block.noun, before=_titled(block.title, "\n".join(head)), separator="\n")
    if isinstance(block, Fold):
        before = f"<details><summary>{_summary(block.title)}</summary>\n"
        inner = list(_pieces(block.blocks))
        if len(inner) == 1:
            (only,) = inner
            before = f"{before}\n{only.before}" if only.before else before
            return _Piece(
                parts=only.parts, noun=only.noun, before=before, after="\n</details>", separator=only.separator
            )
        return _Piece(parts=["\n\n".join(piece.text() for piece in inner)], before=before, after="\n</details>")
    if isinstance(block, Paragraph):
        sign = _SIGNS[block.level]
        words = f"{title}: " * bool(title) + _text(block.text)
        text = f"**{' '.join([sign, words]).strip()}**" if sign or title else start(words)
        too_long = "long paragraph" if len(text) > _LONGEST_PARAGRAPH and not title else ""
        return _Piece(parts=[text], noun=too_long, before="")
    return _Piece(parts=[text] if (text := _other(block)) else [])


def _other(block: Block) -> str:
    if isinstance(block, Facts):
        return _titled(block.title, "\n".join(f"- {start(_text(name))}: {_text(text)}" for name, text in block.items))
    if isinstance(block, Code):
        return _titled(block.title, fence(block.text, language=block.language))
    if isinstance(block, Output):
        shown = fence(block.text) if block.whole else fence_end(block.text, most_lines=_OUTPUT_LINES)
        return _titled(block.title, shown)
    if isinstance(block, Chart) and block.file:
        return f"![{prose(block.words)}]({quote(block.file)})"
    return ""


def _titled(title: Text, text: str) -> str:
    return f"{start(_text(title))}:\n\n{text}" if title else text


def _note(note: Note) -> str:
    """Return a note: as an item of a list, or folded if there is more to it than words."""
    sign, remedy = _SIGNS[note.level], _text(Advice(note.remedy))
    if not note.blocks:
        facts = "; ".join(map(_text, note.facts))
        told = f"{_text(note.title)}: {facts.rstrip('.')}." if facts else f"{_text(note.title)}."
        return " ".join(filter(None, ["-", sign or start(told), sign and told, remedy]))
    facts = "\n".join(f"- {start(_text(fact))}" for fact in note.facts) if len(note.facts) > 1 else "".join(
        start(_text(fact)) for fact in note.facts
    )  # fmt: skip
    parts = [facts, *(piece.text() for piece in _pieces(note.blocks)), remedy and f"Remedy: {remedy}"]
    summary = " ".join(filter(None, [sign, _summary(note.title)]))
    return "\n\n".join([f"<details><summary>{summary}</summary>", *filter(None, parts), "</details>"])


def _cell(cell: Cell) -> str:
    return "<br>".join(map(_text, cell.texts)) if isinstance(cell, Lines) else _text(cell)


def _text(text: Text) -> str:
    return "".join(map(_span, spans(text)))


def _span(span: Span) -> str:
    match span:
        case str():
            return prose(span)
        case Mono():
            return code(span.text)
        case Advice():
            return "".join(map(_span, span.parts()))
        case Badge():
            return " ".join(filter(None, [_SIGNS[span.level], prose(span.text)]))
        case Link():
            return f"[{code(span.text)}]({quote(span.address, errors='replace')})"
        case Curve():
            return code(drawn) if (drawn := span.drawn(_CURVE)) else ""
        case Dots():
            return ""


def _summary(text: Text) -> str:
    """Return ``text`` for a line that begins with an HTML tag, in which Markdown is not read."""
    return "".join(html_code(span.text) if isinstance(span, Mono) else _span(span) for span in spans(text))
