"""One document in each form: what it shows, and that texts of others stay texts."""

from __future__ import annotations

import io
import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import example, given
from hypothesis import strategies as st

from memcap.report.document import (
    Advice,
    Badge,
    Chart,
    Code,
    Column,
    Curve,
    Document,
    Facts,
    Fold,
    Level,
    Lines,
    Link,
    Mono,
    Note,
    Output,
    Overflow,
    Paragraph,
    Table,
    document,
)
from memcap.report.drawing import CapCurve, CapPoint, Flame, Flames, IntervalMark, Intervals, Stack, Strips
from memcap.report.text_table import table
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.report.to_terminal import Terminal, to_terminal
from memcap.units import few, listed

PIECES = [
    *"ab1 .:/-_*~`|\\<>&@#[]{}()+!='\"\n\té", "www.", "http://", "&amp;", "<b>", "</pre>", "](", "@me", "#1", "\x1b[2J",
    ":-:", "```", "\u202e", "\ud800", "</details>", "1. ", "- ", "<script>", "</style>", "x" * 90,
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


def every_block(text: str) -> Document:
    """Return a document of every kind of block, in which every text of others is ``text``."""
    columns = (Column(title="cell", fit=Overflow.MIDDLE), Column(title="state"), Column(title="size", right=True))
    rows = (
        (Lines((Mono(text), text)), Badge(text, Level.BAD), "1.0 MiB"),
        (text, Curve((0.0, 1.0, 0.5)), Link(text, text)),
    )
    facts = (text, Mono(text))
    note = Note(level=Level.WARN, title=("caveat ", Mono(text)), facts=facts, remedy=f"Use `--cap`. {text}")
    drawings = (
        Strips(heading=text, sides=((text, (1.0, 2.0)),), band=(0.5, 1.5)),
        Stack(heading=text, seconds=(0.0, 1.0), parts=(("anon", (1.0, 2.0)),), whole=(1.0, 2.0), top=3,
              line=(2.5, text), is_reached=False, ends=(0.5, text)),
        Intervals(heading=text, rows=(IntervalMark(label=text, state=text, estimate=1, low=0.5, high=2, within=1),)),
        CapCurve(heading=text, marks=((64, text),),
                 points=(CapPoint(cap=64, value=1, low=0.5, high=1, state="viable"),)),
        Flames(heading=text, boxes=(Flame(left=0, width=1, depth=0, change=0.5, title=text, label=text),)),
    )  # fmt: skip
    return document(
        "memcap",
        Paragraph(text=text, level=Level.BAD),
        Paragraph(text=text, hangs=True),
        Table(columns=columns, rows=rows, title=text, noun="cells"),
        Facts(items=((text, text), (Mono(text), Advice("see `x`"))), title=text),
        Code(text=text, title=text),
        Output(text=text, title=text),
        note,
        Note(level=Level.BAD, title=text, facts=(text,), blocks=(Output(text=text, title=text),)),
        [Chart(drawing=each, words=text) for each in drawings],
        Fold(title=text, blocks=(note, Paragraph(text=text)), hint="; see --verbose"),
        None,
    )


class Page(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


@given(HOSTILE, st.sampled_from([60, 80, 200]), st.booleans(), st.booleans())
def test_a_terminal_obeys_nothing(text: str, width: int, verbose: bool, ascii_only: bool) -> None:
    shown = to_terminal(every_block(text), Terminal(width=width, verbose=verbose, ascii=ascii_only))
    assert all(line.isprintable() for line in shown.split("\n"))
    shown.encode()


@given(HOSTILE)
@example(" 1. ")
def test_markdown_has_the_blocks_of_the_document_and_no_others(text: str) -> None:
    harmless, hostile = (
        str(cmarkgfm.github_flavored_markdown_to_html(to_markdown(every_block(each)), options=Options.CMARK_OPT_UNSAFE))
        for each in ("harmless", text)
    )
    for tag in ("<details>", "</details>", "<table>", "<tr>", "<td", "<pre", "<ul>", "<li>", "<h", "<strong>"):
        if text.strip():
            assert hostile.count(tag) == harmless.count(tag), tag
    assert not re.search(r"<(?:img|script|em|del|input)\b", hostile)
    assert hostile.count("<a ") == 1, "the one link"


@given(HOSTILE)
def test_a_page_has_the_elements_of_the_document_and_no_others(text: str) -> None:
    harmless, hostile = Page(to_html(every_block("harmless"))), Page(to_html(every_block(text)))
    if text.strip():
        assert sorted(set(hostile.tags)) == sorted(set(harmless.tags))
    assert "script" not in hostile.tags
    assert all(line.isprintable() for line in hostile.text.splitlines())
    hostile.text.encode()


def test_what_is_folded_is_a_line_until_everything_is_asked_for() -> None:
    fold = Fold(title="2 more caveats", blocks=(Paragraph(text="the first"),), hint="; see --verbose")
    assert to_terminal(document("x", fold)) == "2 more caveats; see --verbose\n"
    assert to_terminal(document("x", fold), Terminal(verbose=True)) == "the first\n"


def test_colours_are_for_verdicts_alone_and_take_no_room() -> None:
    verdicts = Table(columns=(Column(title="a"), Column(title="b")), rows=((Badge("bad", Level.BAD), "x"),))
    plain, coloured = (to_terminal(document("x", verdicts), Terminal(colour=each)) for each in (False, True))
    assert coloured.replace("\x1b[31;1m", "").replace("\x1b[0m", "") == plain
    assert "\x1b[31;1mbad\x1b[0m  x" in coloured


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_no_colours_where_none_are_wanted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert Terminal.of(terminal, width=80) == Terminal(colour=True, ascii=True)
    monkeypatch.setenv(name, value)
    assert not Terminal.of(terminal, width=80).colour


def test_columns_of_rank_go_first_then_texts_are_cut() -> None:
    columns = [Column(title="cell", fit=Overflow.MIDDLE), Column(title="peak", right=True),
               Column(title="over time", rank=2), Column(title="MAD", rank=1)]  # fmt: skip
    rows = [["agents.a_long_name-py312-128m", "1.0 MiB", "_" * 30, "0 B"]]
    heads = {width: table(rows, columns, width=width).split("\n")[0].split() for width in (90, 50, 36)}
    assert heads == {
        90: ["cell", "peak", "over", "time", "MAD"],
        50: ["cell", "peak", "MAD"],
        36: ["cell", "peak", "MAD"],
    }
    assert "agents.…ame-py312-128m" in table(rows, columns, width=36)


def test_texts_that_would_be_cut_to_the_same_are_folded() -> None:
    rows = [["agents.xxxxxxxxxx1xxxxxxxxxxxxxxxxxxxx"], ["agents.xxxxxxxxxx2xxxxxxxxxxxxxxxxxxxx"]]
    assert "…" not in table(rows, [Column(title="cell", fit=Overflow.MIDDLE)], width=20)


@pytest.mark.parametrize("limit", [2_000, 10_000])
def test_a_limit_is_kept_and_the_rest_is_named(limit: int) -> None:
    notes = [Note(level=Level.BAD, title=f"note {number}", remedy="r" * 90, noun="notes") for number in range(200)]
    rows = tuple((f"cell {number}", "y" * 50) for number in range(200))
    text = to_markdown(
        document("x", Paragraph(text="the answer"),
                 Table(columns=(Column(title="a"), Column(title="b")), rows=rows, noun="cells"), notes,
                 Paragraph(text="the end")),
        limit=limit,
    )  # fmt: skip
    assert 0.4 * limit < len(text.encode()) <= limit
    assert text.startswith("**x: the answer**")
    assert re.search(r"Left out to stay within .*: \d+ cells, \d+ notes\.\*\*", text)
    assert "the end" in text


def test_and_n_more() -> None:
    assert few(["a", "b", "c"], 2) == ("a", "b", "and 1 more")
    assert listed(["a", "b", "c"], 2) == "a, b and 1 more"
    assert (listed(["a", "b"], 2), listed(["a"], 2), listed([], 2)) == ("a, b", "a", "")


def test_advice_has_its_code_and_its_command_as_code() -> None:
    assert Advice("see `--cap`, and `x`").parts() == ("see ", Mono("--cap"), ", and ", Mono("x"))
    assert Advice("if this is meant: memcap check").parts() == ("if this is meant: ", Mono("memcap check"))
    assert Advice("a ` alone").parts() == ("a ` alone",)
