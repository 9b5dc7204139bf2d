"""The HTML report in a real browser: it loads, filters, sorts, draws and can be used without a mouse or a colour."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from integration.chromium import Chromium, find_chromium
from integration.promises import require
from views import hostile_view, view_of_many

from factories import (
    MIB,
    TOLERANCES,
    make_baseline,
    make_baselines,
    make_cell,
    make_measurement,
    make_oom,
    make_result,
    make_runs,
)
from memcap.judge import judge, worst_exit_code
from memcap.model import Measurement, Moment, Rules, VerdictState
from memcap.report.html import render_html
from memcap.report.view import View, build_view

REGRESSED, KILLED, SMALL = "agents.llm-py312-128m", "streams.leaky-py312-128m", "agents.small-py312-128m"
PHONE, DESK = 360, 1280
VISIBLE = "[...document.querySelectorAll('.cell')].filter((cell) => !cell.hidden).map((cell) => cell.id.slice(5))"
# Every element that can be operated or that stands for a picture.
NAMED_ROLES = {"button", "searchbox", "textbox", "combobox", "DisclosureTriangle", "image", "img", "region", "link"}


def with_series(run: Measurement) -> Measurement:
    peak = run.peak_bytes or 0
    moments = (
        Moment(seconds=step / 50, usage=peak * step // 20, anon=peak * step // 25, file=MIB, shmem=0, kernel=MIB, low=0)
        for step in range(21)
    )
    return replace(run, series=tuple(moments))


def a_view() -> View:
    """Return a judged view: one cell regressed, one was killed at its cap, ten are unchanged."""
    others = [f"agents.base_{number}-py312-128m" for number in range(10)]
    result = make_result(
        make_cell(REGRESSED, [with_series(run) for run in make_runs((70, 70.1, 70.2, 70.1, 70))]),
        make_cell(KILLED, [with_series(make_oom(output_tail="about to hold <everything>"))] * 5),
        *(make_cell(cell_id) for cell_id in others),
        make_cell(SMALL, [make_measurement(10)] * 5),
    )
    baselines = make_baselines(*(make_baseline(make_cell(cell.cell.id)) for cell in result.cells[:-1]))
    verdicts = judge(result, baselines, Rules(tolerances=TOLERANCES))
    return build_view(result, verdicts, exit_code=worst_exit_code(verdicts))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Yield a browser; skip where there is none, or fail if MEMCAP_REQUIRE promises one."""
    executable = find_chromium()
    if executable is None:
        require("chromium", available=False)
        raise AssertionError
    with Chromium(executable, tmp_path_factory.mktemp("profile")) as started:
        yield started


@pytest.fixture
def show(browser: Chromium, tmp_path: Path) -> Callable[..., Chromium]:
    """Return ``show(view, width=…, scheme=…)``: the browser with the report of a view, and no memory of others."""

    def show(view: View, *, width: int = DESK, scheme: str = "light") -> Chromium:
        path = tmp_path / "report.html"
        path.write_text(render_html(view), encoding="utf-8")
        browser.size(width, mobile=width < 500)
        browser.prefer(scheme)
        browser.complaints.clear()
        browser.requests.clear()
        seconds = browser.open(path.as_uri())
        print(f"{len(view.cells)} cells, {path.stat().st_size / 1e6:.1f} MB: loaded in {seconds:.2f} s")
        return browser

    return show


def open_cell(page: Chromium, cell_id: str) -> None:
    """Open a cell and wait until its charts are there."""
    page.evaluate(
        f"""new Promise((done) => {{
          const cell = document.getElementById('cell:{cell_id}');
          cell.open = true;
          const look = () => cell.querySelector('.charts svg') ? done() : setTimeout(look, 20);
          look();
        }})"""
    )


