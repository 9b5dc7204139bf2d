"""Foreign text in GitHub's Markdown: shown as it is, never obeyed as markup, mention, reference or link."""

from __future__ import annotations

import html
import re

from memcap.report.text import printable

# In a code span only these mean something: the backtick ends it, the pipe ends a table's cell, the backslash a pipe.
_BREAKS_CODE = re.compile(r"[`|\\]")
# Within a line. A colon before a letter, or a full stop after www, may make a link; an underscore in a word is one.
_HARMLESS = re.compile(r"[^\W_]+|[ ,;()%?'\"/=+-]|:(?=\s|$)|(?<![wW]{3})\.|(?<=[^\W_])_(?=[^\W_])")
_SHORT_FENCE = "```"


def code(text: str) -> str:
    """Return ``text`` as code on one line, fit for a table's cell."""
    shown = printable(text)
    if shown and shown == shown.strip() and not _BREAKS_CODE.search(shown):
        return f"`{shown}`"
    return f"<code>{''.join(map(_inert, shown))}</code>"


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


def fence(text: str, *, most_lines: int, longest: int = 200) -> str:
    """Return the last lines of ``text``, long ones cut, as a block of code."""
    lines = [printable(line)[:longest] for line in text.splitlines() if line.strip()][-most_lines:]
    longest_run = max((len(run) for line in lines for run in re.findall("`+", line)), default=0)
    mark = "`" * max(len(_SHORT_FENCE), longest_run + 1)
    return "\n".join([f"{mark}text", *lines, mark])


def row(*cells: str) -> str:
    """Return one line of a table; the cells are Markdown already."""
    return f"| {' | '.join(cells)} |"


def _entity(character: str) -> str:
    return character if character.isalnum() or character == " " or not character.isascii() else f"&#{ord(character)};"


def _inert(character: str) -> str:
    # Mentions, references and addresses (@name, #123, a@b.c) are looked for when entities are characters again, but not
    # across a tag.
    return f"<span>{character}</span>" if character in "@#" else _entity(character)
