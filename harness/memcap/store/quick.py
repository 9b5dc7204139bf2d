"""Make frozen dataclasses of parsed JSON in which nothing is unusual.

Nearly all that memcap reads is what memcap wrote. pydantic can make objects of it too, but it needs 0.1 s to start,
three times as long for a large result, and twice the memory, because it makes a new object for each ``{}``. So JSON is
read here first. An unknown key, a missing key, a wrong type or a number out of bounds raises UnusualJson. The caller
then asks pydantic, which accepts the value or says what is wrong with it.

Each *shape* of a type, that is, the keys that an object has and their order, gets a function of its own, compiled as
the ``__init__`` of a dataclass is. A large result has a few dozen shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from types import NoneType, UnionType
from typing import Any, Final, TypeVar, Union, get_args, get_origin, get_type_hints

from memcap.strict import MOST_FIGURE, MOST_WHOLE

_T = TypeVar("_T")
_Make = Callable[[Any], Any]

_LARGEST: Final = 1e308  # of a number that may be negative
_MOST_KEYS_OF_SHARED: Final = 6  # facts with so few keys, such as about OOM kills, are alike in most runs
_MOST_SHARED: Final = 1000  # of one shape
_MOST_SHAPES: Final = 500  # of one type; a file with more is none of ours


class UnusualJson(Exception):  # noqa: N818 - it need not be an error
    """This is not exactly what memcap writes."""


class QuickReader:
    """Makes objects of parsed JSON. ``keys`` counts the keys of all objects in what was read.

    Below the keys ``signed`` numbers may be negative. Unknown keys are unusual unless it ``skips_unknown`` ones.
    """

    def __init__(self, signed: Collection[str] = (), *, skips_unknown: bool = False) -> None:
        self.keys = 0
        self._skips_unknown = skips_unknown
        self._signed = frozenset(signed)
        self._makers: dict[tuple[Any, bool], _Make] = {}

    def read(self, kind: type[_T], found: Any) -> _T:
        """Return the ``kind`` that ``found`` is. Raises UnusualJson."""
        made: _T = self._maker(kind, signed=False)(found)
        return made

    def _maker(self, kind: Any, *, signed: bool) -> _Make:
        known = self._makers.get((kind, signed))
        if known is None:
            known = self._makers[kind, signed] = self._new_maker(kind, signed=signed)
        return known

    def _new_maker(self, kind: Any, *, signed: bool) -> _Make:
        inner = get_args(kind)
        if is_dataclass(kind):
            return self._of_object(kind, signed=signed)
        if get_origin(kind) is tuple and inner[1:] == (Ellipsis,):
            return _of_tuple(self._maker(inner[0], signed=signed))
        if get_origin(kind) is Mapping:
            return self._of_mapping(self._maker(inner[0], signed=False), self._maker(inner[1], signed=signed))
        if get_origin(kind) in (Union, UnionType):
            return self._of_union(inner, signed=signed)
        if isinstance(kind, type) and issubclass(kind, Enum):
            return _of_enum(kind)
        if kind in (int, float, str, bool):
            return _compiled([*_checks("value", kind, signed=signed), "return value"], "value", {})
        return _unusual

    def _of_mapping(self, make_key: _Make, make: _Make) -> _Make:
        empty: dict[Any, Any] = {}  # shared: what is read is a Mapping, which nobody changes

        def of_mapping(found: Any) -> Any:
            if type(found) is not dict:
                raise UnusualJson
            if not found:
                return empty
            self.keys += len(found)
            return {make_key(key): make(value) for key, value in found.items()}

        return of_mapping

    def _of_union(self, kinds: tuple[Any, ...], *, signed: bool) -> _Make:
        others = tuple(kind for kind in kinds if kind is not NoneType)
        if set(others) == {int, float}:
            of_int, of_float = (self._maker(kind, signed=signed) for kind in (int, float))

            def of_number(value: Any) -> Any:
                return of_int(value) if type(value) is int else of_float(value)

            make: _Make = of_number
        else:  # a text may be the hash of a secret; nothing else of a union is usual
            make = self._maker(str if str in others else others[0], signed=signed)
        return (lambda value: None if value is None else make(value)) if NoneType in kinds else make

    def _of_object(self, kind: Any, *, signed: bool) -> _Make:
        shapes: dict[tuple[str, ...], _Make] = {}

        def of_object(found: Any) -> Any:
            if type(found) is not dict:
                raise UnusualJson
            keys = tuple(found)
            make = shapes.get(keys)
            if make is None:
                if len(shapes) >= _MOST_SHAPES:
                    raise UnusualJson
                make = shapes[keys] = self._of_shape(kind, keys, signed=signed)
            return make(found)

        return of_object

    def _of_shape(self, kind: Any, keys: tuple[str, ...], *, signed: bool) -> _Make:
        """Return what makes a ``kind`` of an object with these keys in this order."""
        known = {each.name: each for each in fields(kind)}
        taken = {key: f"v{place}" for place, key in enumerate(keys) if key in known}
        absent = [each for name, each in known.items() if name not in taken]
        if not keys:
            return _shared(kind)
        if len(taken) < len(keys) and not self._skips_unknown:
            return _unusual
        if any(each.default is MISSING and each.default_factory is MISSING for each in absent):
            return _unusual
        names: dict[str, Any] = {"reader": self, "kind": kind, "nothing": {}}
        lines = [
            f"{', '.join(f'v{place}' for place in range(len(keys)))}, = found.values()",
            f"reader.keys += {len(keys)}",
        ]
        hints, is_plain = get_type_hints(kind, include_extras=True), True
        for key, variable in taken.items():
            below = signed or key in self._signed
            checks = _checks(variable, hints[key], signed=below)
            if not checks:
                is_plain = False
                names[f"make_{variable}"] = self._maker(hints[key], signed=below)
                checks = _making_of_part(variable, hints[key], names)
            lines += checks
        if not hasattr(kind, "__slots__") or hasattr(kind, "__post_init__"):
            given = ", ".join(f"{key}={variable}" for key, variable in taken.items())
            return _compiled([*lines, f"return kind({given})"], "found", names)
        is_shared = is_plain and 0 < len(taken) <= _MOST_KEYS_OF_SHARED
        return _compiled([*lines, *_making(kind, taken, absent, names, is_shared=is_shared)], "found", names)


def _making_of_part(variable: str, kind: Any, names: dict[str, Any]) -> list[str]:
    """Return the lines that make a part of an object; most lists are empty, which needs no call."""
    making = f"{variable} = make_{variable}({variable})"
    if get_origin(kind) is tuple:
        return [f"if type({variable}) is list and not {variable}: {variable} = ()", f"else: {making}"]
    if isinstance(kind, type) and issubclass(kind, Enum):
        names[f"members_{variable}"] = {each.value: each for each in kind}
        return [
            f"{variable} = members_{variable}.get({variable}) if type({variable}) is str else None",
            f"if {variable} is None: raise UnusualJson",
        ]
    if is_dataclass(kind):
        with suppress(UnusualJson):
            names[f"empty_{variable}"] = names[f"make_{variable}"]({})
            return [f"if {variable} == nothing: {variable} = empty_{variable}", f"else: {making}"]
    return [making]


def _making(
    kind: Any, taken: Mapping[str, str], absent: Collection[Field[Any]], names: dict[str, Any], *, is_shared: bool
) -> list[str]:
    """Return the lines that make a ``kind`` with slots of variables, and put into ``names`` what they need.

    An attribute of a twin, which is not frozen, is set in a fifth of the time that it takes to set one of the frozen.
    """
    names["twin"] = type(f"Open{kind.__name__}", (), {"__slots__": kind.__slots__})
    lines = ["made = twin()", *(f"made.{key} = {variable}" for key, variable in taken.items())]
    for each in absent:
        name = f"default_{each.name}"
        if each.default is not MISSING:
            names[name] = each.default
        elif each.default_factory is not MISSING:
            names[name] = each.default_factory()  # shared: it is frozen, or a Mapping
        lines.append(f"made.{each.name} = {name}")
    lines.append("made.__class__ = kind")
    if is_shared:
        names |= {"known": {}, "most": _MOST_SHARED}
        key = f"({', '.join(taken.values())},)"
        lines = [f"made = known.get({key})", "if made is not None: return made", *lines]
        lines.append(f"if len(known) < most: known[{key}] = made")
    return [*lines, "return made"]


def _checks(variable: str, kind: Any, *, signed: bool) -> list[str]:
    """Return the lines that refuse what no ``kind`` is; none for kinds that need a function of their own."""
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    others = [each for each in kinds if each is not NoneType]
    if len(others) != 1 or others[0] not in (int, float, str, bool):
        return []
    unless_none = f"{variable} is not None and " if NoneType in kinds else ""
    low, high, whole = (-_LARGEST, _LARGEST, _LARGEST) if signed else (0, MOST_FIGURE, MOST_WHOLE)
    if others[0] is float:
        return [
            f"if {unless_none}type({variable}) is not float:",
            f"    if type({variable}) is not int or not {low} <= {variable} <= {whole}: raise UnusualJson",
            f"    {variable} = float({variable})",
            f"if {unless_none}not {low} <= {variable} <= {high}: raise UnusualJson",  # also NaN
        ]
    bounds = f" or not {low} <= {variable} <= {whole}" if others[0] is int else ""
    return [f"if {unless_none}(type({variable}) is not {others[0].__name__}{bounds}): raise UnusualJson"]


def _compiled(lines: list[str], parameter: str, names: dict[str, Any]) -> _Make:
    """Return the function with these lines. They hold names of fields of our types, and nothing of any file."""
    body = "\n".join(f"    {line}" for line in lines)
    names["UnusualJson"] = UnusualJson
    exec(f"def make({parameter}):\n{body}", names)  # noqa: S102 - as dataclasses make their __init__
    made: _Make = names["make"]
    return made


def _of_tuple(make: _Make) -> _Make:
    def of_tuple(found: Any) -> Any:
        if type(found) is not list:
            raise UnusualJson
        return tuple([make(each) for each in found])

    return of_tuple


def _of_enum(kind: type[Enum]) -> _Make:
    members = {each.value: each for each in kind}

    def of_enum(found: Any) -> Any:
        member = members.get(found) if type(found) is str else None
        if member is None:
            raise UnusualJson
        return member

    return of_enum


def _shared(kind: Any) -> _Make:
    """Return what gives the same object for each ``{}``: it is frozen."""
    try:
        made = kind()
    except TypeError:
        return _unusual
    return lambda _: made


def _unusual(_: Any) -> Any:
    raise UnusualJson