def test_an_open_cell_has_its_charts_without_a_complaint_or_a_request(show: Callable[..., Chromium]) -> None:
    page = show(a_view())
    overview = "document.querySelector('.overview svg').getBoundingClientRect()"
    assert page.evaluate(f"{overview}.width > 500 && {overview}.height > 60"), "at once"
    open_cell(page, REGRESSED)
    assert page.evaluate("document.querySelectorAll('.cell[open] .charts svg.chart').length") == 3
    text = page.evaluate("document.querySelector('.charts .tall').textContent")
    assert "cap 128.0 MiB" in text
    assert all(part in text for part in ("anon", "kernel", "file"))
    dots = "[...document.querySelectorAll('.charts > :nth-child(2) .dots')].map((each) => each.getAttribute('d'))"
    assert "".join(page.evaluate(dots)).count("h0") == 10, "five of the baseline, five measured"
    assert page.complaints == []
    assert {address.partition(":")[0] for address in page.requests} <= {"file", "data"}


def test_what_is_typed_and_pressed_filters(show: Callable[..., Chromium]) -> None:
    page = show(a_view())
    page.evaluate("document.getElementById('filter').focus()")
    for key in "OOM":
        page.press(key)
    assert page.evaluate(VISIBLE) == [KILLED]
    assert page.evaluate("document.getElementById('shown').textContent") == "1 of 13"
    page.evaluate("document.getElementById('clear').click()")
    page.evaluate("document.querySelector('.chip[data-state=regressed]').click()")
    assert page.evaluate(VISIBLE) == [REGRESSED]
    assert page.evaluate("document.querySelector('.chip[data-state=regressed]').ariaPressed") == "true"
    page.evaluate("document.getElementById('filter').focus()")
    page.press("q")
    assert page.evaluate(VISIBLE) == []
    assert page.evaluate("document.getElementById('none').checkVisibility()")
    assert page.complaints == []


@pytest.mark.parametrize(
    ("key", "first", "last"),
    [
        ("worst", REGRESSED, "agents.base_9-py312-128m"),
        ("id", "agents.base_0-py312-128m", KILLED),
        ("need", REGRESSED, KILLED),
        ("change", REGRESSED, SMALL),
    ],
)
def test_cells_are_sorted(show: Callable[..., Chromium], key: str, first: str, last: str) -> None:
    page = show(a_view())
    page.evaluate(f"sort.value = '{key}'; sort.dispatchEvent(new Event('change'))")
    ids = page.evaluate(VISIBLE)
    assert (ids[0], ids[-1]) == (first, last)
    assert len(ids) == 13


def test_a_cell_is_opened_by_keyboard_and_by_its_link(show: Callable[..., Chromium]) -> None:
    page = show(a_view())
    page.evaluate("document.getElementById('sort').focus()")
    page.press("Tab")
    page.press("Enter")
    assert page.evaluate("document.querySelector('.cell[open]').id") == f"cell:{REGRESSED}"
    page.evaluate(
        f"new Promise((done) => {{ addEventListener('hashchange', done); location.hash = 'cell:{KILLED}'; }})"
    )
    assert page.evaluate(f"document.getElementById('cell:{KILLED}').open")
    assert "the kernel killed 1 process" in page.evaluate(f"document.getElementById('cell:{KILLED}').innerText")
    assert "about to hold <everything>" in page.evaluate(f"document.getElementById('cell:{KILLED}').innerText")


def test_everything_that_is_operated_or_looked_at_has_a_name(show: Callable[..., Chromium]) -> None:
    page = show(a_view())
    open_cell(page, REGRESSED)
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    found: list[tuple[str, Any]] = [
        (node["role"]["value"], node.get("name", {}).get("value"))
        for node in nodes
        if not node["ignored"] and node["role"]["value"] in NAMED_ROLES
    ]
    assert {"button", "searchbox", "combobox", "DisclosureTriangle"} <= {role for role, _ in found}
    assert [role for role, name in found if not name] == []
    names = " ".join(str(name) for _, name in found)
    assert "peak in MiB, each run a point" in names
    assert "Memory over 0.4 seconds: at most 70.0 MiB of the cap of 128.0 MiB" in names


