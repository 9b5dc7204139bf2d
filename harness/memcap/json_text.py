"""JSON as reports write it: ASCII, so that a terminal obeys nothing in it, and of bounded strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from memcap.untrusted import LONGEST_TEXT, bounded


def json_text(document: Mapping[str, Any] | list[Any]) -> str:
    """Return ``document`` as text; strings are exact up to ``LONGEST_TEXT`` characters, and cut beyond."""
    return json.dumps(_bounded(document), indent=2, ensure_ascii=True) + "\n"


def json_line(document: Mapping[str, Any]) -> str:
    """Return ``document`` on one line, without a line end; strings are as `json_text` has them."""
    return json.dumps(_bounded(document), ensure_ascii=True)


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return bounded(value, LONGEST_TEXT)
    if isinstance(value, Mapping):
        return {_bounded(key): _bounded(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_bounded(each) for each in value]
    return value
