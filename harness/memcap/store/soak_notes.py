"""Notes of soaks as text, for the label of a container."""

from __future__ import annotations

import json
from typing import Final

from memcap.model import SoakNote
from memcap.store.codec import plain
from memcap.store.files import check_schema
from memcap.store.validate import validate
from memcap.strict import read_object

# History of the schema: as with results, it goes up when an older memcap would misread a newer note.
# 1 - first version
SCHEMA: Final = 1
_SIGNED: Final = ("exit_code", "ulimits")


def soak_note_text(note: SoakNote) -> str:
    """Return ``note`` as text."""
    return json.dumps({"schema": SCHEMA, **plain(note)}, separators=(",", ":"))


def parse_soak_note(text: str, *, container: str) -> SoakNote:
    """Return the note of ``container``. Raises FileFormatError if it is none, NewerSchemaError for a newer memcap's."""
    name = f"the note of container {container}"
    data = read_object(name, text, signed=_SIGNED)
    check_schema(name, "schema", data.get("schema"), supported=SCHEMA)
    return validate(SoakNote, name, text)
