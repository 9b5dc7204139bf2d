"""A soak's note survives the label of a container, and has no secret in it."""

from __future__ import annotations

import pytest
from soak_notes import HIDDEN, make_note

from memcap.errors import FileFormatError, NewerSchemaError
from memcap.model import SoakKind
from memcap.store.soak_notes import parse_soak_note, soak_note_text


@pytest.mark.parametrize("kind", SoakKind)
def test_a_note_is_read_as_it_was_written(kind: SoakKind) -> None:
    note = make_note(kind)
    assert parse_soak_note(soak_note_text(note), container="abc") == note


def test_a_note_names_secrets_and_holds_none() -> None:
    note = make_note()
    assert note.secret_variables == ("TOKEN",)
    assert HIDDEN not in soak_note_text(note)


def test_a_note_of_a_later_memcap_says_that_this_one_is_too_old() -> None:
    with pytest.raises(NewerSchemaError, match="container abc"):
        parse_soak_note(soak_note_text(make_note()).replace('"schema":1', '"schema":2', 1), container="abc")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"schema": 1}', '{"schema": 1, "id": 3}', "\x00"])
def test_what_is_no_note_is_refused_and_the_container_named(text: str) -> None:
    with pytest.raises(FileFormatError, match="container abc"):
        parse_soak_note(text, container="abc")
