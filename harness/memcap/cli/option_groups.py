"""Options that belong together: added to a command as one, and handed to it as one value."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

Command = TypeVar("Command", bound=Callable[..., Any])
Option = Callable[[Any], Any]


def add_options(command: Callable[..., Any], options: Sequence[Option]) -> Callable[..., Any]:
    """Return ``command`` with ``options``, which its help shows in this order."""
    for option in reversed(options):
        command = option(command)
    return command


def gathered(name: str, kind: type, options: Sequence[Option]) -> Callable[[Command], Callable[..., Any]]:
    """Return a decorator that adds ``options`` to a command; their values are its ``name``, a dataclass ``kind``."""

    def decorate(command: Command) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_group(**given: Any) -> object:
            group = kind(**{each.name: given.pop(each.name) for each in fields(kind)})
            return command(**{name: group}, **given)

        return add_options(with_group, options)

    return decorate
