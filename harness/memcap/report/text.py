"""Words and figures for a reader, the same in every textual report."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable

from memcap.model import Metric
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable, printable_lines

NOTHING = "-"
_SHOWN_OUTPUT_LINES = 10
_SIZE = re.compile(r"(?<=\d) (?=(?:B|[KMG]iB)\b)")
_NO_BREAK = "\N{NO-BREAK SPACE}"  # in no printable text
_OUTPUT_MARK = "    | "


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


def paragraph(title: str, facts: Iterable[str], remedy: str, width: int) -> str:
    """Return ``title`` with indented ``facts`` below, then the remedy after an arrow."""
    lines = [wrapped(title, width), *(wrapped(fact, width, first="    ", rest="    ") for fact in facts if fact)]
    return "\n".join([*lines, arrow(remedy, width)] if remedy else lines)


def arrow(remedy: str, width: int) -> str:
    """Return what to do, indented after an arrow."""
    return wrapped(remedy, width, first="    -> ", rest="       ")


def last_lines(output: str, width: int) -> list[str]:
    """Return the last lines of a workload's output, marked as such; long lines are cut."""
    lines = [f"{_OUTPUT_MARK}{printable(line)}" for line in output.splitlines() if line.strip()]
    return [line if len(line) <= width else f"{line[: width - 1]}…" for line in lines[-_SHOWN_OUTPUT_LINES:]]


def all_lines(output: str, width: int) -> list[str]:
    """Return a workload's output, each line marked as such; long lines go on in the next one."""
    room = width - len(_OUTPUT_MARK)
    lines = printable_lines(output).splitlines()
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
