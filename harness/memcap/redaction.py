"""Take secret values out of what is stored: texts, the types of the model, and files that a run left."""

from __future__ import annotations

import html
import json
import mmap
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import quote

MARK: Final = "***"
SHORTEST: Final = 4  # characters; what is shorter stands in too much other text
_SHORTEST_LINE: Final = 8  # of a value of several lines, such as a key: each is printed alone, too
_TEXTS: Final = frozenset({".html", ".md", ".svg", ".txt"})
# A key of a format, or a text; the last one of a file that was cut off has no end.
_JSON_TEXT: Final = re.compile(r'(?P<key>"[a-z_]+"(?=\s*:))|"(?:[^"\\]|\\.)*(?:"|\\?\Z)', re.DOTALL)

_Value = TypeVar("_Value")


class Redaction:
    """Write MARK in place of each of ``values`` that is long enough, also where it is quoted or escaped."""

    def __init__(self, values: Iterable[str]) -> None:
        found = {form for value in values for form in _forms(value)}
        self._forms = sorted(found, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, self._forms)))

    def text(self, text: str, *, cut_before: bool = False, cut_after: bool = False) -> str:
        """Return ``text`` without the values; what was cut off there may have taken a part of one with it."""
        if not self._forms:
            return text
        text = self._pattern.sub(MARK, text)
        if cut_before:
            text = next((MARK + text[len(part) :] for part in self._ends() if text.startswith(part)), text)
        if cut_after:
            text = next((text[: -len(part)] + MARK for part in self._starts() if text.endswith(part)), text)
        return text

    def tree(self, value: _Value) -> _Value:
        """Return ``value``, a dataclass of texts, tuples and others like it, without the values in its texts."""
        found: _Value = self._tree(value) if self._forms else value
        return found

    def _tree(self, value: Any) -> Any:
        if isinstance(value, Enum):
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, tuple):
            return tuple(map(self._tree, value))
        if isinstance(value, Mapping):
            return {name: self._tree(each) for name, each in value.items()}
        if is_dataclass(value) and not isinstance(value, type):
            own = {each.name: getattr(value, each.name) for each in fields(value) if each.init}
            return replace(value, **{name: self._tree(before) for name, before in own.items()})
        return value

    def files(self, folder: Path) -> None:
        """Take the values out of all files in ``folder``; those that are no text keep their length."""
        if not self._forms:
            return
        for path in folder.rglob("*"):
            if path.is_symlink() or not path.is_file() or not path.stat().st_size:
                continue
            if path.suffix == ".json" or path.suffix in _TEXTS:
                text = path.read_bytes().decode("utf-8", "surrogateescape")
                after = _JSON_TEXT.sub(self._json_text, text) if path.suffix == ".json" else self.text(text)
                if after != text:
                    path.write_bytes(_encoded(after))
            else:
                self._overwrite(path)

    def _json_text(self, found: re.Match[str]) -> str:
        """Return a text of JSON without the values; numbers and keys stay, so that it can be read."""
        if found["key"]:
            return found[0]
        try:
            before = json.loads(found[0], strict=False)
        except ValueError:
            return self.text(found[0])
        after = self.text(before)
        return found[0] if after == before else json.dumps(after)

    def _overwrite(self, path: Path) -> None:
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as content:
            for form in map(_encoded, self._forms):
                place = content.find(form)
                while place >= 0:
                    content[place : place + len(form)] = b"*" * len(form)
                    place = content.find(form, place + len(form))

    def _ends(self) -> Iterator[str]:
        """Yield what can be left of a value whose beginning was cut off, the longest first."""
        return (form[at:] for form in self._forms for at in range(1, len(form) - SHORTEST + 1))

    def _starts(self) -> Iterator[str]:
        """Yield what can be left of a value whose end was cut off, the longest first."""
        return (form[:-at] for form in self._forms for at in range(1, len(form) - SHORTEST + 1))


def _forms(value: str) -> Iterator[str]:
    """Yield ``value`` as programs write it, if it is long enough; its lines, too, if it has several."""
    if len(value) < SHORTEST or value.isspace():
        return
    lines = value.splitlines()
    for text in (value, *(line for line in lines if len(lines) > 1 and len(line.strip()) >= _SHORTEST_LINE)):
        yield text
        yield repr(text)[1:-1]
        yield json.dumps(text)[1:-1]
        yield html.escape(text)
        yield quote(_encoded(text), safe="")
        yield shlex.quote(text)


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a half of a pair that stands for no byte, as JSON may have
        return text.encode("utf-8", "surrogatepass")