def test_a_matrix_that_is_too_wide_scrolls_by_itself(show: Callable[..., Chromium]) -> None:
    names = [f"py3{minor}-{cap}m" for minor in range(10, 16) for cap in (128, 256, 512)]
    cells = [make_cell(f"agents.{benchmark}-{name}") for benchmark in ("base", "llm") for name in names]
    page = show(build_view(make_result(*cells), (), exit_code=0), width=PHONE)
    assert page.evaluate("document.querySelector('.matrix').offsetWidth") > PHONE
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(show: Callable[..., Chromium], scheme: str) -> None:
    page = show(a_view(), width=PHONE, scheme=scheme)
    for cell_id in (REGRESSED, KILLED):
        open_cell(page, cell_id)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE
    shade = "(element) => getComputedStyle(element).backgroundColor.match(/\\d+/g).reduce((a, b) => a + +b, 0)"
    assert (page.evaluate(f"({shade})(document.body)") > 380) is (scheme == "light")


def test_without_javascript_figures_and_charts_are_there(tmp_path: Path, browser: Chromium) -> None:
    path = tmp_path / "report.html"
    path.write_text(render_html(a_view()), encoding="utf-8")
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path.as_uri())
        root = browser.call("DOM.getDocument", depth=0)["root"]["nodeId"]
        tables = browser.call("DOM.querySelectorAll", nodeId=root, selector=".cell table")["nodeIds"]
        assert len(tables) == 13, "of the cell that was killed, too: what it needed until then"
        text = browser.call("DOM.getOuterHTML", nodeId=tables[0])["outerHTML"]
        assert "70.1 MiB" in text
        charts = browser.call("DOM.querySelectorAll", nodeId=root, selector=".charts svg.chart")["nodeIds"]
        assert len(charts) > 13
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_hostile_names_run_nothing_and_the_policy_would_not_let_them(show: Callable[..., Chromium]) -> None:
    page = show(hostile_view("</script><img src=x onerror='window.evil=1'>", VerdictState.REGRESSED))
    page.evaluate("document.querySelectorAll('details').forEach((cell) => { cell.open = true; })")
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert page.complaints == []
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.evil=1'}))"
    )
    assert page.evaluate("window.evil === undefined")
    assert any("Content Security Policy" in complaint for complaint in page.complaints)


def test_a_thousand_cells(show: Callable[..., Chromium]) -> None:
    page = show(view_of_many(1000, VerdictState.UNCHANGED))
    assert page.evaluate("document.getElementById('shown').textContent") == "1000 of 1000"
    assert page.evaluate("document.querySelectorAll('.cell table').length") == 0, "what is closed is not even parsed"
    assert page.complaints == []


def test_brief_cells_are_made_when_they_are_needed(show: Callable[..., Chromium]) -> None:
    page = show(view_of_many(1500, VerdictState.UNCHANGED))
    page.evaluate("document.getElementById('filter').value = 'benchmark_1499'")
    page.evaluate("document.getElementById('filter').dispatchEvent(new Event('input'))")
    assert page.evaluate("document.getElementById('shown').textContent") == "1 of 1500"
    assert page.evaluate(VISIBLE) == ["agents.benchmark_1499-py312-128m"]
    page.evaluate("document.getElementById('cell:agents.benchmark_1499-py312-128m').open = true")
    page.evaluate("new Promise((done) => setTimeout(done, 100))")
    assert page.evaluate("document.querySelectorAll('.cell[open] table tbody tr').length") == 5
    assert page.evaluate("new Set([...document.querySelectorAll('.cell')].map((cell) => cell.id)).size") == 1500
    assert page.complaints == []


def test_a_link_opens_a_brief_cell(show: Callable[..., Chromium]) -> None:
    page = show(view_of_many(1500, VerdictState.UNCHANGED))
    page.evaluate("location.hash = '#cell:agents.benchmark_999-py312-128m'")
    page.evaluate("new Promise((done) => setTimeout(done, 200))")
    assert page.evaluate("document.querySelector('.cell[open]').id") == "cell:agents.benchmark_999-py312-128m"
