"""One TOML file as it was read, with the lines of its keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import tomli

from memcap.config.locate import KeyPath, key_lines, line_of
from memcap.errors import Problem


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


def read_source(root: Path, file: Path) -> tuple[Source | None, list[Problem]]:
    """Read the TOML file ``root / file``: the source, or the problem that it cannot be read."""
    try:
        text = (root / file).read_text(encoding="utf-8")
        data = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        message = f"this is not TOML: {error.msg} (column {error.colno})"
        return None, [Problem(file=file, line=error.lineno, key="", message=message)]
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        return None, [Problem(file=file, line=line, key="", message="this is not UTF-8; save the file as UTF-8")]
    except OSError as error:
        return None, [Problem(file=file, line=None, key="", message=f"cannot be read: {error.strerror}")]
    source = Source(file=file, data=data, lines=key_lines(text))
    # A program cannot be given one, in its arguments or its environment, nor can a file have one in its name.
    problems = [source.problem(path, "has a NUL character") for path in _with_nul(data, ())]
    return (None, problems) if problems else (source, [])


def _with_nul(value: object, path: KeyPath) -> Iterator[KeyPath]:
    """Yield the keys of the texts that have a NUL in them."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _with_nul(each, (*path, key))
    elif isinstance(value, list):
        for number, each in enumerate(value):
            yield from _with_nul(each, (*path, number))
    elif isinstance(value, str) and "\0" in value:
        yield path


def nearest(word: object, words: Mapping[str, object] | tuple[str, ...] | frozenset[str]) -> str:
    """Return the one of ``words`` that ``word`` may have been meant to be, or an empty string."""
    near = get_close_matches(str(word), sorted(words), n=1)
    return near[0] if near else ""
