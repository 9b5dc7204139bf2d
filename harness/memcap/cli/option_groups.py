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


def filled(**kinds: type) -> Callable[[Command], Callable[..., Any]]:
    """Return a decorator that hands a command its options as values of dataclasses, by name: ``filled(options=Kind)``.

    An option belongs to each kind that has a field of its name; a field without an option keeps its default.
    """

    def decorate(command: Command) -> Callable[..., Any]:
        @functools.wraps(command)
        def with_groups(**given: Any) -> object:
            groups: dict[str, Any] = {}
            taken: set[str] = set()
            for name, kind in kinds.items():
                own = {each.name: given[each.name] for each in fields(kind) if each.name in given}
                groups[name] = kind(**own)
                taken |= own.keys()
            rest = {name: value for name, value in given.items() if name not in taken}
            return command(**groups, **rest)

        return with_groups

    return decorate
