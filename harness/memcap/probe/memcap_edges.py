"""Name how one object refers to another, as a programmer would: ``Run.buffer``, ``dict['run-7']``, ``list[3]``.

Imported by ``memcap_holders``, on any machine and in the image, on Python 3.8 or newer. Nothing of the objects is
called: no properties, no ``__eq__``, no ``__repr__`` of unknown classes.
"""

from __future__ import annotations

import reprlib
from collections import deque
from types import (
    AsyncGeneratorType,
    BuiltinFunctionType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# Where objects of the interpreter's own types keep others.
_FIELDS = (
    "__self__", "__func__", "__wrapped__", "__closure__", "__defaults__", "__kwdefaults__", "__dict__", "__code__",
    "__traceback__", "__context__", "__cause__", "args", "tb_frame", "tb_next", "f_back", "cell_contents", "func",
    "keywords", "gi_frame", "cr_frame", "ag_frame", "fget", "fset", "__callback__", "__bases__", "__mro__",
)  # fmt: skip
_PLAIN = (str, bytes, float, bool, type(None))
_LONGEST_NUMBER = 10**18


def is_a(value: Any, kinds: Any) -> bool:
    """Tell whether ``value`` is an instance; isinstance may call the program, whose classes can have ``__class__``."""
    return issubclass(type(value), kinds)


def of_class(kind: type, name: str) -> Any:
    """Return an attribute of a class without asking its metaclass."""
    return type.__getattribute__(kind, name)


def module_dict(module: Any) -> dict[str, Any]:
    """Return the variables of a module. One that is loaded when it is first used stays as it is."""
    found: dict[str, Any] = object.__getattribute__(module, "__dict__")
    return found


def name_of(value: Any) -> str:
    """Return what ``value`` is, in a word or two: its class, or its own name if it is code."""
    if is_a(value, ModuleType):
        return f"module {module_dict(value).get('__name__')}"
    if is_a(value, type):
        return f"class {of_class(value, '__qualname__')}"
    if is_a(value, FrameType):
        return f"call of {value.f_code.co_name}"
    if is_a(value, (FunctionType, BuiltinFunctionType)):
        return f"function {value.__qualname__}"
    if is_a(value, MethodType):
        return f"method {getattr(value.__func__, '__qualname__', type(value.__func__).__name__)}"
    if is_a(value, (GeneratorType, CoroutineType, AsyncGeneratorType)):
        return f"{of_class(type(value), '__name__')} {value.__qualname__}"
    return str(of_class(type(value), "__name__"))


def edge(holder: Any, held: Any) -> str:
    """Return the name of ``holder`` and of the place where it keeps ``held``; the name alone where that is unknown."""
    name = name_of(holder)
    if is_a(holder, dict):
        return f"{name}{_in_dict(holder, held)}"
    if is_a(holder, (list, tuple, deque)):
        return name + _in_sequence(holder, held)
    if is_a(holder, (set, frozenset)):
        return f"{name} member"
    local = next((key for key, value in _locals_of(holder) if value is held), None)
    if local is not None:
        return f"{name}, variable {local!r}"
    attribute = next((key for key, value in _attributes_of(holder) if value is held), None)
    return name if attribute is None else f"{name}.{attribute}"


def closure_edge(function: FunctionType, cell: object) -> str:
    """Return the name of a function and of the variable around it that ``cell`` holds."""
    names = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    return f"{name_of(function)}, variable {next((name for name, each in names if each is cell), '?')!r}"


def attributes(value: Any) -> dict[str, Any]:
    """Return the ``__dict__`` of an object; an empty one if there is none."""
    own = (of_class(kind, "__dict__").get("__dict__") for kind in of_class(type(value), "__mro__"))
    if any(is_a(each, (property, FunctionType)) for each in own):  # code of the program
        return {}
    try:
        found = object.__getattribute__(value, "__dict__")
    except (AttributeError, TypeError):
        return {}
    return found if is_a(found, dict) else dict(found)


def _in_dict(holder: dict[Any, Any], held: object) -> str:
    try:  # not of a copy: the dict may be most of what there is
        for key, value in dict.items(holder):
            if value is held:
                return f"[{_key(key)}]"
            if key is held:
                return " key"
    except RuntimeError:  # another thread changes it
        pass
    return ""


def _key(key: Any) -> str:
    """Return a key as code, as far as that calls nothing of the program."""
    if type(key) in _PLAIN or (type(key) is int and abs(key) < _LONGEST_NUMBER):
        return reprlib.repr(key)
    if type(key) is tuple:
        return f"({', '.join(map(_key, key[:4]))}{', …' if len(key) > 4 else ''})"
    return name_of(key)


def _in_sequence(holder: list[Any] | tuple[Any, ...] | deque[Any], held: object) -> str:
    try:
        kind: Any = next(each for each in (list, tuple, deque) if is_a(holder, each))
        return next((f"[{index}]" for index, value in enumerate(kind.__iter__(holder)) if value is held), "")
    except RuntimeError:  # another thread changes a deque
        return ""


def _locals_of(holder: Any) -> Iterator[tuple[str, object]]:
    frame = holder
    for field in ("gi_frame", "cr_frame", "ag_frame"):
        if is_a(holder, (GeneratorType, CoroutineType, AsyncGeneratorType)) and hasattr(holder, field):
            frame = getattr(holder, field)
    if is_a(frame, FrameType):
        yield from tuple(frame.f_locals.items())


def _attributes_of(holder: Any) -> Iterator[tuple[str, object]]:
    yield from tuple(attributes(holder).items())
    for kind in of_class(type(holder), "__mro__"):
        for name, slot in tuple(of_class(kind, "__dict__").items()):
            if is_a(slot, MemberDescriptorType):
                try:
                    yield name, slot.__get__(holder)
                except AttributeError:  # a slot without a value
                    continue
    if of_class(type(holder), "__module__") in ("builtins", "functools", "weakref") or is_a(holder, BaseException):
        for name in _FIELDS:
            try:
                yield name, getattr(holder, name)
            except Exception:  # noqa: S112 - an empty cell is a ValueError; an exception may have its own __getattr__
                continue
