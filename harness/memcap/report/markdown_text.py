"""Foreign text in GitHub's Markdown: shown as it is, never obeyed as markup, mention, reference or link."""

from __future__ import annotations

import html
import re

from memcap.untrusted import printable, printable_output

# Within a line. A colon before a letter, or a full stop after www, may make a link; an underscore in a word is one.
_HARMLESS = re.compile(r"[^\W_]+|[ ,;()%?'\"/=+-]|:(?=\s|$)|(?<![wW]{3})\.|(?<=[^\W_])_(?=[^\W_])")
_SHORT_FENCE = "```"
_BLOCK_STARTS = frozenset("-+=0123456789")  # what prose leaves of them


def code(text: str) -> str:
    """Return ``text`` as code on one line, whatever backticks it has, fit for a table's cell."""
    shown = printable(text)
    # A pipe would end the cell, also within a span of code; and of a span's own spaces one may be taken away.
    if not shown or shown != shown.strip() or "|" in shown:
        return f"<code>{''.join(map(_inert, shown))}</code>"
    mark = "`" * (_longest_run(shown) + 1)
    return f"`{shown}`" if mark == "`" else f"{mark} {shown} {mark}"


def html_code(text: str) -> str:
    """Return ``text`` as code for a line that begins with an HTML tag, in which Markdown is not read."""
    return f"<code>{html.escape(printable(text))}</code>"


def prose(text: str) -> str:
    """Return ``text`` as running text on one line; not for the beginning of a line."""
    shown = printable(text)
    kept, result = 0, []
    for match in _HARMLESS.finditer(shown):
        result += [*map(_inert, shown[kept : match.start()]), match.group()]
        kept = match.end()
    return "".join([*result, *map(_inert, shown[kept:])])


def start(markdown: str) -> str:
    """Return Markdown such that it begins a line without being taken for a heading, a list or a quote."""
    shown = markdown.lstrip()
    return f"&#{ord(shown[0])};{shown[1:]}" if shown[:1] in _BLOCK_STARTS else shown


def fence_end(text: str, *, most_lines: int, longest: int = 200) -> str:
    """Return the last lines of ``text``, without empty ones, long ones cut, as a block of code."""
    lines = [printable(line)[:longest] for line in text.expandtabs().splitlines() if line.strip()]
    return fence("\n".join(lines[-most_lines:]))


def fence(text: str, *, language: str = "text") -> str:
    """Return ``text`` as a block of code."""
    shown = printable_output(text)
    mark = "`" * max(len(_SHORT_FENCE), _longest_run(shown) + 1)
    return "\n".join([f"{mark}{language}", shown, mark])


def row(*cells: str) -> str:
    """Return one line of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def _longest_run(text: str) -> int:
    """Return how many backticks are side by side."""
    return max(map(len, re.findall("`+", text)), default=0)


def _entity(character: str) -> str:
    return character if character.isalnum() or character == " " or not character.isascii() else f"&#{ord(character)};"


def _inert(character: str) -> str:
    # Mentions, references and addresses (@name, #123, a@b.c) are looked for when entities are characters again, but not
    # across a tag.
    return f"<span>{character}</span>" if character in "@#" else _entity(character)
