"""The view as one HTML file that needs nothing else: no network, and for figures and charts no JavaScript either.

Everything that was measured is escaped by the template engine. Beside that, the page's own policy lets nothing run but
the script whose hash it names, and nothing be loaded from anywhere.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memcap.report.caveats import caveat_blocks
from memcap.report.cell_matrix import matrix_of
from memcap.report.charts import missing, summary
from memcap.report.check import alert_note, where_raised
from memcap.report.diff import explanation_block
from memcap.report.html_cell import LOOKS, cell_page
from memcap.report.svg import inline
from memcap.report.text import sentence
from memcap.report.to_html import blocks_html, style
from memcap.report.view import View
from memcap.units import format_bytes
from memcap.untrusted import printable

if TYPE_CHECKING:
    import jinja2

_FOLDER = Path(__file__).parent / "templates"


@dataclass(frozen=True, kw_only=True)
class _Chip:
    """One verdict with the number of its cells, to filter by."""

    state: str
    tone: str
    sign: str
    count: int


def render_html(view: View) -> str:
    """Return ``view`` as a page. Raises UsageError where the packages for it (the extra `report`) are not installed."""
    script = (_FOLDER / "report.js").read_text(encoding="utf-8")
    overview = summary(view)
    return _page().render(
        policy=_policy(script),
        css=style(),
        script=script,
        overview=inline(overview.drawing, overview.words) if overview else "",
        overview_words=overview.words if overview else "",
        matrix=matrix_of(view.cells),
        cells=(cell_page(cell, view) for cell in view.cells),
        total=len(view.cells),
        chips=_chips(view),
        **_words(view),
    )


@lru_cache(maxsize=1)
def _page() -> jinja2.Template:
    try:
        import jinja2  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing("HTML reports") from error
    environment = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(_FOLDER), trim_blocks=True)
    environment.filters["code"] = _with_code
    return environment.get_template("report.html.jinja")


def _with_code(text: str) -> str:
    """Return ``text`` as HTML, with what stands between backticks as code."""
    from markupsafe import Markup, escape  # noqa: PLC0415 - of jinja2, which is optional

    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - it is escaped


def _words(view: View) -> dict[str, Any]:
    """Return what is said of the whole campaign."""
    tone, sign = ("bad", "✕") if view.exit_code else ("good", "✓")
    reason = printable(view.reason)
    next_words, next_command = _next(printable(view.next_step))
    headline = re.sub(r"(\d) (?=\w)", "\\1\N{NO-BREAK SPACE}", sentence(reason))
    return {
        "title": f"{reason} · memcap",
        "campaign": printable(view.campaign),
        "headline": headline,
        "tone": tone,
        "sign": sign,
        "where": printable(
            f"{_date(view.started)}, profile {view.profile}, {_machine(view)}, exit code {view.exit_code}"
            + (f", compared with {view.against}" if view.against else "")
        ),
        "next_words": next_words,
        "next_command": next_command,
        "not_measured": [printable(cell_id) for cell_id in view.not_measured],
        "alerts": blocks_html(map(alert_note, view.alerts)),
        "caveats": blocks_html(caveat_blocks(view.caveats, where=lambda caveat: where_raised(caveat, view))),
        "explained": blocks_html(map(explanation_block, view.explained)),
        "environment": list(_environment(view)),
        "images": list(_images(view)),
        "command": printable(shlex.join(view.command)),
    }


def _next(step: str) -> tuple[str, str]:
    """Return what to say before the next command, and the command: ``if this is meant: memcap …``.

    The command is empty where what helps next is none.
    """
    if step.startswith("memcap "):
        return "Next", step
    condition, separator, command = step.partition(": memcap ")
    return sentence(condition), f"memcap {command}" if separator else ""


def _policy(script: str) -> str:
    """Return a policy that loads nothing and runs this script alone."""
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"default-src 'none'; script-src 'sha256-{allowed}'; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _chips(view: View) -> list[_Chip]:
    counted = view.counts
    return [
        _Chip(state=state.value, tone=LOOKS[state][0], sign=LOOKS[state][1], count=count) for state, count in counted
    ]


def _date(started: str) -> str:
    """Return an ISO 8601 time in UTC for a reader; what is none as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*(?:Z|\+00:00)", started)
    return f"{found[1]} {found[2]} UTC" if found else started


def _machine(view: View) -> str:
    where = view.environment
    cgroup = f"cgroup v{where.cgroup_version}" if where.cgroup_version else "cgroup version unknown"
    return f"{where.engine} {where.engine_version}, {cgroup}, {where.architecture}"


def _environment(view: View) -> Iterator[tuple[str, str]]:
    where = view.environment
    yield "engine", printable(f"{where.engine} {where.engine_version}")
    yield "kernel", printable(where.kernel)
    yield "system", printable(where.operating_system)
    yield "architecture", printable(where.architecture)
    yield "cgroup", f"v{where.cgroup_version or '?'}, {printable(where.cgroup_driver)}"
    if where.cpus is not None:
        yield "CPUs", str(where.cpus)
    if where.memory_bytes is not None:
        yield "memory", format_bytes(where.memory_bytes)
    if where.swap_accounting is not None:
        yield "swap accounting", "on" if where.swap_accounting else "off"
    yield "memcap", printable(where.memcap_version)


def _images(view: View) -> Iterator[tuple[str, str]]:
    for name, facts in view.images.items():
        python = f"{facts.python.implementation} {facts.python.version}, {facts.python.libc}; " if facts.python else ""
        yield printable(name), printable(f"{python}{facts.origin}; {facts.digest or facts.id}")
