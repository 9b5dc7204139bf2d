"""Validate a TOML file against its pydantic model and say in plain words what is wrong. Imported late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from memcap.config.renamed import new_name
from memcap.config.source import Source, nearest, shown
from memcap.config.values import Names
from memcap.errors import Problem
from memcap.strict import KeyPath

_Model = TypeVar("_Model", bound=BaseModel)

_EXPECTED: Mapping[str, str] = {
    "string_type": "expected a string",
    "int_type": "expected a whole number",
    "bool_type": "expected true or false",
    "list_type": "expected a list",
    "dict_type": "expected a table",
    "model_type": "expected a table",
}


def validate(model: type[_Model], source: Source, names: Names) -> tuple[_Model | None, list[Problem]]:
    """Return the file as ``model``, or None and everything that is wrong with it."""
    try:
        return model.model_validate(source.data, context=names), []
    except ValidationError as error:
        return None, [_problem(model, source, details) for details in error.errors()]


def _problem(model: type[BaseModel], source: Source, details: ErrorDetails) -> Problem:
    # pydantic marks a mistake in a key, not in its value, with "[key]"; "*" is what we put there for `expect = "…"`.
    path: KeyPath = tuple(part for part in details["loc"] if part not in ("[key]", "*"))
    kind, context = details["type"], details.get("ctx", {})
    if kind == "memcap":
        return source.problem(path, context["message"], suggestion=context["suggestion"])
    if kind == "extra_forbidden" and (name := new_name(path)):
        return source.problem(path, f"is called {name} now")
    if kind == "extra_forbidden":
        keys = _keys_at(model, path[:-1])
        message = f"unknown key; expected {', '.join(keys)}"
        return source.problem(path, message, suggestion=nearest(path[-1], keys))
    if kind == "missing":
        return source.problem(path, "is missing")
    if kind == "greater_than_equal":
        return source.problem(path, f"must be at least {context['ge']}, got {shown(details['input'])}")
    if kind == "less_than_equal":
        return source.problem(path, f"must be at most {context['le']}, got {shown(details['input'])}")
    if kind == "too_short":
        return source.problem(path, "must not be empty")
    message = f"{_EXPECTED.get(kind, details['msg'])}, got {shown(details['input'])}"
    return source.problem(path, message)


def _keys_at(model: type[BaseModel], path: KeyPath) -> tuple[str, ...]:
    """Return the keys that the table at ``path`` may have."""
    here: Any = model
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(part)].annotation
        else:  # a dict of tables
            here = get_args(here)[-1]
        tables = [kind for kind in get_args(here) if isinstance(kind, type) and issubclass(kind, BaseModel)]
        if type(None) in get_args(here) and tables:  # `TomlTable | None`
            here = tables[0]
    assert issubclass(here, BaseModel), "only tables forbid unknown keys"
    return tuple(here.model_fields)
