"""Secret values are taken out of texts, types and files."""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from factories import make_measurement
from memcap.model import Caveat, CaveatKind
from memcap.redaction import Redaction

SECRET = "hunter2xyz"


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("token=hunter2xyz", "token=***"),
        ("hunter2xyzhunter2xyz", "******"),
        ("Hunter2xyz", "Hunter2xyz"),
        ("", ""),
    ],
)
def test_each_occurrence_in_a_text(text: str, redacted: str) -> None:
    assert Redaction([SECRET]).text(text) == redacted


@pytest.mark.parametrize("value", ["", "abc", "    ", "\n\t \n"])
def test_values_that_are_short_or_blank_stay(value: str) -> None:
    assert Redaction([value]).text("abc    def\n\t \n") == "abc    def\n\t \n"
    assert Redaction([]).text("abc def", cut_before=True, cut_after=True) == "abc def"


_VALUES = st.text(st.characters(exclude_characters="*"), min_size=4).filter(lambda value: not value.isspace())


@given(_VALUES, st.text(), st.text())
@example("a'b\"c\\d", "", "")
@example("000\ud800", "", "")
@example("x<y>&z", "", "")
def test_a_value_is_found_as_programs_write_it(value: str, before: str, after: str) -> None:
    hidden = Redaction([value])
    for written in (value, repr(value), json.dumps(value), ast.literal_eval(repr(value))):
        assert value not in hidden.text(f"{before}{written}{after}")


def test_the_longer_of_two_values_is_found_first() -> None:
    assert Redaction(["hunter", "hunter2xyz"]).text("hunter2xyz hunter") == "*** ***"


@pytest.mark.parametrize("kept", range(4, len(SECRET)))
def test_a_value_that_was_cut_in_the_middle(kept: int) -> None:
    hidden = Redaction([SECRET])
    tail, head = SECRET[-kept:], SECRET[:kept]
    assert hidden.text(f"{tail} and more", cut_before=True) == "*** and more"
    assert hidden.text(f"more and {head}", cut_after=True) == "more and ***"
    assert hidden.text(f"{tail} and more") == f"{tail} and more"


def test_the_lines_of_a_key() -> None:
    hidden = Redaction(["-----BEGIN KEY-----\nMIIBVAIBADAN\nab\n-----END KEY-----"])
    assert hidden.text("line 2 is MIIBVAIBADAN, line 3 ab") == "line 2 is ***, line 3 ab"


def test_texts_of_a_dataclass_are_changed_and_nothing_else() -> None:
    caveat = Caveat(kind=CaveatKind.THROTTLED, detail=f"of {SECRET}")
    run = make_measurement(detail=f"at {SECRET}", output_tail="all is well", caveats=(caveat,))
    found = Redaction([SECRET]).tree(run)
    assert found == replace(run, detail="at ***", caveats=(replace(caveat, detail="of ***"),))
    assert Redaction([]).tree(run) is run


def test_files_keep_their_length_unless_they_are_texts(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    binary = b"\0\1" + SECRET.encode() + b"\2" + SECRET.encode()
    (tmp_path / "inner" / "capture-7.bin").write_bytes(binary)
    (tmp_path / "page.html").write_text(f"<p>{SECRET}</p>", encoding="utf-8")
    (tmp_path / "empty.bin").touch()
    (tmp_path / "linked.txt").symlink_to(tmp_path / "page.html")
    Redaction([SECRET, "schlüssel"]).files(tmp_path)
    assert (tmp_path / "inner" / "capture-7.bin").read_bytes() == b"\0\1**********\2**********"
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "<p>***</p>"


@pytest.mark.parametrize("value", ["1000", "true", "null", "size", "name", "{}, {", "    ", " \n\t "])
def test_json_can_be_read_afterwards(tmp_path: Path, value: str) -> None:
    content = {"size": 110001, "on": True, "of": None, "name": f"is {value}.", "a/b": ["\name\\name", {}, {}]}
    path = tmp_path / "sites.json"
    path.write_text(json.dumps(content, indent=4), encoding="utf-8")
    Redaction([value]).files(tmp_path)
    found = json.loads(path.read_text(encoding="utf-8"))
    assert [found["size"], found["on"], found["of"]] == [110001, True, None]
    assert found["name"] == ("is ***." if value.strip() else f"is {value}.")


def test_json_that_was_cut_off(tmp_path: Path) -> None:
    (tmp_path / "sites.json").write_text(f'{{"a": "{SECRET}", "b": ["at {SECRET} \\', encoding="utf-8")
    Redaction([SECRET]).files(tmp_path)
    assert (tmp_path / "sites.json").read_text(encoding="utf-8") == '{"a": "***", "b": ["at *** \\'


def test_a_value_that_is_not_unicode(tmp_path: Path) -> None:
    value = b"caf\xe9-secret".decode("utf-8", "surrogateescape")
    (tmp_path / "out.txt").write_bytes(b"it is caf\xe9-secret")
    Redaction([value]).files(tmp_path)
    assert (tmp_path / "out.txt").read_bytes() == b"it is ***"
