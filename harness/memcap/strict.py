"""Read what others wrote: text, JSON and TOML, bounded and checked before anything is made of it.

Every file and every report that memcap reads goes through here. These rules hold for all of them:

- UTF-8; a byte order mark at the start is skipped, as editors on Windows write one.
- A file has at most the bytes of its kind, is nested at most MOST_DEPTH deep, and names no key of an object twice.
- A figure is finite and not negative, and a whole number fits into 64 bits. The keys below which a figure may be
  negative are named by the reader; there it is only finite.
- What a message quotes of a file is short.

Whatever breaks a rule is a FileFormatError that names the file and the key.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NoReturn

from memcap.errors import FileFormatError
from memcap.untrusted import cut

_MIB: Final = 1024 * 1024
MOST_CONFIG_BYTES: Final = _MIB
MOST_LOCK_BYTES: Final = 16 * _MIB
MOST_BASELINE_BYTES: Final = 64 * _MIB
MOST_RESULT_BYTES: Final = 1024 * _MIB
MOST_DEPTH: Final = 64
MOST_WHOLE: Final = 2**63 - 1
MOST_FIGURE: Final = 1e30  # of a float: no program measures more, and sums of squares stay finite
MOST_DIGITS: Final = 4000  # of any number; Python itself reads 4300
MOST_QUOTED: Final = 60

KeyPath = tuple[str | int, ...]
Hook = Callable[[dict[str, Any]], Any]

LONG_NUMBER: Final = re.compile(r"[0-9]{4000}")
_SHOWN: Final = 5
_CUT_SHORT: Final = "The file was cut short or edited by hand; restore it, or measure again."


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A value that breaks a rule: where it is, and what was expected there."""

    path: KeyPath
    message: str


class TextError(FileFormatError):
    """A file holds no text that can be read: ``reason`` says why, ``line`` where."""

    def __init__(self, name: Path | str, reason: str, *, line: int | None = None) -> None:
        super().__init__(f"{name}:{line}: {reason}" if line else f"{name}: {reason}")
        self.reason = reason
        self.line = line


def read_text(path: Path, *, most_bytes: int) -> str:
    """Return the UTF-8 text of ``path``, without a byte order mark.

    Raises TextError if it cannot be read, is larger than ``most_bytes`` or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a path with NUL
        raise TextError(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if len(content) > most_bytes:
        raise TextError(path, f"is larger than {most_bytes // _MIB} MiB, so it is no file of memcap's")
    return decode(path, content)


def decode(name: Path | str, content: bytes) -> str:
    """Return ``content`` of the file ``name`` as text. Raises TextError if it is not UTF-8."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        reason = f"this is not text in UTF-8 (byte {error.start}); save the file as UTF-8"
        raise TextError(name, reason, line=line) from error


def parse_json(name: Path | str, text: str, *, hook: Hook | None = None) -> Any:
    """Return the JSON value in ``text``; ``hook`` may replace each object within it as soon as it is read.

    Numbers are not checked but for their length: see `wrong_numbers`. Raises FileFormatError naming ``name`` and the
    line and column, or the key.
    """

    def whole(pairs: list[tuple[str, Any]]) -> Any:
        found = dict(pairs)
        if len(found) < len(pairs):
            keys = [key for key, _ in pairs]
            twice = next(key for key in found if keys.count(key) > 1)
            raise FileFormatError(f"{name}: the key {describe(twice)} is there twice", remedy=_CUT_SHORT)
        return found if hook is None else hook(found)

    def whole_number(digits: str) -> int:
        if len(digits) > MOST_DIGITS:
            raise FileFormatError(f"{name}: a number has {len(digits)} digits: {quote(digits)}", remedy=_CUT_SHORT)
        return int(digits)

    text = text.removeprefix("\ufeff")
    try:
        try:
            return json.loads(text, object_pairs_hook=whole)
        except json.JSONDecodeError:
            raise
        except ValueError:  # Python itself reads no number of more than 4300 digits
            return json.loads(text, object_pairs_hook=whole, parse_int=whole_number)
    except json.JSONDecodeError as error:
        place = f"{name}:{error.lineno}:{error.colno}"
        raise FileFormatError(f"{place}: this is not JSON: {error.msg}", remedy=_CUT_SHORT) from error
    except RecursionError as error:
        raise FileFormatError(f"{name}: this JSON is nested too deeply to be ours") from error


