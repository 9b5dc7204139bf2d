"""The page of a soak in a real browser: a chart without JavaScript, in both themes, and nothing sticks out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.chromium import Chromium, find_chromium
from integration.promises import require
from soaks import make_calls, make_soak, recorded, stretched

from factories import MIB, make_oom
from memcap.report.soak import soak_document
from memcap.report.to_html import to_html
from memcap.soaking import SoakOutcome

PHONE, DESK = 360, 1280
CHART = "document.querySelector('figure svg.chart')"
SOAKS = {
    "leak": make_calls(stretched(recorded("leak_and_cycles"), 30), name="python app.py " * 20),
    "cache": make_soak(recorded("lru_cache")),
    "killed": make_soak(recorded("leak_bytes"), cap_bytes=12 * MIB, measurement=make_oom(output_tail="last words")),
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chromium]:
    """Yield a browser without JavaScript; skip where there is none, or fail if MEMCAP_REQUIRE promises one."""
    executable = find_chromium()
    if executable is None:
        require("chromium", available=False)
        raise AssertionError
    with Chromium(executable, tmp_path_factory.mktemp("profile"), javascript=False) as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("outcome", SOAKS.values(), ids=SOAKS)
def test_the_chart_is_drawn_and_nothing_sticks_out(
    browser: Chromium, tmp_path: Path, outcome: SoakOutcome, width: int, scheme: str
) -> None:
    path = tmp_path / "index.html"
    path.write_text(to_html(soak_document(outcome)), encoding="utf-8")
    browser.size(width, mobile=width < 500)
    browser.prefer(scheme)
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(path.as_uri())

    assert browser.complaints == []
    assert [address for address in browser.requests if address != path.as_uri()] == []
    assert browser.evaluate(f"{CHART}.getBoundingClientRect().height") >= 200
    assert browser.evaluate(f"{CHART}.querySelectorAll('path').length") >= 4
    assert browser.evaluate(f"{CHART}.getAttribute('aria-label')").startswith("Unreclaimable memory over ")
    assert browser.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    outside = f"""[...{CHART}.querySelectorAll('text')].filter((text) => {{
      const box = text.getBoundingClientRect();
      return box.left < 0 || box.right > document.documentElement.clientWidth;
    }}).map((text) => text.textContent)"""
    assert browser.evaluate(outside) == []
