"""Turn JSON into our frozen types with pydantic, strictly, and its complaints into ours."""

from __future__ import annotations

import contextlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from memcap.store.quick import QuickReader, UnusualJson
from memcap.strict import KeyPath, describe, key_text, refuse

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

_T = TypeVar("_T")


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """Return what makes values of the type ``kind`` from JSON."""
    from pydantic import TypeAdapter  # noqa: PLC0415 - heavy

    return TypeAdapter(kind)


def validate(kind: type[_T], path: Path | str, text: str, *, where: KeyPath = ()) -> _T:
    """Return the ``kind`` that the JSON ``text`` holds; it was found in ``path`` under the key ``where``.

    Strict: a number in quotes is no number. Unknown keys are ignored, so that a later memcap may add some.
    Raises FileFormatError naming the file, each key's path and what was expected there.
    """
    with contextlib.suppress(UnusualJson, ValueError, RecursionError):
        return _quick_reader().read(kind, json.loads(text))
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    try:
        found: _T = adapter(kind).validate_json(text, strict=True)  # type: ignore[arg-type]  # classes are hashable
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        refuse(path, [f"{key_text((*where, *problem['loc']))}: {_complaint(problem)}" for problem in problems])
    return found


@cache
def _quick_reader() -> QuickReader:
    return QuickReader(skips_unknown=True)


def _complaint(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "is missing"
    expected = problem["msg"].replace("Input should be ", "expected ")
    return f"{expected}, found {describe(problem['input'])}"
