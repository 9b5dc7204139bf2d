"""Text from outside is escaped, bounded, and otherwise as it was."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.untrusted import (
    LONGEST_LINE,
    LONGEST_TEXT,
    bounded,
    cut,
    escaped,
    printable,
    printable_lines,
    printable_output,
)

CONTROLS = st.text(
    st.sampled_from("\x00\x07\x1b\x7f\x85\x9b\u200b\u202e\u2028\u2066\ufeff\ud800\r\n\tab"), max_size=200
)
LONG = st.builds(lambda piece, times: piece * times, st.text(min_size=1, max_size=5), st.integers(1, 30_000))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é ☕", "plain é ☕"),
        ("\x1b[2J", r"\x1b[2J"),
        ("\x9b1m", r"\x9b1m"),
        ("gnp.\u202eexe", r"gnp.\u202eexe"),
        ("two\nlines\t", r"two\nlines\t"),
        ("\ud800", r"\ud800"),
        ("", ""),
    ],
)
def test_what_a_terminal_would_obey_is_written_as_an_escape(text: str, shown: str) -> None:
    assert escaped(text) == printable(text) == shown


@given(CONTROLS | LONG)
def test_a_line_is_printable_bounded_and_the_same_when_it_is_done_again(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert len(shown) <= LONGEST_LINE
    assert printable(shown) == shown
    assert shown == text or not text.isprintable() or len(text) > LONGEST_LINE


@given(CONTROLS | LONG)
def test_lines_stay_lines_and_are_bounded_together(text: str) -> None:
    shown = printable_lines(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown) <= LONGEST_TEXT
    assert len(printable_lines(text, longest=500)) <= 500


@given(CONTROLS | LONG)
def test_the_output_of_a_program_is_as_safe_and_keeps_its_columns(text: str) -> None:
    shown = printable_output(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert len(shown) <= LONGEST_TEXT


def test_tabs_of_a_programs_output_become_columns() -> None:
    assert printable_output("a\tb\nlonger\tc\r\x1b[2J") == "a       b\nlonger  c\n\\x1b[2J"


@given(LONG, st.integers(200, 5000))
def test_of_a_long_text_start_and_end_are_kept_and_its_length_is_told(text: str, longest: int) -> None:
    shorter = bounded(text, longest)
    assert len(shorter) <= longest
    assert shorter[: longest // 2] == text[: longest // 2]
    assert shorter.endswith(text[-(longest // 4) :])
    assert (shorter == text) == (len(text) <= longest)
    assert shorter == text or f"({len(text):,} characters)" in shorter


@pytest.mark.parametrize(("longest", "expected"), [(5, "words"), (6, "words"), (4, "wor…"), (1, "…")])
def test_a_mark_stands_for_the_end_that_is_cut(longest: int, expected: str) -> None:
    assert cut("words", longest) == expected
