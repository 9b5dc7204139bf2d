"""A diff in all its forms: what it says, and that texts of others are shown and never obeyed."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st
from profiles import MIB, frame, make_profile, site

from memcap.model import Caveat, CaveatKind, Frame
from memcap.profile_diff import Explanation, ProfileDiff, diff_profiles
from memcap.report.diff import diff_document, explanation_blocks, told
from memcap.report.diff_json import render_diff_json
from memcap.report.diff_sarif import render_diff_github, render_diff_sarif
from memcap.report.document import document
from memcap.report.github import Place
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import to_terminal

MAIN = frame(90, "<module>")
PIECES = [
    *"ab1 /-_*~`|\\<>&@#[]{}()!='\"\n\r\té", "</title>", "<script>", "&lt;", "www.", "http://a", "](", "@me", "#1",
    "::error::", "%0A", "{0}", "\x1b[31m", "\u202e", "\ud800", "]]>", "</svg>", "-->",
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def render_diff(diff: ProfileDiff, *, top: int, stacks: bool = False) -> str:
    return to_terminal(diff_document(diff, top=top, stacks=stacks))


def known() -> ProfileDiff:
    """Return a diff of which it is known: +16 MiB at an edited line, one gone, one moved, one anew inside json."""
    decoder = frame(353, "raw_decode", "/usr/lib/python3.12/json/decoder.py")
    before = make_profile(
        site(4 * MIB, frame(10), MAIN),
        site(2 * MIB, frame(12, "keep"), MAIN),
        site(3 * MIB, frame(30, "cache"), MAIN),
        texts={frame(10): "data = bytes(4 << 20)", frame(12, "keep"): "rows.append(row)", MAIN: "main()"},
        rest_bytes=2048,
    )
    after = make_profile(
        site(20 * MIB, frame(10), MAIN, count=5),
        site(2 * MIB, frame(22, "keep"), MAIN),
        site(1 * MIB, decoder, frame(40, "parse"), MAIN),
        texts={
            frame(10): "data = bytes(20 << 20)",
            frame(22, "keep"): "rows.append(row)",
            frame(40, "parse"): "return json.loads(text)",
            MAIN: "main()",
        },
        rest_bytes=1024,
        id="20261120T090000-profile-0002",
    )
    return diff_profiles(before, after)


def hostile(text: str) -> ProfileDiff:
    """Return a diff whose every text is ``text``."""
    odd = Frame(file=f"/app/{text}", line=3, function=text or "f")
    other = Frame(file=f"/lib/python3.12/{text}.py", line=4, function=text)
    caveat = Caveat(kind=CaveatKind.NOT_RECORDED, detail=text)
    before = make_profile(site(MIB, odd, MAIN), texts={odd: f"a = 1 {text}"}, subject=text, caveats=(caveat,))
    after = make_profile(
        site(9 * MIB, other, odd, MAIN), site(MIB, other), texts={odd: f"a = 2 {text}", other: text},
        subject=text, image=text, python=text,
    )  # fmt: skip
    return diff_profiles(before, after)


def test_text_of_80_columns_with_rows_that_add_up() -> None:
    text = render_diff(known(), top=2)

    assert max(map(len, text.splitlines())) <= 80
    assert text.startswith("memray counted 14.0 MiB more after (23.0 MiB) than before (9.0 MiB).")
    rows = re.findall(r"^ *([+-]?[\d.]+ \w+) +([\d.]+ \w+) +([\d.]+ \w+)  (.*)$", text, re.MULTILINE)
    assert rows == [
        ("+16.0 MiB", "4.0 MiB", "20.0 MiB", "/app/work.py:10 load"),
        ("-3.0 MiB", "3.0 MiB", "0 B", "/app/work.py:30 cache"),
        ("+1.0 MiB", "2.0 MiB", "3.0 MiB", "all other lines"),
        ("-1.0 KiB", "2.0 KiB", "1.0 KiB", "sites too small to be listed"),
        ("+14.0 MiB", "9.0 MiB", "23.0 MiB", "total"),
    ]
    assert "was: data = bytes(4 << 20)" in text
    assert "1 -> 5 allocations" in text
    assert "PROFILED with memray 1.20.0" in text


def test_whole_stacks() -> None:
    text = render_diff(known(), top=1, stacks=True)

    assert "  /app/work.py:10 load\n" in text
    assert f"{' ' * 30}/app/work.py:90 <module>\n" in text
    assert f"{'all other stacks'}" in text


def test_of_a_long_line_that_was_edited_the_difference_is_shown() -> None:
    line, text = frame(10), "rows = [json.loads(text) for text in lines_of(path, encoding='utf-8')][:{}]"
    before = make_profile(site(MIB, line), texts={line: text.format(8)})
    after = make_profile(site(2 * MIB, line), texts={line: text.format(1000)})
    shown = render_diff(diff_profiles(before, after), top=1).splitlines()

    assert "…='utf-8')][:1000]" in [line.strip() for line in shown]
    assert "was: …='utf-8')][:8]" in [line.strip() for line in shown]


def test_the_sentence_names_the_fall_where_less_is_needed() -> None:
    before = make_profile(site(5 * MIB, frame(10)), site(MIB, frame(20)))
    diff = diff_profiles(before, make_profile(site(2 * MIB, frame(10)), site(2 * MIB, frame(20))))

    assert told(diff) == (
        "memray counted 2.0 MiB less after (4.0 MiB) than before (6.0 MiB). "
        "The largest fall is -3.0 MiB at /app/work.py:10 in load."
    )


def test_the_sentence_where_nothing_changed() -> None:
    profile = make_profile(site(MIB, frame(10)))

    assert told(diff_profiles(profile, profile)) == (
        "Nothing changed: memray counted 1.0 MiB on both sides, of the same lines."
    )


def test_json_adds_up_exactly() -> None:
    found = json.loads(render_diff_json(known(), top=9))

    unlisted = found["unlisted_after_bytes"] - found["unlisted_before_bytes"]
    assert sum(line["delta_bytes"] for line in found["lines"]) + unlisted == found["delta_bytes"]
    assert found["delta_bytes"] == found["total_after_bytes"] - found["total_before_bytes"] == 14 * MIB - 1024
    assert [line["change"] for line in found["lines"]] == ["grew", "new", "gone"]
    assert found["lines"][1]["inside"] == "/usr/lib/python3.12/json/decoder.py:353"
    assert {tuple(each["function"] for each in stack["stack"]) for stack in found["stacks"]} == {
        ("load", "<module>"),
        ("raw_decode", "parse", "<module>"),
        ("cache", "<module>"),
    }


def test_annotations_stand_at_the_lines_of_the_repository() -> None:
    text = render_diff_github(known(), top=9, places={frame(10): Place(file="src/work.py", line=10)})

    first, second = text.splitlines()
    assert first.startswith("::warning file=src/work.py,line=10,title=memcap%3A +16.0 MiB allocated here::+16.0 MiB")
    assert second.startswith("::warning title=memcap%3A +1.0 MiB allocated here::/app/work.py:40 parse: ")


# What the schema of SARIF 2.1.0 requires of the objects that are written, and the properties that it knows of them.
KNOWN: dict[str, tuple[set[str], set[str]]] = {
    "log": ({"version", "runs"}, {"$schema"}),
    "run": ({"tool"}, {"results", "columnKind", "properties"}),
    "driver": ({"name"}, {"semanticVersion", "rules"}),
    "rule": ({"id"}, {"shortDescription", "fullDescription", "help", "defaultConfiguration"}),
    "result": (
        {"message"},
        {"ruleId", "ruleIndex", "level", "locations", "partialFingerprints", "properties", "stacks"},
    ),
    "location": (set(), {"physicalLocation", "logicalLocations"}),
    "physicalLocation": ({"artifactLocation"}, {"region"}),
    "artifactLocation": (set(), {"uri", "uriBaseId"}),
    "region": (set(), {"startLine", "snippet"}),
    "logicalLocation": (set(), {"name", "kind"}),
    "stack": ({"frames"}, {"message"}),
}


def fits(value: dict[str, Any], kind: str) -> dict[str, Any]:
    required, optional = KNOWN[kind]
    assert required <= value.keys() <= required | optional, kind
    return value


def check_location(value: dict[str, Any]) -> None:
    physical = fits(fits(value, "location")["physicalLocation"], "physicalLocation")
    uri = fits(physical["artifactLocation"], "artifactLocation")["uri"]
    assert re.fullmatch(r"(file:///)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})*", uri), uri
    if "region" in physical:
        assert fits(physical["region"], "region")["startLine"] >= 1
    for logical in value["logicalLocations"]:
        assert fits(logical, "logicalLocation")["name"]


def check_sarif(text: str) -> list[dict[str, Any]]:
    log = fits(json.loads(text), "log")
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = fits(fits(run, "run")["tool"]["driver"], "driver")["rules"]
    assert run["columnKind"] in ("utf16CodeUnits", "unicodeCodePoints")
    for rule in rules:
        fits(rule, "rule")
    for result in run["results"]:
        fits(result, "result")
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        for location in result["locations"]:
            check_location(location)
        for stack in result.get("stacks", []):
            for each in fits(stack, "stack")["frames"]:
                check_location(each["location"])
    found: list[dict[str, Any]] = run["results"]
    return found


def test_sarif_has_the_lines_that_grew() -> None:
    place = Place(file="src/my work.py", line=10)
    grew, anew = check_sarif(render_diff_sarif(known(), top=9, places={frame(10): place}))

    assert (grew["ruleId"], anew["ruleId"]) == ("memcap/allocates-more", "memcap/allocates-anew")
    assert grew["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "src/my%20work.py", "uriBaseId": "%SRCROOT%"},
        "region": {"startLine": 10, "snippet": {"text": "data = bytes(20 << 20)"}},
    }
    assert anew["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///app/work.py"}
    assert grew["properties"]["deltaBytes"] == 16 * MIB
    assert len(anew["stacks"][0]["frames"]) == 3


def test_a_line_that_moves_is_the_same_alert() -> None:
    old, moved = frame(10), frame(20)
    first, second = (
        check_sarif(render_diff_sarif(
            diff_profiles(make_profile(), make_profile(site(MIB, line), texts={line: "data = load()"})),
            top=1, places={},
        ))[0]["partialFingerprints"]
        for line in (old, moved)
    )  # fmt: skip
    assert first == second


def test_lines_that_hardly_grew_are_no_alerts() -> None:
    diff = diff_profiles(make_profile(), make_profile(site(60_000, frame(10))))

    assert check_sarif(render_diff_sarif(diff, top=9, places={})) == []
    assert render_diff_github(diff, top=9, places={}) == ""


class Page(HTMLParser):
    """The elements of a page with their attributes' names, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, tuple[str, ...]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, tuple(name for name, _ in attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_each_box_in_words() -> None:
    page = Page(to_html(diff_document(known(), top=9)))

    assert "/app/work.py:10 load\ndata = bytes(20 << 20)\n+16.0 MiB (4.0 MiB before, 20.0 MiB after, +400%): grew" in (
        page.text
    )
    assert "-3.0 MiB (3.0 MiB before, 0 B after): gone" in page.text
    assert "+1.0 MiB (0 B before, 1.0 MiB after): new" in page.text
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "a", "img", "iframe", "object"}
    assert {name for tag, names in page.elements if tag != "link" for name in names}.isdisjoint({"href", "src"})


