"""What all formats have in common, and the text that each of them makes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from views import hostile_view, view_of_every_verdict

from factories import MIB, make_cell, make_result, make_runs
from memcap.errors import UsageError
from memcap.model import NO_CAP_BYTES, UNCAPPED, Cap, Moment, VerdictState
from memcap.report.check import check_document
from memcap.report.formats import FORMATS, Format, find_format
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.report.view import View, build_view
from memcap.units import format_bytes

# The others have golden files, or tests, of their own.
GOLDEN = (
    "markdown", "github", "junit", "csv", "bencher", "benchmark-action", "pytest-benchmark", "openmetrics",
    "prometheus", "trace",
)  # fmt: skip
# No terminal reads HTML, which holds a library as it is; tests/unit/report/test_html.py looks at the rest.
FOR_TERMINALS = tuple(each for each in FORMATS if each.name != "html")
NO_LIMITS = (NO_CAP_BYTES, 2**63 - 4096)  # as stored by memcap, and as cgroup v1 and Docker spell it
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


def render_terminal(view: View, *, width: int = 80, verbose: bool = False, show_output: bool = False) -> str:
    document = check_document(view, verbose=verbose, show_output=show_output)
    return to_terminal(document, Terminal(width=width, verbose=verbose))


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


def test_a_format_of_several_results_says_where_it_is() -> None:
    with pytest.raises(UsageError, match="of several results") as raised:
        find_format("otava")
    assert "memcap report" in raised.value.remedy


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


@pytest.mark.parametrize("piece", ["x\n", "\U000e0001", "<@%", "`|", "=1,"])
def test_no_format_grows_with_what_a_workload_writes(piece: str) -> None:
    """A view quotes one text in some twenty places, each of which shows a part of it."""
    view, longer = (hostile_view(piece * size, VerdictState.REGRESSED) for size in (100_000, 500_000))
    for chosen in FORMATS:
        size = len(chosen.render(view).encode())
        assert size < (16 if chosen.file.endswith(".json") else 2) * MIB
        assert abs(len(chosen.render(longer).encode()) - size) < 1024  # the number of characters
    assert len(render_terminal(longer, width=100, verbose=True, show_output=True)) < MIB


@pytest.mark.parametrize("name", [each.name for each in FORMATS if each.file.endswith(".json")])
@given(text=st.text(max_size=40))
def test_json_is_ascii_and_can_be_read(name: str, text: str) -> None:
    document = find_format(name).render(hostile_view(text))
    assert document.isascii()
    assert json.loads(document)


@pytest.mark.parametrize("size", NO_LIMITS)
@pytest.mark.parametrize("chosen", FORMATS, ids=lambda each: each.name)
def test_no_format_shows_a_number_for_a_cap_that_is_none(chosen: Format, size: int) -> None:
    text = chosen.render(_uncapped(size))
    assert "agents.crew" in text or not text  # GitHub is told of what is wrong alone
    assert str(size) not in text
    assert format_bytes(size) not in text


def test_what_each_format_has_instead() -> None:
    view = _uncapped(NO_CAP_BYTES)
    texts = {each.name: each.render(view) for each in FORMATS}
    header, row, *_ = texts["csv"].splitlines()
    (cell,) = json.loads(texts["json"])["cells"]
    (timed,) = json.loads(texts["pytest-benchmark"])["benchmarks"]

    assert dict(zip(header.split(","), row.split(","), strict=True))["cap_bytes"] == ""
    assert cell["cap_bytes"] is None
    assert timed["extra_info"]["cap_bytes"] is None
    assert "cap: uncapped" in json.loads(texts["benchmark-action"])[0]["extra"]
    assert "Peak unreclaimable memory: 61.6 MiB (uncapped)" in " ".join(texts["terminal"].split())
    assert "without a cap" in texts["html"]


def _uncapped(size: int) -> View:
    moments = (Moment(seconds=float(at), usage=MIB, anon=MIB, file=0, shmem=0, kernel=0, low=MIB) for at in range(3))
    first, *others = make_runs()
    runs = replace(first, cap_bytes=size, series=tuple(moments)), *others
    cell = make_cell("agents.crew-host-uncapped", runs, cap=Cap(name=UNCAPPED, bytes=size))
    return build_view(make_result(cell), is_judged=False)


def _controls(text: str) -> set[str]:
    return {character for character in text if not character.isprintable() and character != "\n"}
