"""Read in a Dockerfile whether there is Python in the image that it builds. Pure."""

from __future__ import annotations

import re
from typing import Final

_PYTHON: Final = re.compile(r"\b(python3?|pip3?|uv|poetry|pdm|conda|gunicorn|uvicorn|celery)\b")
_COMMENT: Final = re.compile(r"^[ \t]*#.*\n?", re.MULTILINE)
_STAGE: Final = re.compile(r"^[ \t]*FROM[ \t]", re.MULTILINE | re.IGNORECASE)
_OPTION: Final = re.compile(r"^--\S+$")


def has_python(text: str) -> bool:
    """Tell whether the last stage has Python in it, or a stage that it is made from.

    What a stage copies from another one says nothing: a web server may get the pages that a Python tool made.
    """
    before, *stages = _STAGE.split(_COMMENT.sub("", text))
    if not stages:
        return False
    by_name: dict[str, str] = {}
    whole = ""
    for number, stage in enumerate(stages):
        head = [word for word in stage.partition("\n")[0].split() if not _OPTION.match(word)]
        base = head[0].lower() if head else ""
        whole = by_name.get(base, "") + stage
        by_name[str(number)] = whole
        if len(head) == 3 and head[1].lower() == "as":
            by_name[head[2].lower()] = whole
    return bool(_PYTHON.search(before + whole))
