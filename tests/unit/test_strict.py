"""What is read is bounded and checked, and every complaint names the file and the key."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memcap.errors import FileFormatError
from memcap.strict import (
    MOST_DEPTH,
    TextError,
    describe,
    key_text,
    parse_json,
    read_object,
    read_text,
    wrong_numbers,
)

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def test_a_byte_order_mark_is_skipped(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"\xef\xbb\xbf{}\r\n")
    assert read_text(tmp_path / "f", most_bytes=9) == "{}\n"
    assert parse_json("f", "\ufeff{}") == {}


def test_a_file_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 1025)
    with pytest.raises(TextError, match="f: is larger than 0 MiB, so it is no file of memcap's"):
        read_text(tmp_path / "f", most_bytes=1024)


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_a_path_that_cannot_be_one_is_an_error_of_ours(tmp_path: Path, name: str) -> None:
    with pytest.raises(TextError, match="cannot be read"):
        read_text(tmp_path / name, most_bytes=9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f:1:1: this is not JSON"),
        ("[1,\n 2", "f:2:3: this is not JSON"),
        ("[1]", "f: expected a JSON object, found a list"),
        ('{"a": 1, "b": {"c": 1, "c": 2}}', 'f: the key "c" is there twice'),
        ('{"a": [1, -1]}', r"a\[1\]: expected 0 or more, found -1"),
        ('{"a": NaN}', "a: expected a finite number from 0 to 1e\\+30, found NaN"),
        ('{"a": 1e999}', "a: expected a finite number .*, found Infinity"),
        ('{"a": 1e31}', "a: expected a finite number"),
        (f'{{"a": {2**63}}}', "a: expected a whole number of at most 64 bits, found 9223372036854775808"),
        (f'{{"a": {10**400}}}', "a: expected a whole number of at most 64 bits, found a number of more than 70 digits"),
        (f'{{"a": {"9" * 6000}}}', "f: a number has 6000 digits: 999"),
        (f'{{"free": {"9" * 600}}}', "free: expected a number that a float holds"),
        ('{"free": [NaN]}', r"free\[0\]: expected a finite number, found NaN"),
        ("[" * 100_000, "f: this JSON is nested too deeply"),
        ("{" + '"a": {' * MOST_DEPTH + "}" * MOST_DEPTH + "}", f"is nested more than {MOST_DEPTH} deep"),
    ],
)
def test_what_is_refused_and_how(text: str, message: str) -> None:
    with pytest.raises(FileFormatError, match=message) as caught:
        read_object("f", text, signed=("free",))
    assert len(str(caught.value)) < 1000


def test_all_numbers_that_are_wrong_are_told_up_to_five() -> None:
    with pytest.raises(FileFormatError) as caught:
        read_object("f", json.dumps({f"k{number}": -1 for number in range(7)}))
    assert [line.strip().partition(":")[0] for line in caught.value.message.splitlines()] == [
        "f is malformed", "k0", "k1", "k2", "k3", "k4", "and 2 more",
    ]  # fmt: skip


def test_numbers_may_be_negative_where_the_reader_says_so() -> None:
    value = {"free": {"a": [-1, -2.5, 10**300]}, "digits in text": "9" * 6000}
    assert read_object("f", json.dumps(value), signed=("free",)) == value
    assert [key_text(each.path) for each in wrong_numbers(value)] == ["free.a[0]", "free.a[1]", "free.a[2]"]


def test_a_hook_makes_something_of_each_object() -> None:
    assert parse_json("f", '{"a": [{"b": 1}]}', hook=list) == ["a"]


def test_descriptions_are_short() -> None:
    assert describe("x" * 500).endswith("…")
    assert len(describe("x" * 500)) <= 60
    assert describe(10**5000) == "a number of more than 70 digits"
    assert describe({"a": 1}) == "an object"


@given(ANY_JSON)
def test_any_json_is_read_or_refused(value: Any) -> None:
    text = json.dumps(value)
    try:
        assert read_object("f", text) == value
    except FileFormatError as error:
        assert str(error).startswith("f")  # noqa: PT017 - either way is right; only another exception is not


@given(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        assert isinstance(read_object("f", text), dict)
    except FileFormatError as error:
        assert str(error).startswith("f")  # noqa: PT017 - either way is right; only another exception is not
