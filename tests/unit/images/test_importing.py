from __future__ import annotations

import pytest

from memcap.errors import EngineError
from memcap.images.importing import imported_id


@pytest.mark.parametrize(
    "answer",
    [
        '{"status":"sha256:4c39"}\r\n',
        '{"status":"Importing"}\r\n{"status":"sha256:4c39"}\r\n',
        '{"status":"sha256:4c39","progress":"","progressDetail":{},"id":"sha256:4c39"}\n\n',
    ],
)
def test_the_id_of_an_import_is_in_its_last_line(answer: str) -> None:
    assert imported_id(answer) == "sha256:4c39"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ('{"errorDetail":{"message":"unexpected EOF"},"error":"unexpected EOF"}', "unexpected EOF"),
        ("", "answered ''"),
        ("not JSON", "not JSON"),
        ('["status"]', "status"),
        ('{"progress":""}', "progress"),
    ],
)
def test_an_import_that_failed_says_so(answer: str, words: str) -> None:
    with pytest.raises(EngineError, match=words):
        imported_id(answer)
