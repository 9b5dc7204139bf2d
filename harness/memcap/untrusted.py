"""Text from outside, such as names, messages and output: never obeyed by a terminal, and of bounded length.

``printable`` is for text on one line, ``printable_lines`` for several lines, ``printable_output`` for what a program
printed. Each format escapes its own markup itself.
"""

from __future__ import annotations

from typing import Final

LONGEST_LINE: Final = 4000  # characters
LONGEST_TEXT: Final = 64 * 1024  # characters


def printable(text: str) -> str:
    """Return ``text`` on one line of at most ``LONGEST_LINE`` characters, escaped."""
    return bounded(escaped(bounded(text, LONGEST_LINE)), LONGEST_LINE)


def printable_lines(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return ``text`` of at most ``longest`` characters, each line as ``printable`` has it."""
    return bounded("\n".join(map(printable, bounded(text, longest).splitlines())), longest)


def printable_output(text: str) -> str:
    """Return what a program printed, as ``printable_lines`` has it, with its tabs as blanks up to the next stop."""
    return printable_lines(bounded(text, LONGEST_TEXT).expandtabs())


def escaped(text: str) -> str:
    """Return ``text`` with everything that a terminal would obey, hide or turn around written as an escape."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def cut(text: str, longest: int) -> str:
    """Return ``text`` in at most ``longest`` characters; a mark stands for the end of a longer one."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def bounded(text: str, longest: int) -> str:
    """Return ``text`` in at most ``longest`` characters; of a longer one, most of the start and some of the end."""
    if len(text) <= longest:
        return text
    mark = f" … ({len(text):,} characters) … "
    tail = longest // 4
    return f"{text[: longest - tail - len(mark)]}{mark}{text[-tail:]}"