def read_object(
    name: Path | str, text: str, *, signed: Collection[str] = (), hook: Hook | None = None
) -> dict[str, Any]:
    """Return the JSON object in ``text``, with every number in it checked (see `wrong_numbers` for ``signed``).

    What ``hook`` made of an object is not looked into. Raises FileFormatError naming ``name`` and the keys.
    """
    found = parse_json(name, text, hook=hook)
    if not isinstance(found, dict):
        raise FileFormatError(f"{name}: expected a JSON object, found {describe(found)}")
    refuse_wrong(name, wrong_numbers(found, signed=signed))
    return found


def wrong_numbers(value: Any, *, signed: Collection[str] = (), at: KeyPath = ()) -> list[Wrong]:
    """Return the numbers in ``value`` that no figure can be; ``at`` is where it is in its file.

    Below the keys ``signed`` a number need only be finite. What is nested too deeply is among them, too.
    """
    found: list[Wrong] = []
    _look(value, found, signed, at, len(at) + MOST_DEPTH)
    return found


def _look(value: Any, found: list[Wrong], signed: Collection[str] | None, at: KeyPath, deepest: int) -> None:
    """Add what is wrong in ``value``; ``signed`` is None where numbers may be negative."""
    kind = type(value)
    if kind is int:
        if signed is not None and not 0 <= value <= MOST_WHOLE:
            message = "0 or more" if value < 0 else "a whole number of at most 64 bits"
            found.append(Wrong(path=at, message=f"expected {message}, found {describe(value)}"))
        elif signed is None and not -1e308 <= value <= 1e308:
            found.append(Wrong(path=at, message=f"expected a number that a float holds, found {describe(value)}"))
    elif kind is float:
        if not (math.isfinite(value) if signed is None else 0 <= value <= MOST_FIGURE):
            message = "a finite number" if signed is None else f"a finite number from 0 to {MOST_FIGURE:g}"
            found.append(Wrong(path=at, message=f"expected {message}, found {describe(value)}"))
    elif kind is dict or kind is list:
        if len(at) >= deepest:
            found.append(Wrong(path=at, message=f"is nested more than {MOST_DEPTH} deep"))
            return
        items: Iterator[tuple[Any, Any]] = iter(value.items()) if kind is dict else iter(enumerate(value))
        for key, inner in items:
            of_inner = type(inner)
            if of_inner is str or inner is None or of_inner is bool:
                continue
            below = None if signed is None or key in signed else signed
            largest = MOST_WHOLE if of_inner is int else MOST_FIGURE if of_inner is float else -1.0
            if below is not None and largest > 0 and 0 <= inner <= largest:
                continue  # nearly all numbers of a large file, without another call
            _look(inner, found, below, (*at, key), deepest)


def refuse_wrong(name: Path | str, wrong: Collection[Wrong]) -> None:
    """Raise FileFormatError if there is anything wrong with the file ``name``."""
    if wrong:
        refuse(name, [f"{key_text(each.path)}: {each.message}" for each in wrong])


def refuse(name: Path | str, complaints: Collection[str]) -> NoReturn:
    """Raise FileFormatError with what is wrong with the file ``name``, each complaint beginning with its key."""
    lines = [f"  {each}" for each in list(complaints)[:_SHOWN]]
    if len(complaints) > _SHOWN:
        lines.append(f"  and {len(complaints) - _SHOWN} more")
    raise FileFormatError(
        "\n".join([f"{name} is malformed:", *lines]),
        remedy="Restore the file, or measure again; it is not meant to be edited by hand.",
    )


def key_text(path: KeyPath) -> str:
    """Return ``memcap.cells[0].runs[2].ending``."""
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{quote(part)}" for part in path)
    return parts.lstrip(".") or "the file"


def describe(value: object) -> str:
    """Return a value of JSON or TOML in a few words for an error message."""
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    if isinstance(value, int) and value.bit_length() > 4 * MOST_QUOTED:
        return "a number of more than 70 digits"
    return quote(json.dumps(value[: 2 * MOST_QUOTED] if isinstance(value, str) else value, default=str))


def quote(text: str) -> str:
    """Return ``text`` cut to what a message quotes."""
    return cut(text, MOST_QUOTED)
