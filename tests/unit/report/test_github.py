"""Workflow commands as the runner of GitHub Actions reads them."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from views import hostile_view, view_of_every_verdict, view_of_many

from memcap.model import VerdictState
from memcap.report.github import Place, render_github, verdict_word

COMMAND = re.compile(r"::(?P<kind>error|warning|notice) (?P<properties>.*?)::(?P<message>.*)")
ESCAPES = {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}


def read(line: str) -> tuple[str, dict[str, str], str]:
    """Return kind, properties and message of one line, in the order in which the runner takes it apart."""
    match = COMMAND.fullmatch(line)
    assert match, line
    pairs = (pair.split("=", 1) for pair in match["properties"].split(","))
    return match["kind"], {name: unescape(value) for name, value in pairs}, unescape(match["message"])


def unescape(text: str) -> str:
    return re.sub("%(?:0D|0A|3A|2C|25)", lambda match: ESCAPES[match.group()], text)


@given(st.text(alphabet=st.one_of(st.sampled_from("%:,=\r\n#[]::"), st.characters()), max_size=30))
def test_any_text_stays_within_its_command(text: str) -> None:
    view = hostile_view(text)
    lines = render_github(view, {view.cells[0].id: Place(file=text or "f", line=3)}).splitlines()
    kinds = [read(line)[0] for line in lines]
    assert kinds == ["error", "warning"]
    assert all(set(read(line)[1]) == {"file", "line", "title"} for line in lines)


def test_a_percent_sign_survives() -> None:
    (line,) = render_github(hostile_view("100%0A")).splitlines()[:1]
    assert read(line)[2] == "100%0A\n100%0A"


def test_a_cell_is_annotated_where_its_benchmark_is_written() -> None:
    view = view_of_many(1, VerdictState.REGRESSED)
    text = render_github(view, {view.cells[0].id: Place(file="suites/agents/suite.toml", line=131)})
    kind, properties, message = read(text.rstrip("\n"))
    assert kind == "error"
    assert properties == {
        "file": "suites/agents/suite.toml",
        "line": "131",
        "title": "memcap: regressed: agents.benchmark_0-py312-128m",
    }
    assert message == "agents.benchmark_0-py312-128m is so\nDo something."


def test_ten_of_a_kind_are_not_followed_by_an_eleventh() -> None:
    assert "more" not in render_github(view_of_many(10, VerdictState.REGRESSED))
    lines = render_github(view_of_many(25, VerdictState.UNDECIDED)).splitlines()
    assert len(lines) == 10
    assert read(lines[-1])[1] == {"title": "memcap: 16 more"}


def test_the_verdict_is_that_of_the_worst_cell() -> None:
    assert verdict_word(view_of_every_verdict()) == "regressed"
    assert verdict_word(view_of_many(2, VerdictState.UNCHANGED)) == "unchanged"
    assert verdict_word(replace(view_of_every_verdict(), counts=())) == "nothing judged"
