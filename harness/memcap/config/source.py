"""One TOML file as it was read, with the lines of its keys."""

from __future__ import annotations

import math
import os
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import tomli

from memcap.config.locate import key_lines, line_of
from memcap.errors import Problem
from memcap.strict import LONG_NUMBER, MOST_CONFIG_BYTES, MOST_DEPTH, MOST_DIGITS, KeyPath, TextError, read_text

_LONGEST_NAME = 255  # bytes, on all file systems in use; asking for a longer one raises


@dataclass(frozen=True, kw_only=True)
class Source:
    """The data of one TOML file; ``file`` is relative to the project."""

    file: Path
    data: Mapping[str, Any]
    lines: Mapping[KeyPath, int]

    def table(self, *path: str) -> Mapping[str, Any]:
        """Return the table at ``path``; an empty one if it is absent or something else."""
        value: Any = self.data
        for part in path:
            value = value.get(part) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}

    def problem(self, path: KeyPath, message: str, *, suggestion: str = "") -> Problem:
        """Return a problem with the key at ``path``."""
        key = ".".join(str(part) for part in path)
        return Problem(file=self.file, line=line_of(self.lines, path), key=key, message=message, suggestion=suggestion)

    def long_names(self, path: tuple[str, ...], keys: Iterable[str]) -> list[Problem]:
        """Return a problem for each of ``keys`` of the table at ``path`` that is a path which no system has."""
        table = self.table(*path)
        return [
            self.problem((*path, key), f"has a name of more than {_LONGEST_NAME} bytes in it")
            for key in keys
            if isinstance(table.get(key), str)
            and any(len(os.fsencode(name)) > _LONGEST_NAME for name in table[key].split("/"))
        ]


def read_source(root: Path, file: Path, *, most_bytes: int = MOST_CONFIG_BYTES) -> tuple[Source | None, list[Problem]]:
    """Read the TOML file ``root / file``: the source, and what is wrong with its text and values.

    The source is None if nothing can be made of the file. Values that no key may have are replaced by harmless ones, so
    that all other problems can be found, too.
    """
    try:
        text = read_text(root / file, most_bytes=most_bytes)
        data = tomli.loads(text)
        too_deep = _depth(data) > MOST_DEPTH
    except TextError as error:
        return None, [Problem(file=file, line=error.line, key="", message=error.reason)]
    except tomli.TOMLDecodeError as error:
        message = f"this is not TOML: {error.msg} (column {error.colno})"
        return None, [Problem(file=file, line=error.lineno, key="", message=message)]
    except RecursionError:
        too_deep = True
    except ValueError:  # Python itself reads no number of so many digits
        found = LONG_NUMBER.search(text)
        line = text.count("\n", 0, found.start()) + 1 if found else None
        return None, [Problem(file=file, line=line, key="", message=f"a number has more than {MOST_DIGITS} digits")]
    if too_deep:
        message = f"is nested more than {MOST_DEPTH} deep"
        return None, [Problem(file=file, line=None, key="", message=message)]
    odd: list[tuple[KeyPath, str]] = []
    source = Source(file=file, data=_checked(data, odd), lines=key_lines(text))
    return source, [source.problem(path, message) for path, message in odd]


def _depth(data: dict[str, Any]) -> int:
    """Return how deep ``data`` is nested; it may be deeper than Python can call functions."""
    level: list[dict[str, Any] | list[Any]] = [data]
    depth = 0
    while level:
        depth += 1
        inside = (value for each in level for value in (each.values() if isinstance(each, dict) else each))
        level = [value for value in inside if isinstance(value, dict | list)]
    return depth


def _checked(value: Any, odd: list[tuple[KeyPath, str]], at: KeyPath = ()) -> Any:
    """Return ``value`` with harmless values for those that no key may have; add what is wrong with these to ``odd``."""
    if isinstance(value, dict):
        return {key: _checked(inner, odd, (*at, key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_checked(inner, odd, (*at, place)) for place, inner in enumerate(value)]
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        odd.append((at, "is a number of more than 64 bits"))
        return 1
    if isinstance(value, float) and not math.isfinite(value):
        odd.append((at, f"must be a finite number, got {value}"))
        return 1.0
    if isinstance(value, str) and "\0" in value:
        odd.append((at, "must not hold a NUL character, as no program can be given one"))
        return value.replace("\0", "")
    return value


def without_known(further: Sequence[Problem], known: Sequence[Problem]) -> list[Problem]:
    """Return the problems of ``further`` whose keys have none in ``known``: what stood there was replaced."""
    keys = {(problem.file, problem.key) for problem in known}
    return [problem for problem in further if (problem.file, problem.key) not in keys]


def shown(value: object) -> str:
    """Return ``value`` as a message quotes it: as Python writes it, but short."""
    short = reprlib.Repr()
    short.maxstring = short.maxother = short.maxlong = 80
    return short.repr(value)


def nearest(word: object, words: Mapping[str, object] | tuple[str, ...] | frozenset[str]) -> str:
    """Return the one of ``words`` that ``word`` may have been meant to be, or an empty string."""
    near = get_close_matches(str(word)[:100], sorted(words), n=1)
    return near[0] if near else ""
