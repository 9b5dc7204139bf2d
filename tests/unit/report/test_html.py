"""The HTML report as a parser reads it; what a browser makes of it is in tests/integration/test_html_report.py."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import hostile_view, view_of_every_verdict, view_of_many

from factories import MIB, make_cell, make_measurement, make_oom, make_result, make_runs
from memcap.errors import UsageError
from memcap.model import Caveat, CaveatKind, Measurement, Verdict, VerdictState
from memcap.report import html
from memcap.report.cell_matrix import matrix_of
from memcap.report.html import render_html
from memcap.report.html_brief import brief_body
from memcap.report.html_cell import STATE_STYLE, CellPage, cell_page, embedded, metrics_table
from memcap.report.view import View, build_view

ATTACKS = (
    "</noscript></script></style><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    '" autofocus onfocus="alert(1)',
    "</title><svg/onload=alert(1)>",
    "{{ 7 * 7 }} {% raw %} javascript:alert(1)",
    "\u2028\u2029\x00\x1b[2J\u202e\ud800",
)


class Page(HTMLParser):
    """What a page is made of: elements with attributes, and the text in them, block by block."""

    BREAKS = frozenset(
        {"p", "h1", "h2", "h3", "li", "tr", "pre", "dt", "summary", "option", "button", "details", "div"}
    )

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[str, str]] = []
        self._lines = [""]
        self._inside: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside.append(tag)
        if tag == "script":
            self.scripts.append((dict(attrs).get("type") or "", ""))
        if tag in self.BREAKS:
            self._lines.append("")
        elif tag in ("td", "th", "dd", "span"):
            self._lines[-1] += " "

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside.pop()

    def handle_data(self, data: str) -> None:
        if self._inside[-1:] == ["script"]:
            kind, text = self.scripts[-1]
            self.scripts[-1] = (kind, text + data)
        elif not self._inside:
            self._lines[-1] += data

    @property
    def text(self) -> str:
        """Return what a reader without JavaScript reads, a line a block."""
        lines = (" ".join(line.split()) for line in self._lines)
        return "\n".join(line for line in lines if line) + "\n"


def test_what_a_reader_without_javascript_reads(golden: Callable[[str, str], None]) -> None:
    golden("report/every-verdict/html.txt", Page(render_html(view_of_every_verdict())).text)


def test_every_cell_can_be_linked_to_and_has_its_figures_in_it() -> None:
    view = view_of_every_verdict()
    elements = Page(render_html(view)).elements
    cells = [attributes for tag, attributes in elements if tag == "details" and attributes["class"] == "cell"]
    assert [each["id"] for each in cells] == [f"cell:{cell.id}" for cell in view.cells]
    assert [each["data-state"] for each in cells] == [cell.verdict.state.value for cell in view.cells if cell.verdict]
    assert all(len(json.loads(each["data-keys"] or "")) == 4 for each in cells)


def test_only_the_scripts_that_the_policy_names_can_run() -> None:
    page = Page(render_html(view_of_every_verdict()))
    (policy,) = [
        found["content"] for tag, found in page.elements if found.get("http-equiv") is not None and tag == "meta"
    ]
    assert policy
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.partition("style-src")[0]
    assert "unsafe-eval" not in policy
    ((kind, script),) = page.scripts
    hashed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert kind == ""
    assert f"'sha256-{hashed}'" in policy


def test_nothing_is_loaded_from_elsewhere() -> None:
    addresses = [
        value
        for _, attributes in Page(render_html(view_of_every_verdict())).elements
        for name, value in attributes.items()
        if name in ("src", "href", "action", "data", "srcset", "poster")
    ]
    assert addresses == ["data:,"]


@pytest.mark.parametrize("attack", ATTACKS)
def test_hostile_text_stays_text(attack: str) -> None:
    harmless, hostile = (Page(render_html(hostile_view(text))) for text in ("harmless", attack))
    assert [tag for tag, _ in hostile.elements] == [tag for tag, _ in harmless.elements]
    assert [set(found) for _, found in hostile.elements] == [set(found) for _, found in harmless.elements]
    assert hostile.scripts == harmless.scripts
    assert hostile.text.encode()
    assert all(line.isprintable() for line in hostile.text.splitlines())


@given(st.text(max_size=60))
def test_so_does_any_text(text: str) -> None:
    assert len(Page(render_html(hostile_view(text))).scripts) == 1


@given(st.recursive(st.text() | st.floats(allow_nan=False) | st.none(), st.lists))
def test_embedded_json_is_the_same_value_without_what_ends_an_element(value: object) -> None:
    text = embedded(value)
    assert json.loads(text) == value
    assert text.isascii()
    assert set("<>&'").isdisjoint(text)


def test_every_state_has_a_look_of_its_own_tone_and_a_sign() -> None:
    assert set(STATE_STYLE) == set(VerdictState)
    assert all(sign for _, sign in STATE_STYLE.values())


def test_a_campaign_without_verdicts_is_told_too() -> None:
    text = Page(render_html(view_of_many(2, VerdictState.UNCHANGED))).text
    assert "2 unchanged" in text


def test_without_the_extra_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jinja2", None)
    html._template.cache_clear()
    try:
        with pytest.raises(UsageError) as raised:
            render_html(view_of_every_verdict())
        assert "pip install 'memcap[report]'" in raised.value.remedy
    finally:
        html._template.cache_clear()


def test_charts_are_there_without_javascript() -> None:
    page = render_html(view_of_every_verdict())
    overview = page.partition('aria-label="Overview"')[2]
    assert overview.lstrip("> \n").startswith('<figure><svg class="chart wide"')
    assert "regressed-py312-128m · peak" in overview.partition("</figure>")[0]


def test_the_matrix_has_a_line_a_benchmark_and_a_column_an_image_and_cap() -> None:
    ids = [f"agents.{name}-{image}-128m" for name in ("llm", "base") for image in ("py310", "py312")]
    verdict = Verdict(cell_id=ids[0], state=VerdictState.REGRESSED, summary="x", remedy="")
    view = build_view(make_result(*map(make_cell, ids[:3])), [verdict], exit_code=99)
    matrix = matrix_of(view.cells)
    assert matrix is not None
    assert [column[0] for column in matrix.columns] == ["py310", "py312"]
    assert [(name, [entry and entry.state for entry in row]) for name, row in matrix.rows] == [
        ("agents.base", ["measured", None]), ("agents.llm", ["regressed", "measured"]),
    ]  # fmt: skip
    assert f'href="#cell:{ids[0]}" title="regressed"' in render_html(view)
    assert matrix_of(view_of_many(3, VerdictState.UNCHANGED).cells) is None, "one column is the list of cells"


def test_a_figure_that_is_an_interval_or_a_lower_bound_has_no_spread() -> None:
    unsure = [replace(run, unreclaimable_peak_low_bytes=4 * MIB, unreclaimable_peak_high_bytes=32 * MIB)
              for run in make_runs()]  # fmt: skip
    tables = [metrics_table(_view(runs).cells[0]) for runs in (make_runs(), unsure, [make_oom()] * 3)]
    medians = [table.rows[1][2] for table in tables if table]
    assert medians == ["61.5 MiB ± 0 B", "4.0–32.0 MiB", "≥ 127.0 MiB"]  # noqa: RUF001


def test_the_share_of_the_cap_is_at_most_that_of_the_upper_end() -> None:
    low, high = MIB, 120 * MIB
    unsure = [replace(run, unreclaimable_peak_low_bytes=low, unreclaimable_peak_high_bytes=high) for run in make_runs()]
    page = _page(unsure)
    assert (page.share, page.share_text, page.near) == (94, "≤ 94 %", True)
    assert (_page(make_runs()).share_text, _page([make_oom()]).share_text) == ("48 %", "")


def test_code_in_a_remedy_is_code_and_nothing_else_is() -> None:
    doubt = Caveat(kind=CaveatKind.SAMPLED_ONLY, detail="`<b>`")
    view = build_view(make_result(make_cell(runs=[make_measurement(caveats=(doubt,))])), is_judged=False)
    page = render_html(view)
    assert "shorten it (<code>sample_interval</code>)." in page
    assert "`&lt;b&gt;`" in page


def _view(runs: Sequence[Measurement]) -> View:
    return build_view(make_result(make_cell(runs=runs)), is_judged=False)


def _page(runs: Sequence[Measurement]) -> CellPage:
    view = _view(runs)
    return cell_page(view.cells[0], view)


@pytest.mark.parametrize(("state", "in_full"), [(VerdictState.UNCHANGED, 500), (VerdictState.NEW, 502)])
def test_of_many_unchanged_cells_most_are_shown_briefly(state: VerdictState, in_full: int) -> None:
    view = view_of_many(502, state)
    text = render_html(view)
    briefly = text.count("<!--cell-->")
    assert briefly == 502 - in_full
    assert ("For 2 of 502 cells only the figures are shown" in text) is bool(briefly)
    ids = [attributes["id"] for tag, attributes in Page(text).elements if tag == "details"]
    assert ids == [f"cell:{cell.id}" for cell in view.cells]


def test_a_brief_cell_has_the_figures_of_its_table() -> None:
    (cell,) = build_view(make_result(make_cell(runs=make_runs((62.5, 62.4, 62.6, 62.5, 62.5))))).cells
    body = brief_body(cell, build_view(make_result(make_cell())))
    table = metrics_table(cell)
    assert table
    assert body.count("<tr>") == 1 + len(table.rows)
    assert [str(row[2]) in body for row in table.rows] == [True] * len(table.rows)
    assert "memcap run agents" in body
