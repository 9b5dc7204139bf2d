"""Turn JSON into our frozen types with pydantic, strictly, and its complaints into ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from memcap.strict import KeyPath, describe, key_text, refuse

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

_T = TypeVar("_T")


def validate(adapter: TypeAdapter[_T], path: Path | str, text: str, *, where: KeyPath = ()) -> _T:
    """Return the value that the JSON ``text`` holds; it was found in ``path`` under the key ``where``.

    Strict: a number in quotes is no number. Unknown keys are ignored, so that a later memcap may add some.
    Raises FileFormatError naming the file, each key's path and what was expected there.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        refuse(path, [f"{key_text((*where, *problem['loc']))}: {_complaint(problem)}" for problem in problems])


def _complaint(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "is missing"
    expected = problem["msg"].replace("Input should be ", "expected ")
    return f"{expected}, found {describe(problem['input'])}"
