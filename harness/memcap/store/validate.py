"""Turn JSON into our frozen types with pydantic, strictly, and its complaints into ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from memcap.errors import FileFormatError
from memcap.store.files import describe

if TYPE_CHECKING:
    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

_T = TypeVar("_T")
_SHOWN = 5


def validate(adapter: TypeAdapter[_T], path: Path | str, text: str, *, where: str = "") -> _T:
    """Return the value that the JSON ``text`` holds; it was found in ``path`` under the key ``where``.

    Strict: a number in quotes is no number. Unknown keys are ignored, so that a later memcap may add some.
    Raises FileFormatError naming the file, each key's path and what was expected there.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False)
        lines = [f"  {_key_path(where, problem)}: {_complaint(problem)}" for problem in problems[:_SHOWN]]
        if len(problems) > _SHOWN:
            lines.append(f"  and {len(problems) - _SHOWN} more")
        raise FileFormatError(
            "\n".join([f"{path} is malformed:", *lines]),
            remedy="Restore the file, or measure again; it is not meant to be edited by hand.",
        ) from error


def _key_path(where: str, problem: ErrorDetails) -> str:
    """Return ``memcap.cells[0].runs[2].ending``."""
    parts = where + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem["loc"])
    return parts.lstrip(".") or "the file"


def _complaint(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "is missing"
    expected = problem["msg"].replace("Input should be ", "expected ")
    return f"{expected}, found {describe(problem['input'])}"
