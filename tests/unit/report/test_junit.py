"""JUnit XML as parsers and Jenkins' schema want it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from junitparser import JUnitXml
from views import hostile_view, view_of_every_verdict, view_of_many

from factories import make_cell, make_result
from memcap.model import Verdict, VerdictState
from memcap.report.bencher import render_bencher
from memcap.report.github import render_github
from memcap.report.junit import render_junit
from memcap.report.view import build_view

# What junit-10.xsd of Jenkins' xUnit plugin allows, in our words: attributes (those with * must be there), children.
SCHEMA = {
    "testsuites": ({"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name*", "tests*", "failures*", "errors*", "skipped", "time", "timestamp", "hostname", "id", "package"},
        {"properties", "testcase", "system-out", "system-err"},
    ),
    "properties": (set(), {"property"}),
    "property": ({"name*", "value*"}, set()),
    "testcase": ({"name*", "time", "classname"}, {"skipped", "error", "failure", "system-out", "system-err"}),
    "failure": ({"type", "message"}, set()),
    "error": ({"type", "message"}, set()),
    "skipped": ({"type", "message"}, set()),
    "system-out": (set(), set()),
}
# https://www.w3.org/TR/xml/#charsets
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def keeps_to_schema(element: ET.Element) -> bool:
    attributes, children = SCHEMA[element.tag]
    required = {name[:-1] for name in attributes if name.endswith("*")}
    return (
        required <= set(element.attrib) <= {name.rstrip("*") for name in attributes}
        and {child.tag for child in element} <= children
        and all(map(keeps_to_schema, element))
    )


def test_it_keeps_to_the_schema() -> None:
    assert keeps_to_schema(ET.fromstring(render_junit(view_of_every_verdict())))


@given(st.text(max_size=60))
def test_any_text_gives_xml_without_illegal_characters(text: str) -> None:
    document = render_junit(hostile_view(text))
    assert not ILLEGAL.search(document)
    assert keeps_to_schema(ET.fromstring(document))


def test_a_cell_that_should_have_been_judged_is_an_error() -> None:
    for is_unjudged in (True, False):
        new = Verdict(cell_id="s.b-py312-128m", state=VerdictState.NEW, summary="no baseline", is_unjudged=is_unjudged)
        view = build_view(make_result(make_cell(new.cell_id)), [new])
        assert ET.fromstring(render_junit(view)).attrib["errors"] == str(int(is_unjudged))
        assert ("::error" in render_github(view)) is is_unjudged


def test_the_folder_of_a_project_is_in_the_names() -> None:
    view = view_of_many(1, VerdictState.UNCHANGED)
    cell = view.cells[0].id
    known = replace(view, project="services/api", not_measured=("streams.later-py312-128m",))
    names = [
        (suite.name, {case.classname for case in suite}, {case.name for case in suite})
        for suite in JUnitXml.fromstring(render_junit(known).encode())
    ]
    assert names == [
        ("memcap.services/api.agents", {"memcap.services/api.agents"}, {cell}),
        ("memcap.services/api.streams", {"memcap.services/api.streams"}, {"streams.later-py312-128m"}),
    ]
    assert list(json.loads(render_bencher(known))) == [f"services/api/{cell}"]
    assert list(json.loads(render_bencher(view))) == [cell]


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (VerdictState.REGRESSED, "Failure"),
        (VerdictState.BUDGET_BROKEN, "Failure"),
        (VerdictState.ENDING_CHANGED, "Error"),
        (VerdictState.WORKLOAD_FAILED, "Error"),
        (VerdictState.INFRASTRUCTURE, "Error"),
        (VerdictState.GONE, "Error"),
        (VerdictState.UNDECIDED, "Skipped"),
        (VerdictState.NOT_ENOUGH_DATA, "Skipped"),
        (VerdictState.INCOMPARABLE, "Skipped"),
        (VerdictState.NEW, None),
        (VerdictState.IMPROVED, None),
        (VerdictState.UNCHANGED, None),
    ],
)
def test_a_parser_finds_each_verdict(state: VerdictState, kind: str | None) -> None:
    (suite,) = JUnitXml.fromstring(render_junit(view_of_many(1, state)).encode())
    (case,) = suite
    assert (case.name, case.classname) == ("agents.benchmark_0-py312-128m", "memcap.agents")
    assert [type(each).__name__ for each in case.result] == ([kind] if kind else [])
    assert all(each.message == f"{case.name} is so" for each in case.result)


def test_figures_are_properties_and_counts_are_right() -> None:
    first, second = JUnitXml.fromstring(render_junit(view_of_every_verdict()).encode())
    properties = {each.name: each.value for each in first.properties()}  # type: ignore[no-untyped-call]
    assert properties["agents.regressed-py312-128m/peak"] == "73505177"
    assert properties["agents.ending_changed-py312-128m/oom_kills"] == "1"
    assert (first.tests, first.failures, first.errors, first.skipped) == (12, 2, 4, 3)
    assert [case.name for case in second] == ["streams.later-py312-128m"], "planned, not measured"