@settings(max_examples=40)
@given(HOSTILE)
def test_texts_of_others_stay_texts_in_the_page(text: str) -> None:
    page = Page(to_html(diff_document(hostile(text), top=9)))
    tags = {tag for tag, _ in page.elements}

    assert not tags & {"script", "a", "img"}
    assert sum(tag == "title" for tag, _ in page.elements) == 1 + sum(tag == "rect" for tag, _ in page.elements)
    assert all(line.isprintable() for line in page.text.splitlines())
    page.text.encode()


@settings(max_examples=100)
@given(HOSTILE)
def test_texts_of_others_stay_texts_in_markdown(text: str) -> None:
    explanation = Explanation(cell_id=text, base=text, diff=hostile(text))
    for markdown in (
        to_markdown(diff_document(hostile(text), top=9)),
        to_markdown(document("x", *explanation_blocks(explanation))),
    ):
        rendered = str(cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE))
        rows = re.findall(r"<tr>(.*?)</tr>", rendered, re.DOTALL)
        assert len(rows) >= 4
        assert {len(re.findall("<t[dh]", row)) for row in rows} == {4}
        assert not re.search(r"<(?:a|img|script|em|del|h\d|svg|title)\b", rendered)
        assert rendered.count("<details>") == markdown.count("<details>")


