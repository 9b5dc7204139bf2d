"""Markdown as GitHub's own parser reads it."""

from __future__ import annotations

import html as entities
import re

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given
from hypothesis import strategies as st
from views import hostile_view, view_of_every_verdict, view_of_many

from memcap.model import VerdictState
from memcap.report.check import check_comment, check_markdown
from memcap.report.markdown_text import code, fence_end, html_code, prose, row
from memcap.report.to_markdown import COMMENT_LIMIT
from memcap.untrusted import printable

# What the parser may make of a text that is not meant as markup, and what GitHub then looks for outside of code.
_LIVE = re.compile(r"<(?:a|img|script|em|strong|del|h\d|ul|ol|li|table|input|hr)\b", re.IGNORECASE)
_CALLS = re.compile(r"(?<![\w])[@#]\w")
PIECES = [*"ab1 .:/-_*~`|\\<>&@#[]()!+='\"\n\té", "www.", "http://", "&amp;", "<b>", "](", "@me", "#1", "\x1b", ":-:"]
MARKUP = st.lists(st.sampled_from(PIECES), max_size=20).map("".join)


def html(markdown: str) -> str:
    return str(cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE))


def shown(rendered: str) -> str:
    return entities.unescape(re.sub(r"<[^>]*>", "", rendered))


@given(MARKUP)
def test_code_shows_its_text_and_nothing_in_it_works(text: str) -> None:
    rendered = html(f"x {code(text)} y")
    assert not _LIVE.search(rendered)
    assert re.fullmatch(r"<p>x <code>([^<>]|<span>[@#]</span>)*</code> y</p>\n", rendered)
    assert shown(rendered).split() == f"x {printable(text)} y".split()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("app.py", "`app.py`"),
        ("grep '\\d' `ls`", "`` grep '\\d' `ls` ``"),
        ("``` a", "```` ``` a ````"),
        ("a\n\x1b", "`a\\n\\x1b`"),
        ("a | b", "<code>a &#124; b</code>"),
        (" a", "<code> a</code>"),
    ],
)
def test_code_is_a_span_where_one_shows_the_same(text: str, written: str) -> None:
    assert code(text) == written
    assert shown(html(f"- {written}: x")).strip() == f"{printable(text)}: x".strip()


@given(MARKUP)
def test_prose_shows_its_text_and_nothing_in_it_works(text: str) -> None:
    rendered = html(f"Seen: {prose(text)}")
    assert not _LIVE.search(rendered)
    assert not _CALLS.search(re.sub(r"<span>[@#]</span>", "", rendered).replace("&#", ""))
    assert shown(rendered).split() == f"Seen: {printable(text)}".split()


@given(st.lists(MARKUP, min_size=1, max_size=5), st.lists(MARKUP, min_size=1, max_size=3))
def test_a_row_has_as_many_cells_as_the_table(names: list[str], others: list[str]) -> None:
    lines = [row("cell", *others_titles(others)), row("---", *("---" for _ in others))]
    rendered = html("\n".join([*lines, *(row(code(name), *map(prose, others)) for name in names)]))
    rows = re.findall(r"<tr>(.*?)</tr>", rendered, re.DOTALL)
    assert len(rows) == len(names) + 1
    assert {len(re.findall("<t[dh]", each)) for each in rows} == {len(others) + 1}
    assert not re.search(r"<(?:a|img|em|strong|del)\b", rendered)


def others_titles(others: list[str]) -> list[str]:
    return [f"column {number}" for number, _ in enumerate(others)]


@given(st.text(alphabet=list("a`~\n <>|"), max_size=60))
def test_a_fence_is_left_by_nothing_in_it(text: str) -> None:
    rendered = html(f"before\n\n{fence_end(text, most_lines=5)}\n\nafter")
    assert rendered.count("<code") == 1
    assert rendered.endswith("</code></pre>\n<p>after</p>\n")


@given(MARKUP)
def test_code_in_a_summary_is_html(text: str) -> None:
    rendered = html(f"<details><summary>{html_code(text)}</summary>\n\n**bold**\n\n</details>")
    assert "<strong>bold</strong>" in rendered
    assert not re.search(r"<(?:a|img|em|del|script)\b", rendered)


@given(MARKUP)
def test_a_hostile_view_has_one_table_and_all_its_folds(text: str) -> None:
    rendered = html(check_markdown(hostile_view(text, VerdictState.REGRESSED)))
    assert rendered.count("<details>") == rendered.count("</details>") == 4
    assert not re.search(r"<(?:a|img|em|del|script|h\d)\b", rendered)
    rows = [re.findall("<t[dh]", each) for each in re.findall(r"<tr>(.*?)</tr>", rendered, re.DOTALL)]
    assert [len(each) for each in rows] == [6, 6, 7, 7]


def test_the_verdict_comes_first_and_the_worst_on_top() -> None:
    lines = check_markdown(view_of_every_verdict()).splitlines()
    assert lines[0].startswith("**❌ memcap: Failed: 1 regressed")
    cells = [line for line in lines if line.startswith("| `agents.")]
    assert cells[0].startswith("| `agents.regressed-py312-128m` | ❌ regressed |")


def test_many_fine_cells_are_folded() -> None:
    text = check_markdown(view_of_many(21, VerdictState.UNCHANGED))
    assert "<summary>21 cells that are fine</summary>" in text
    assert "Left out" not in text


@pytest.mark.parametrize("state", [VerdictState.UNCHANGED, VerdictState.REGRESSED])
def test_a_limit_is_kept_and_what_is_left_out_is_named(state: VerdictState) -> None:
    view = view_of_many(1000, state)
    for limit in (5_000, COMMENT_LIMIT):
        text = check_markdown(view, limit=limit)
        assert limit * 0.4 < len(text.encode()) <= limit
        assert "**Left out to stay within" in text
        assert html(text).count("<details>") == html(text).count("</details>")
    assert check_comment(view) == text


def test_nothing_is_left_out_of_what_fits() -> None:
    assert check_comment(view_of_every_verdict()) == check_markdown(view_of_every_verdict())
    assert "Left out" not in check_comment(view_of_every_verdict())


def test_what_is_fine_is_left_out_first() -> None:
    text = check_markdown(view_of_every_verdict(), limit=2_300)
    assert "`agents.regressed-py312-128m`" in text
    assert "`agents.unchanged-py312-128m`" not in text
