"""A report as a document: blocks of content. How they are laid out, escaped and cut is up to the renderers.

``to_terminal``, ``to_markdown`` and ``to_html`` render it. Texts are as they were measured or written.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from memcap.report.drawing import Drawing
from memcap.report.sparkline import BLOCKS, sparkline

_MOST_PIECES: Final = 40


class Level(Enum):
    """How a text or a note is to be taken: a colour in the terminal and on a page, a sign in Markdown."""

    BAD = "bad"
    WARN = "warn"
    UNSURE = "unsure"
    GOOD = "good"
    PLAIN = "plain"


class Overflow(Enum):
    """What becomes of a text that is too long for its column."""

    FOLD = "fold"  # onto further lines
    MIDDLE = "middle"  # cut in the middle: both ends tell, as of an id or a place
    END = "end"  # cut at the end


@dataclass(frozen=True)
class Mono:
    """A name, a figure or a command, shown as code."""

    text: str


@dataclass(frozen=True)
class Badge:
    """A verdict in a word or two."""

    text: str
    level: Level = Level.PLAIN


@dataclass(frozen=True)
class Link:
    """A file beside the report, by its address relative to it."""

    address: str
    text: str


@dataclass(frozen=True)
class Curve:
    """Values over time, drawn in a line of text between 0 and the largest."""

    values: tuple[float, ...]

    def drawn(self, width: int, levels: str = BLOCKS) -> str:
        """Return the curve in at most ``width`` of the characters ``levels``."""
        return sparkline(self.values, width, low=0, high=max(self.values, default=0), levels=levels)


@dataclass(frozen=True)
class Dots:
    """Values as points between the least and the largest, on a page; other forms have their figures."""

    values: tuple[float, ...]


@dataclass(frozen=True)
class Advice:
    """Words of memcap's own in which what stands between backticks, or is a command at the end, is code."""

    text: str

    def parts(self) -> tuple[str | Mono, ...]:
        """Return the words and the code."""
        words, start, command = self.text.partition("memcap ")
        if start and (not words or words.endswith(": ")):
            return (words, Mono(f"{start}{command}"))
        pieces = self.text.split("`")
        if len(pieces) % 2 == 0 or len(pieces) > _MOST_PIECES:  # a backtick without another, or those of a foreign text
            return (self.text,)
        return tuple(Mono(piece) if number % 2 else piece for number, piece in enumerate(pieces) if piece)


Span = str | Mono | Advice | Badge | Link | Curve | Dots
Text = Span | tuple[Span, ...]


@dataclass(frozen=True)
class Lines:
    """A table's cell of several lines: the first is what the row is about, the others say more of it."""

    texts: tuple[Text, ...]


Cell = Text | Lines


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column of a table. Where there is no room for all, those of the highest ``rank`` are left out first.

    Those of rank 1 stay as long as others can be cut to something readable. Markdown has those up to rank 3.
    """

    title: str
    right: bool = False
    fit: Overflow = Overflow.FOLD
    rank: int = 0  # always shown

    @property
    def name(self) -> str:
        """Return the title, which may be broken for narrow terminals, in one line."""
        return self.title.replace("-\n", "").replace("\n", " ")


@dataclass(frozen=True, kw_only=True)
class Paragraph:
    """Running text. ``hangs``: its further lines are indented."""

    text: Text
    level: Level = Level.PLAIN
    hangs: bool = False


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of cells. ``noun`` names the rows where some must be left out."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    title: Text = ""
    noun: str = "rows"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Names, each with a text."""

    items: tuple[tuple[Text, Text], ...]
    title: Text = ""


@dataclass(frozen=True, kw_only=True)
class Code:
    """Text that is shown as it is, such as what to paste. ``language`` names it for Markdown."""

    text: str
    title: Text = ""
    language: str = "text"


@dataclass(frozen=True, kw_only=True)
class Output:
    """What a workload printed: the end of it, or if ``whole`` all that was kept."""

    text: str
    title: Text = ""
    whole: bool = False


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something to know: what, in which cells, what was seen, and what to do. ``noun`` names such notes."""

    level: Level
    title: Text
    facts: tuple[Text, ...] = ()
    remedy: str = ""
    blocks: tuple[Block, ...] = ()
    noun: str = "notes"


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A drawing, and the same in ``words``; ``file`` is where it is kept beside the report, if it is.

    A terminal has tables instead.
    """

    drawing: Drawing
    words: str
    title: Text = ""
    file: str = ""


@dataclass(frozen=True, kw_only=True)
class Fold:
    """Blocks that start folded. A terminal prints them if ``opens``, or if everything is asked for.

    Else it prints the title with ``hint`` behind it, and nothing without one.
    """

    title: Text
    blocks: tuple[Block, ...]
    hint: str = ""
    opens: bool = False


Block = Paragraph | Table | Facts | Code | Output | Note | Chart | Fold


@dataclass(frozen=True, kw_only=True)
class Document:
    """A report. The first block says what came of it; ``title`` names the report on a page."""

    title: str
    blocks: tuple[Block, ...]


def document(title: str, *blocks: Block | Iterable[Block] | None) -> Document:
    """Return a document of ``blocks``; what is None is left out."""
    return Document(title=title, blocks=flat(*blocks))


def flat(*blocks: Block | Iterable[Block] | None) -> tuple[Block, ...]:
    """Return ``blocks`` in one row; what is None is left out."""
    kept: list[Block] = []
    for each in blocks:
        if isinstance(each, Block):
            kept.append(each)
        elif each is not None:
            kept += each
    return tuple(kept)


def spans(text: Text) -> tuple[Span, ...]:
    """Return the parts of ``text``."""
    return text if isinstance(text, tuple) else (text,)
