"""Words and figures for a reader, the same in every textual report."""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict

from memcap.errors import UsageError
from memcap.model import CampaignResult, Environment, Metric
from memcap.units import listed
from memcap.untrusted import printable

NOTHING = "-"
_NAMED = 3  # cells of a machine
_SIZE = re.compile(r"(?<=\d) (?=(?:B|[KMG]iB)\b)")
_NO_BREAK = "\N{NO-BREAK SPACE}"  # in no printable text


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


def sentence(text: str) -> str:
    """Return ``text`` with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def lowered(text: str) -> str:
    """Return ``text`` without a capital at its beginning."""
    return f"{text[:1].lower()}{text[1:]}"


def span(low: str, high: str) -> str:
    """Return from ``low`` to ``high`` with an en dash between them; a unit that both have is written once."""
    if low == high:
        return low
    number, _, unit = low.rpartition(" ")
    return f"{number if number and unit == high.rpartition(' ')[2] else low}\N{EN DASH}{high}"


def figure(metric: Metric, value: float | None) -> str:
    """Return ``value`` of ``metric`` with its unit, ``-`` if there is none."""
    return NOTHING if value is None else metric.shown(value)


def percent(change: float | None) -> str:
    """Return a fraction as ``+12.3%``, ``-`` if there is none."""
    return NOTHING if change is None else f"{change:+.1%}"


def machine_text(where: Environment) -> str:
    """Return where runs were made: the engine, its cgroups, and the architecture."""
    cgroup = f"cgroup v{where.cgroup_version}" if where.cgroup_version else "cgroup version unknown"
    return f"{where.engine} {where.engine_version}, {cgroup}, {where.architecture}"


def hosts_text(result: CampaignResult) -> str:
    """Return the machine that measured ``result``; where there were several, with the cells of each. May be empty."""
    cells: dict[str, list[str]] = defaultdict(list)
    for cell in result.cells:
        if cell.host is not None:
            cells[cell.host].append(cell.cell.id)
    if not cells:
        return result.environment.host or ""
    return "; ".join(f"{host}: {listed(ids, _NAMED)}" for host, ids in sorted(cells.items()))


def number(value: float) -> str:
    """Return a figure of any unit: whole, or in six digits."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"


def shortened(text: str, width: int) -> str:
    """Return ``text`` in at most ``width`` characters; what is left out is in the middle, nearer to the start.

    The end of a cell's id (image and cap) tells neighbours apart, so two thirds of what is kept come from there.
    """
    if len(text) <= width:
        return text
    head = (width - 1) // 3
    return f"{text[:head]}…{text[len(text) - (width - 1 - head) :]}"


def missing(what: str) -> UsageError:
    """Return the error for a machine without the packages of the extra `report`."""
    return UsageError(f"{what} need packages that are not installed", remedy="Run: pip install 'memcap[report]'")
