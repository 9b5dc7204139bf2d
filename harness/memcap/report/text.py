"""Words and figures for a reader, the same in every textual report."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence

from memcap.model import Metric
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable, printable_output

NOTHING = "-"
_SHOWN_OUTPUT_LINES = 10
_SIZE = re.compile(r"(?<=\d) (?=(?:B|[KMG]iB)\b)")
_NO_BREAK = "\N{NO-BREAK SPACE}"  # in no printable text
_OUTPUT_MARK = "    | "
_GAP = 2  # between the columns of a table
_TITLE_PADDING = 2  # tabulate.MIN_PADDING
_LEAST_COLUMN = 6


def wrapped(text: str, width: int, *, first: str = "", rest: str = "") -> str:
    """Return ``text``, made printable, in lines of at most ``width`` columns; words, ids and sizes are never broken.

    ``first`` and ``rest`` are put before the first line and the others.
    """
    kept = _SIZE.sub(_NO_BREAK, printable(text))
    filled = textwrap.fill(
        kept,
        width=width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return filled.replace(_NO_BREAK, " ")


def folded(text: str, width: int) -> str:
    """Return ``text`` with its longer lines wrapped at ``width`` columns, further lines a little to the right."""
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        lines.append(line if len(line) <= width else wrapped(line.strip(), width, first=indent, rest=f"{indent}    "))
    return "\n".join(lines)


def table_width(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> int:
    """Return how wide `table` would be if there were room for all of it."""
    return _whole(_column_widths(rows, headers))


def table(
    rows: Sequence[Sequence[str]], headers: Sequence[str], *, width: int, align: Sequence[str] | None = None
) -> str:
    """Return a table of at most ``width`` columns: where that is too little, the widest columns are wrapped.

    ``align`` is "left" or "right" for each column. Nothing is left out.
    """
    from tabulate import tabulate  # noqa: PLC0415 - late, so that --help stays quick

    natural = _column_widths(rows, headers)
    widths = list(natural)
    while _whole(widths) > width and max(widths) > _LEAST_COLUMN:
        widths[widths.index(max(widths))] -= 1
    return tabulate(
        # tabulate's own wrapping would make a number or a truth value of a text that looks like one.
        [[_within(text, room) for text, room in zip(row, widths, strict=True)] for row in rows],
        headers=[_within(title, room - _TITLE_PADDING) for title, room in zip(headers, widths, strict=True)],
        tablefmt="simple",
        disable_numparse=True,
        colalign=align or ["left"] * len(headers),
    )


def _within(text: str, width: int) -> str:
    """Return ``text`` with its lines wrapped at ``width``; words that are longer are broken."""
    return "\n".join(textwrap.fill(line, width) if len(line) > width else line for line in text.split("\n"))


def _column_widths(rows: Sequence[Sequence[str]], headers: Sequence[str]) -> list[int]:
    return [
        max(_longest(title) + _TITLE_PADDING, *map(_longest, column), 0)
        for title, *column in zip(headers, *rows, strict=True)
    ]


def _longest(text: str) -> int:
    return max(map(len, text.split("\n")))


def _whole(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def paragraph(title: str, facts: Iterable[str], remedy: str, width: int) -> str:
    """Return ``title`` with indented ``facts`` below, then the remedy after an arrow."""
    lines = [wrapped(title, width), *(wrapped(fact, width, first="    ", rest="    ") for fact in facts if fact)]
    return "\n".join([*lines, arrow(remedy, width)] if remedy else lines)


def arrow(remedy: str, width: int) -> str:
    """Return what to do, indented after an arrow."""
    return wrapped(remedy, width, first="    -> ", rest="       ")


def last_lines(output: str, width: int) -> list[str]:
    """Return the last lines of a workload's output, marked as such; long lines are cut."""
    lines = [f"{_OUTPUT_MARK}{printable(line)}" for line in output.expandtabs().splitlines() if line.strip()]
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines[-_SHOWN_OUTPUT_LINES:]]


def all_lines(output: str, width: int) -> list[str]:
    """Return a workload's output, each line marked as such; long lines go on in the next one."""
    room = width - len(_OUTPUT_MARK)
    lines = printable_output(output).splitlines()
    return [f"{_OUTPUT_MARK}{line[at : at + room]}" for line in lines for at in range(0, max(len(line), 1), room)]


def sentence(text: str) -> str:
    """Return ``text`` with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def span(low: str, high: str) -> str:
    """Return from ``low`` to ``high`` with an en dash between them; a unit that both have is written once."""
    if low == high:
        return low
    number, _, unit = low.rpartition(" ")
    return f"{number if number and unit == high.rpartition(' ')[2] else low}\N{EN DASH}{high}"


def figure(metric: Metric, value: float | None) -> str:
    """Return ``value`` of ``metric`` with its unit, ``-`` if there is none."""
    if value is None:
        return NOTHING
    return format_bytes(value) if metric.unit == "byte" else format_seconds(value)


def signed(metric: Metric, change: float) -> str:
    """Return how far ``metric`` moved, with its sign and unit."""
    return f"{'-' if change < 0 else '+'}{figure(metric, abs(change))}"


def percent(change: float | None) -> str:
    """Return a fraction as ``+12.3%``, ``-`` if there is none."""
    return NOTHING if change is None else f"{change:+.1%}"


def shortened(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters; what is left out is in the middle, nearer to the start.

    The end of a cell's id (image and cap) tells neighbours apart, so two thirds of what is kept come from there.
    """
    if len(text) <= width:
        return text
    head = (width - 1) // 3
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"
