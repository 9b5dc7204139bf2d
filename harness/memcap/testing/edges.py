"""Name how one object refers to another, as a programmer would: ``Run.buffer``, ``dict['run-7']``, ``list[3]``.

Nothing of the objects is called: no properties, no ``__eq__``, no ``__repr__`` of unknown classes.
"""

from __future__ import annotations

import reprlib
from collections import deque
from collections.abc import Iterator
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CellType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)
from typing import Any

# Where objects of the interpreter's own types keep others.
_FIELDS = (
    "__self__", "__func__", "__wrapped__", "__closure__", "__defaults__", "__kwdefaults__", "__dict__", "__code__",
    "__traceback__", "__context__", "__cause__", "args", "tb_frame", "tb_next", "f_back", "cell_contents", "func",
    "keywords", "gi_frame", "cr_frame", "ag_frame", "fget", "fset", "__callback__", "__bases__", "__mro__",
)  # fmt: skip
_PLAIN = (str, bytes, int, float, bool, type(None), tuple)


def name_of(value: object) -> str:
    """Return what ``value`` is, in a word or two: its class, or its own name if it is code."""
    if isinstance(value, ModuleType):
        return f"module {value.__name__}"
    if isinstance(value, type):
        return f"class {value.__qualname__}"
    if isinstance(value, FrameType):
        return f"call of {value.f_code.co_name}"
    if isinstance(value, FunctionType | BuiltinFunctionType):
        return f"function {value.__qualname__}"
    if isinstance(value, MethodType):
        return f"method {getattr(value.__func__, '__qualname__', type(value.__func__).__name__)}"
    if isinstance(value, GeneratorType | CoroutineType | AsyncGeneratorType):
        return f"{type(value).__name__} {value.__qualname__}"
    return type(value).__name__


def edge(holder: object, held: object) -> str:
    """Return the name of ``holder`` and of the place where it keeps ``held``; the name alone where that is unknown."""
    name = name_of(holder)
    if isinstance(holder, dict):
        return f"{name}{_in_dict(holder, held)}"
    if isinstance(holder, list | tuple | deque):
        found = next((index for index, value in enumerate(tuple(holder)) if value is held), None)
        return name if found is None else f"{name}[{found}]"
    if isinstance(holder, set | frozenset):
        return f"{name} member"
    local = next((key for key, value in _locals_of(holder) if value is held), None)
    if local is not None:
        return f"{name}, variable {local!r}"
    attribute = next((key for key, value in _attributes_of(holder) if value is held), None)
    return name if attribute is None else f"{name}.{attribute}"


def closure_edge(function: FunctionType, cell: CellType) -> str:
    """Return the name of a function and of the variable around it that ``cell`` holds."""
    names = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return f"{name_of(function)}, variable {next((name for name, each in names if each is cell), '?')!r}"


def attributes(value: object) -> dict[str, Any]:
    """Return the ``__dict__`` of an object; an empty one if there is none."""
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return found if isinstance(found, dict) else dict(found)


def _in_dict(holder: dict[Any, Any], held: object) -> str:
    for key, value in tuple(dict.items(holder)):
        if value is held:
            return f"[{reprlib.repr(key) if type(key) in _PLAIN else name_of(key)}]"
        if key is held:
            return " key"
    return ""


def _locals_of(holder: object) -> Iterator[tuple[str, object]]:
    frame = holder
    for field in ("gi_frame", "cr_frame", "ag_frame"):
        if isinstance(holder, GeneratorType | CoroutineType | AsyncGeneratorType) and hasattr(holder, field):
            frame = getattr(holder, field)
    if isinstance(frame, FrameType):
        yield from tuple(frame.f_locals.items())


def _attributes_of(holder: object) -> Iterator[tuple[str, object]]:
    yield from tuple(attributes(holder).items())
    for kind in type(holder).__mro__:
        for name, slot in tuple(vars(kind).items()):
            if isinstance(slot, MemberDescriptorType):
                try:
                    yield name, slot.__get__(holder)
                except AttributeError:  # a slot without a value
                    continue
    if type(holder).__module__ in ("builtins", "functools", "weakref") or isinstance(holder, BaseException):
        for name in _FIELDS:
            try:
                yield name, getattr(holder, name)
            except (AttributeError, ValueError):  # an empty cell is a ValueError
                continue
