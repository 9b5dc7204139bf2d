"""The view as one HTML file that needs nothing else: no network, and for figures and charts no JavaScript either.

Everything that was measured is escaped by the template engine. Beside that, the page's own policy lets nothing run but
the script whose hash it names, and nothing be loaded from anywhere.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from memcap.report.caveats import caveat_blocks
from memcap.report.cell_matrix import matrix_of
from memcap.report.charts import summary
from memcap.report.check import alert_note, next_paragraph, where_raised
from memcap.report.diff import explanation_blocks
from memcap.report.document import Advice, Code, Facts, Paragraph, flat
from memcap.report.html_brief import brief_body, brief_note, is_brief
from memcap.report.html_cell import STATE_STYLE, CellPage, cell_page
from memcap.report.text import hosts_text, machine_text, missing, sentence
from memcap.report.to_html import TEMPLATES, TONES, blocks_html, page_parts
from memcap.report.view import View
from memcap.units import format_bytes
from memcap.untrusted import printable

if TYPE_CHECKING:
    import jinja2

_BUFFERED: Final = 2000  # pieces of the template


def render_html(view: View) -> str:
    """Return ``view`` as a page. Raises UsageError where the packages for it (the extra `report`) are not installed."""
    return "".join(html_parts(view))


def html_parts(view: View) -> Iterator[str]:
    """Yield what `render_html` returns piece by piece, so that a page of many cells is never in memory as a whole.

    Raises as it does, before the first piece.
    """
    overview = summary(view)
    body = _template().stream(
        overview=[overview] if overview else [],
        matrix=matrix_of(view.cells),
        cells=_cells(view),
        brief_note=[Paragraph(text=Advice(note))] if (note := brief_note(view)) else [],
        total=len(view.cells),
        chips=[(state.value, *STATE_STYLE[state], count) for state, count in view.counts],
        **_words(view),
    )
    script = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    body.enable_buffering(_BUFFERED)
    return page_parts(f"{view.reason} · memcap", body, script)


def _cells(view: View) -> Iterator[CellPage]:
    for place, cell in enumerate(view.cells):
        yield cell_page(cell, view, brief=brief_body(cell, view) if is_brief(place, cell) else "")


@lru_cache(maxsize=1)
def _template() -> jinja2.Template:
    try:
        import jinja2  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing("HTML reports") from error
    environment = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(TEMPLATES), trim_blocks=True)
    environment.filters["blocks"] = blocks_html
    environment.filters["tone"] = TONES.__getitem__
    return environment.get_template("report.html.jinja")


def _words(view: View) -> dict[str, Any]:
    """Return what is said of the whole campaign."""
    result = view.result
    tone, sign = ("bad", "✕") if view.exit_code else ("good", "✓")
    against = f", compared with {view.against}" if view.against else ""
    return {
        "campaign": printable(result.id),
        "headline": re.sub(r"(\d) (?=\w)", "\\1\N{NO-BREAK SPACE}", sentence(printable(view.reason))),
        "tone": tone,
        "sign": sign,
        "where": printable(
            f"{_date(result.started)}, profile {result.profile}, {machine_text(result.environment)}, "
            f"exit code {view.exit_code}{against}"
        ),
        "next": flat(next_paragraph(view)),
        "not_measured": [printable(cell_id) for cell_id in view.not_measured],
        "explained": [block for each in view.explained for block in explanation_blocks(each)],
        "alerts": [alert_note(each) for each in view.alerts],
        "caveats": caveat_blocks(view.caveats, where=lambda caveat: where_raised(caveat, view)),
        "environment": [Facts(title="Environment", items=tuple(_environment(view)))],
        "images": [Facts(title="Images", items=tuple(_images(view)))],
        "again": [Code(title="Measure again", text=shlex.join(result.command))],
    }


def _date(started: str) -> str:
    """Return an ISO 8601 time in UTC for a reader; what is none as it is."""
    found = re.fullmatch(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d).*(?:Z|\+00:00)", started)
    return f"{found[1]} {found[2]} UTC" if found else started


def _environment(view: View) -> Iterator[tuple[str, str]]:
    where = view.result.environment
    if hosts := hosts_text(view.result):
        yield "host", hosts
    yield "engine", f"{where.engine} {where.engine_version}"
    yield "kernel", where.kernel
    yield "system", where.operating_system
    yield "architecture", where.architecture
    yield "cgroup", f"v{where.cgroup_version or '?'}, {where.cgroup_driver}"
    if where.cpus is not None:
        yield "CPUs", str(where.cpus)
    if where.cpu_model is not None:
        yield "CPU model", where.cpu_model
    if where.memory_bytes is not None:
        yield "memory", format_bytes(where.memory_bytes)
    if where.swap_accounting is not None:
        yield "swap accounting", "on" if where.swap_accounting else "off"
    yield "memcap", where.memcap_version


def _images(view: View) -> Iterator[tuple[str, str]]:
    for name, facts in view.result.images.items():
        python = f"{facts.python.implementation} {facts.python.version}, {facts.python.libc}; " if facts.python else ""
        yield name, f"{python}{facts.origin}; {facts.digest or facts.id}"
