"""Tests of what is kept: who holds an object, is it collected after use, what did a piece of code leave behind.

The standard library alone; CPython. ``docs/retention.md`` shows how these are used.
"""

from __future__ import annotations

import gc
import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from memcap.errors import UsageError
from memcap.probe.memcap_holders import OWN_FILES, cycle_holding
from memcap.stats import Projection, project
from memcap.testing.holders import Chain, chains_to
from memcap.units import counted

__all__ = ["Chain", "Projection", "assert_collected", "live_objects", "project", "referrers_of", "why_alive"]

_Object = TypeVar("_Object")
_MOST_CHAINS = 3
_MOST_EXPLAINED = 10
OWN_FILES.add(__file__)


def referrers_of(target: object, *, most: int = _MOST_CHAINS) -> tuple[Chain, ...]:
    """Return what keeps ``target`` alive beside the caller's own variable: a chain from a root for each holder.

    A root is a module or a variable of a function that runs. The shortest chains come first, at most ``most``. None
    are found for what only garbage holds.
    """
    return chains_to(target, most=most, asking=sys._getframe(1))


def why_alive(target: object) -> str:
    """Return in lines for a reader what keeps ``target`` alive beside the caller's own variable."""
    return _told(chains_to(target, most=_MOST_CHAINS, asking=sys._getframe(1)))


@contextmanager
def assert_collected(*, allow_cycles: bool = True) -> Iterator[Callable[[_Object], _Object]]:
    """Watch objects that must be gone when the block ends; AssertionError says what holds one that is not.

    The block gets a function that watches what it is given, and returns it. Garbage is collected first; with
    ``allow_cycles`` False, reference counts must suffice, and a cycle is named by its types and attributes (the
    collector is off in the block then). Raises UsageError if nothing was watched, or something that cannot be.
    """
    __tracebackhide__ = True
    watched: list[tuple[str, weakref.ref[object]]] = []

    def watch(target: _Object) -> _Object:
        try:
            watched.append((type(target).__name__, weakref.ref(target)))
        except TypeError as error:
            raise UsageError(
                f"a {type(target).__name__} cannot be watched: Python has no weak references to it",
                remedy="Watch the object that holds it, or an instance of a class of your own.",
            ) from error
        return target

    was_enabled = gc.isenabled()
    if not allow_cycles:
        gc.collect()
        gc.disable()
    try:
        yield watch
        left = [] if allow_cycles else _explained(watched, _cycle)
    finally:
        if was_enabled:
            gc.enable()
    if not watched:
        raise UsageError("nothing was watched", remedy="Call what assert_collected gives: watch(the_object).")
    gc.collect()
    held = _explained(watched, _holders)
    if held:
        raise AssertionError(_listed(held, len(watched), "not collected", "held by"))
    if left:
        raise AssertionError(_listed(left, len(watched), "left to the garbage collector", "held by a cycle"))


def live_objects() -> Counter[str]:
    """Count the objects that the garbage collector knows, by class; the difference of two counts is what was left.

    Garbage is collected first. Texts, numbers and bytes are not known to it.
    """
    gc.collect()
    return Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())


def _explained(
    watched: list[tuple[str, weakref.ref[object]]], explain: Callable[[object], str]
) -> list[tuple[str, str]]:
    """Return each watched object that is alive, by class, with its explanation; only the first few have one."""
    alive = [(name, reference) for name, reference in watched if reference() is not None]
    return [
        (name, explain(reference()) if number < _MOST_EXPLAINED else "")
        for number, (name, reference) in enumerate(alive)
    ]


def _holders(target: object) -> str:
    return _told(chains_to(target, most=_MOST_CHAINS))


def _told(chains: tuple[Chain, ...]) -> str:
    return "\n".join(map(str, chains)) or "nothing that the garbage collector knows"


def _cycle(target: object) -> str:
    return " -> ".join(cycle_holding(target) or ("one that was not found",))


def _listed(found: list[tuple[str, str]], watched: int, state: str, relation: str) -> str:
    lines = [f"{len(found)} of {counted(watched, 'watched object')} {'was' if len(found) == 1 else 'were'} {state}"]
    for name, text in found[:_MOST_EXPLAINED]:
        lines.append(f"{name}, {relation}")
        lines += [f"    {line}" for line in text.splitlines()]
    if len(found) > _MOST_EXPLAINED:
        lines.append(f"and {len(found) - _MOST_EXPLAINED} more")
    return "\n".join(lines)
