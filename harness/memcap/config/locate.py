"""Find the lines of the keys of a TOML text, so that a mistake can be shown where it is.

TOML parsers that report positions of valid keys keep whole syntax trees; a message only needs a line number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

import tomli

from memcap.strict import KeyPath

# Strings and comments are single tokens, so that brackets, "=" and line ends inside them do not count.
_TOKEN: Final = re.compile(
    r'''
    """ (?: [^\\] | \\. )*? """ "{0,2}
    | \'\'\' .*? \'\'\' \'{0,2}
    | " (?: [^"\\] | \\. )* "
    | ' [^']* '
    | \# [^\n]*
    | [^\[\]{}=\n"'\#]+
    | .
    ''',
    re.VERBOSE | re.DOTALL,
)


def key_lines(text: str) -> dict[KeyPath, int]:
    """Return the line (from 1) on which each key and table of ``text`` first appears.

    ``text`` must be valid TOML. The keys inside an inline table are not listed: they stand with its key.
    The tables of an array of tables are listed by number: ``("image", 0, "name")``.
    """
    lines: dict[KeyPath, int] = {}
    array_lengths: dict[KeyPath, int] = {}
    table: KeyPath = ()
    for line, statement in _statements(text):
        if statement[0] == "[":
            is_array = statement[:2] == ["[", "["]
            parts = _key_parts("".join(statement[2:-2] if is_array else statement[1:-1]))
            table = _enter((), parts[:-1], lines, array_lengths, line=line)
            table = (*table, parts[-1])
            lines.setdefault(table, line)
            if is_array:
                number = array_lengths.get(table, 0)
                array_lengths[table] = number + 1
                table = (*table, number)
                lines[table] = line
        else:
            parts = _key_parts("".join(statement[: statement.index("=")]))
            _enter(table, parts, lines, array_lengths, line=line)
    return lines


def line_of(lines: Mapping[KeyPath, int], path: KeyPath) -> int | None:
    """Return the line of ``path``, or of the nearest table or key around it; None for the whole file."""
    for length in range(len(path), 0, -1):
        line = lines.get(path[:length])
        if line is not None:
            return line
    return None


def _statements(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each header or assignment as its tokens without comments and outer blanks, and its first line."""
    tokens: list[str] = []
    line, first, depth = 1, 1, 0
    for piece in (match.group() for match in _TOKEN.finditer(text + "\n")):
        if piece == "\n" and depth == 0:
            if tokens:
                yield first, tokens
            tokens = []
        elif piece.strip() and not piece.startswith("#"):
            first = first if tokens else line
            tokens.append(piece)
            depth += (piece in "[{") - (piece in "]}")
        line += piece.count("\n")


def _key_parts(text: str) -> tuple[str, ...]:
    """Return the parts of a dotted key; the TOML parser itself reads quotes and escapes."""
    parts: list[str] = []
    value: object = tomli.loads(f"{text.strip()} = 0")
    while isinstance(value, dict):
        [(part, value)] = value.items()
        parts.append(part)
    return tuple(parts)


def _enter(
    start: KeyPath,
    parts: tuple[str, ...],
    lines: dict[KeyPath, int],
    array_lengths: Mapping[KeyPath, int],
    *,
    line: int,
) -> KeyPath:
    """Return the path of ``parts`` under ``start``, in the last table of each array, and note what is new."""
    path = start
    for part in parts:
        path = (*path, part)
        lines.setdefault(path, line)
        if path in array_lengths:
            path = (*path, array_lengths[path] - 1)
    return path
