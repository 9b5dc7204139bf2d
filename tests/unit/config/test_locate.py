"""The key locator finds the line of every key, whatever strings, comments and brackets stand around it."""

from __future__ import annotations

import random
from typing import Any

import tomli
from hypothesis import given
from hypothesis import strategies as st

from memcap.config.locate import key_lines, line_of
from memcap.strict import KeyPath

# Values that look like keys and tables, and that end where a careless reader does not expect it.
VALUES = (
    "1",
    "1979-05-27T07:32:00Z",
    '"a # b = [c]"',
    r'"a \" ] # "',
    r'"\\"',
    "'C:\\'",
    '""',
    "''",
    '"""a"""',
    '"""""two quotes"""""',
    '"""\n[not.a.table]\nkey = "v" \\\n  # no comment\n"""',
    "'''\n[[no]]\n''' # '''",
    "[]",
    '[\n  "]", # ]\n  [1, 2],\n  { a = 1 },\n]',
    '{ a = 1, b.c = "}", "d" = [{ e = 2 }] }',
)

keys = st.text(alphabet="ab_-1", min_size=1, max_size=3) | st.text(alphabet="a.=#[]{}\"' \n\\é\u2028", max_size=4)
tables = st.recursive(
    st.dictionaries(keys, st.sampled_from(VALUES), max_size=3),
    lambda inner: st.dictionaries(
        keys, st.sampled_from(VALUES) | inner | st.lists(inner, min_size=1, max_size=3), max_size=4
    ),
    max_leaves=12,
)


class Writer:
    """Write nested tables as TOML in a random style, and note the line of each key."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.text = ""
        self.expected: dict[KeyPath, int] = {}

    def table(self, table: dict[str, Any], path: KeyPath, *, has_header: bool = True) -> None:
        for key, value in table.items():
            if isinstance(value, str):
                self.assign((key,), value, path)
            elif has_header and isinstance(value, dict) and self.is_flat(value) and self.random.random() < 0.3:
                for inner, scalar in value.items():
                    self.assign((key, inner), scalar, path)
                table = {name: other for name, other in table.items() if name != key}
        for key, value in table.items():
            if isinstance(value, dict):
                has_values = value == {} or any(isinstance(inner, str) for inner in value.values())
                if named := has_values or self.random.random() < 0.5:
                    self.header("[", (*path, key), "]")
                self.table(value, (*path, key), has_header=named)
            elif isinstance(value, list):
                for number, inner in enumerate(value):
                    self.header("[[", (*path, key), "]]")
                    place = (*path, key, number)
                    self.expected[place] = self.line
                    self.text += "\n"
                    self.table(inner, place)

    @staticmethod
    def is_flat(table: dict[str, Any]) -> bool:
        return bool(table) and all(isinstance(value, str) for value in table.values())

    @property
    def line(self) -> int:
        return self.text.count("\n") + 1

    def filler(self) -> None:
        self.text += self.random.choice(("", "\n", "# [no] = 1\n", "  \t\n", "   "))

    def assign(self, key: tuple[str, ...], value: str, table: KeyPath) -> None:
        self.filler()
        self.note((*table, *key))
        self.text += self.dotted(key) + self.random.choice((" = ", "=", "\t=  ")) + value
        self.text += self.random.choice(("\n", "  # k = [\n", "\r\n"))

    def header(self, opening: str, path: KeyPath, closing: str) -> None:
        self.filler()
        self.note(path)
        names = tuple(part for part in path if isinstance(part, str))
        self.text += f"{opening}{self.dotted(names)}{closing}"
        if opening == "[":
            self.text += self.random.choice(("\n", " # ]]\n"))

    def note(self, path: KeyPath) -> None:
        for length in range(1, len(path) + 1):
            self.expected.setdefault(path[:length], self.line)

    def dotted(self, parts: tuple[str, ...]) -> str:
        return self.random.choice((".", " . ")).join(map(self.key, parts))

    def key(self, key: str) -> str:
        if key and set(key) <= set("ab_-1") and self.random.random() < 0.7:
            return key
        if "'" not in key and "\n" not in key and self.random.random() < 0.5:
            return f"'{key}'"
        return '"' + "".join(f"\\u{ord(char):04x}" if not char.isalnum() else char for char in key) + '"'


@given(tables, st.integers(min_value=0, max_value=2**32))
def test_every_key_is_found_where_it_was_written(table: dict[str, Any], seed: int) -> None:
    writer = Writer(seed)
    writer.table(table, ())
    tomli.loads(writer.text)  # what was written is TOML
    assert key_lines(writer.text) == writer.expected


EXAMPLE = """\
# comment
title = "x"

[caps]
a = "1m" # first
"b c" = "2m"

[suite.deep]
inline = { x = 1, y = 2 }
dotted.key = 1

[[item]]
name = "one"
[[item]]
name = "two"
[item.sub]
list = [
  1,
  2,
]
"""


def test_an_example() -> None:
    lines = key_lines(EXAMPLE)
    assert lines["title",] == 2
    assert lines["caps",] == 4
    assert lines["caps", "b c"] == 6
    assert lines["suite",] == lines["suite", "deep"] == 8
    assert lines["suite", "deep", "dotted", "key"] == 10
    assert lines["item", 0, "name"] == 13
    assert lines["item", 1, "name"] == 15
    assert lines["item", 1, "sub", "list"] == 17


def test_what_is_not_listed_is_where_its_surroundings_are() -> None:
    lines = key_lines(EXAMPLE)
    assert line_of(lines, ("suite", "deep", "inline", "y")) == 9
    assert line_of(lines, ("item", 1, "sub", "list", 1)) == 17
    assert line_of(lines, ("caps", "missing")) == 4
    assert line_of(lines, ("missing",)) is None
    assert line_of(lines, ()) is None


def test_an_empty_file_has_no_keys() -> None:
    assert key_lines("") == key_lines("# nothing\n\n") == {}
