"""What all formats have in common, and the text that each of them makes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import hostile_view, view_of_every_verdict

from memcap.errors import UsageError
from memcap.model import VerdictState
from memcap.report.formats import FORMATS, Format, find_format

# The others have golden files, or tests, of their own.
GOLDEN = ("markdown", "github", "junit", "csv", "bencher", "benchmark-action", "pytest-benchmark")
# No terminal reads HTML, which holds a library as it is; tests/unit/report/test_html.py looks at the rest.
FOR_TERMINALS = tuple(each for each in FORMATS if each.name != "html")
ATTACKS = (
    "\x1b[2J\x1b]0;title\x07",
    "\u202egnp.exe\u2066",
    "a\r\n::error::injected\r\n##[error]injected",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "]]></system-out><!-- & \x00\ufffe\ud800",
    '=HYPERLINK("http://evil.example")\n+1\n@SUM(A1)\t-2',
    "a|b\\|c `code` ``` ````\n| --- |\n</details>",
    "@octocat #1 [link](http://evil.example) ![image](http://evil.example/i.png) www.evil.example GH-1",
)


@pytest.mark.parametrize("name", GOLDEN)
def test_every_verdict(golden: Callable[[str, str], None], name: str) -> None:
    chosen = find_format(name)
    golden(f"report/every-verdict/{chosen.file or 'github.txt'}", chosen.render(view_of_every_verdict()))


def test_names_and_files_are_unique() -> None:
    names = [each.name for each in FORMATS]
    files = [each.file for each in FORMATS if each.file]
    assert len(set(names)) == len(names)
    assert len(set(files)) == len(files)


def test_a_misspelt_format_names_the_nearest() -> None:
    with pytest.raises(UsageError) as raised:
        find_format("jnuit")
    assert "'junit'" in raised.value.remedy


def test_what_is_not_installed_is_told_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memcap.report.formats.find_spec", lambda name: None)
    assert find_format("csv").name == "csv"
    with pytest.raises(UsageError, match="html reports need packages") as raised:
        find_format("html")
    assert "memcap[report]" in raised.value.remedy


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("chosen", FOR_TERMINALS, ids=lambda each: each.name)
def test_no_format_hands_on_what_a_terminal_would_obey(chosen: Format, attack: str) -> None:
    for state in VerdictState:
        text = chosen.render(hostile_view(attack, state))
        assert _controls(text) == set()


@given(st.text(max_size=40))
def test_nor_does_any_format_for_any_text(text: str) -> None:
    view = hostile_view(text)
    for chosen in FOR_TERMINALS:
        assert _controls(chosen.render(view)) == set()


@pytest.mark.parametrize("name", [each.name for each in FORMATS if each.file.endswith(".json")])
@given(text=st.text(max_size=40))
def test_json_is_ascii_and_can_be_read(name: str, text: str) -> None:
    document = find_format(name).render(hostile_view(text))
    assert document.isascii()
    assert json.loads(document)


def _controls(text: str) -> set[str]:
    return {character for character in text if not character.isprintable() and character != "\n"}
