"""Estimate how many bytes the items hold that a container gained: a few of them are looked into.

Imported by ``memcap_grown`` in the image, on CPython 3.8 or newer. Nothing of the objects is called.
"""

from __future__ import annotations

import gc
import sys
from collections import deque
from types import BuiltinFunctionType, CodeType, FrameType, FunctionType, ModuleType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

SEARCH: Any = __import__("memcap_holders")
is_a, of_class = SEARCH.is_a, SEARCH.of_class
MOST_ITEMS = 20  # that are looked into, at either end of a container with an order
MOST_SIBLINGS = 100_000
SHARED = (type, ModuleType, BuiltinFunctionType, CodeType, FrameType)  # many refer to them, nobody owns them


def weight_of_new(container: Any, more: int, *, most_inside: int, but: set[int]) -> int:
    """Return about how many bytes the ``more`` items hold that ``container`` gained.

    At most ``most_inside`` objects are looked at, and none of the ids ``but``. What two items share belongs to
    neither, and nor does what is reached by a way back to the container or from one item to another. Bytes
    beside Python's own objects, as of an array, count where the type says so. Items may have come at either end.
    """
    siblings = but | {id(container)}
    siblings.update(id(part) for item in take(items_of(container), MOST_SIBLINGS) for part in item)
    ends = [items_of(container, backwards=True)] if is_a(container, (dict, set)) else both_ends(container)
    return max(weight_of(list(take(end, min(more, MOST_ITEMS))), more, most_inside, siblings) for end in ends)


def weight_of(items: list[tuple[Any, ...]], more: int, most_inside: int, siblings: set[int]) -> int:
    reached: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for item in items:
        for each in inside(item, most_inside // len(items), siblings):
            reached[id(each)] = reached.get(id(each), 0) + 1
            sizes[id(each)] = size_of(each)
    own = sum(sizes[name] for name, times in reached.items() if times == 1 or len(items) == 1)
    return own * more // max(len(items), 1)


def items_of(container: Any, *, backwards: bool = False) -> Iterator[tuple[Any, ...]]:
    """Yield the items; a dict's have a key and a value. A set has no order."""
    if is_a(container, dict):
        yield from reversed(dict.items(container)) if backwards else iter(dict.items(container))
    elif is_a(container, set):
        yield from ((each,) for each in set.__iter__(container))
    else:
        kind = list if is_a(container, list) else deque
        yield from ((each,) for each in (kind.__reversed__ if backwards else kind.__iter__)(container))


def both_ends(container: Any) -> list[Iterator[tuple[Any, ...]]]:
    return [items_of(container, backwards=True), items_of(container)]


def take(items: Iterable[Any], most: int) -> Iterator[Any]:
    for number, each in enumerate(items):
        if number >= most:
            return
        yield each


def inside(item: tuple[Any, ...], most: int, siblings: set[int]) -> list[Any]:
    """Return what ``item`` holds, without what nobody owns and without other items.

    Of a function that is its closure and its defaults: its module is not its own.
    """
    found: dict[int, Any] = {}
    layer = [each for each in item if not is_a(each, SHARED)]
    while layer and len(found) < most:
        for each in layer:
            found[id(each)] = each
        following: dict[int, Any] = {}
        plain = [each for each in layer if not is_a(each, FunctionType)]
        for each in gc.get_referents(*plain):
            following[id(each)] = each
        for function in layer:
            if is_a(function, FunctionType):
                for each in (function.__closure__, function.__defaults__, function.__kwdefaults__):
                    following[id(each)] = each
        layer = [
            each
            for name, each in following.items()
            if name not in found and name not in siblings and each is not None and not is_a(each, SHARED)
        ]
    return list(found.values())[:most]


def size_of(value: Any) -> int:
    """Return the bytes of ``value`` alone; 0 if code of the program would have to say."""
    kinds = (of_class(kind, "__dict__") for kind in of_class(type(value), "__mro__"))
    own = next((names["__sizeof__"] for names in kinds if "__sizeof__" in names), None)
    return 0 if is_a(own, FunctionType) else sys.getsizeof(value, 0)