@settings(max_examples=100)
@given(HOSTILE)
def test_texts_of_others_stay_texts_everywhere_else(text: str) -> None:
    diff = hostile(text)
    explained = Explanation(cell_id=text, base=text, why_not=text)
    for shown in (
        render_diff(diff, top=9),
        render_diff(diff, top=9, stacks=True),
        to_terminal(document("x", *explanation_blocks(explained))),
    ):
        assert all(line.isprintable() for line in shown.split("\n"))
        shown.encode()
    commands = render_diff_github(diff, top=9, places={}).splitlines()
    assert commands
    assert all(re.match(r"::warning title=[^,:]*::", line) and line.isprintable() for line in commands)
    for result in check_sarif(render_diff_sarif(diff, top=9, places={})):
        assert not re.search(r"(?<!\\)\[|(?<!\{)\{(\{\{)*(?!\{)", result["message"]["text"])
    render_diff_json(diff, top=9).encode("ascii")


@pytest.mark.parametrize("text", ["a" * 500, "/very/long/" * 40])
def test_long_names_keep_the_width(text: str) -> None:
    lines = render_diff(hostile(text), top=9).splitlines()
    table = [line for line in lines if line.startswith(" " * 28) or re.match(r" *[+-]?[\d.]+ [KMG]?i?B ", line)]

    assert table
    assert max(map(len, table)) <= 80
