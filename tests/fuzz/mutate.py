"""Damage files at random: bytes, numbers, words and the structure of JSON."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from random import Random
from typing import Any

NUMBERS = (
    "NaN", "Infinity", "-Infinity", "nan", "inf", "1e999", "-1e999", "1e308", "1e200", "1e31", "5e-324", "-1", "-0.0",
    "0", "1", "0.1", "true", "null", '"1"', "[]", "{}", "4096", str(2**31), str(2**53), str(2**62), str(2**63),
    str(-(2**63)), str(2**64), "9" * 30, "9" * 400, "-" + "9" * 400, "9" * 4200, "9" * 6000, "0x" + "f" * 99,
    "1979-05-27",
)  # fmt: skip
WORDS = (
    "", "a", "../../../x/pwned", "/etc/passwd", "..", "nul", "com1", "a/b", "a\\b", "x" * 300, "x" * 5000, "a\0b",
    "\x1b[31m", "\ud800", "\u202e", "٣", "☕", "\ufeff", " ", "\n", "completed", "oom_killed", "failed", "peak", "none",
    "128m", "9e9m", "99999999999999999999d", "50%", "999999999999%", "work:leak", "a.b:c", "*", "NaN", "__class__",
    "agents.a-b-c", "a.b-c", "-" * 40, "<<<<<<< HEAD",
)  # fmt: skip
TOKENS = (
    b"{", b"}", b"[", b"]", b'"', b",", b":", b"=", b"\n", b"\r\n", b"\0", b"\\", b"#", b"'''", b'"""', b"[[", b"]]",
    b"[a]", b"a.b.c = 1", b"\xff", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"<<<<<<< ", b"[" * 300, b"{\"a\":" * 300,
    b"[" * 20_000, b"a = " + b"[" * 2000, b"a." * 500,
)  # fmt: skip
_NUMBER = re.compile(rb"(?<![\w.])-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_WORD = re.compile(rb'"[^"\\\n]{0,80}"')
_KEYS = 4000  # of one mutated document: larger ones are mutated by bytes only


def damage(content: bytes, others: tuple[bytes, ...], random: Random) -> bytes:
    """Return ``content`` with one to four things changed; ``others`` are files of the same kind."""
    for _ in range(random.choice((1, 1, 1, 2, 2, 3, 4))):
        content = random.choice(_CHANGES)(content, others, random)
    return content


def _number(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    return _replace_one(_NUMBER, content, random.choice(NUMBERS).encode(), random)


def _word(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    return _replace_one(_WORD, content, json.dumps(random.choice(WORDS)).encode(), random)


def _replace_one(pattern: re.Pattern[bytes], content: bytes, new: bytes, random: Random) -> bytes:
    found = list(pattern.finditer(content))
    if not found:
        return content + new
    chosen = random.choice(found)
    return content[: chosen.start()] + new + content[chosen.end() :]


def _flip(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + bytes([random.randrange(256)]) + content[place + 1 :]


def _cut(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    start, end = _slice(content, random)
    return content[:start] + content[end:]


def _end(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    return content[: random.randrange(len(content) + 1)]


def _repeat(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    start, end = _slice(content, random)
    return content[:end] + content[start:end] * random.choice((1, 1, 2, 50)) + content[end:]


def _insert(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    place = random.randrange(len(content) + 1)
    return content[:place] + random.choice(TOKENS) + content[place:]


def _splice(content: bytes, others: tuple[bytes, ...], random: Random) -> bytes:
    other = random.choice(others)
    start, end = _slice(other, random)
    place = random.randrange(len(content) + 1)
    return content[:place] + other[start:end] + content[place:]


def _slice(content: bytes, random: Random) -> tuple[int, int]:
    start = random.randrange(len(content) + 1)
    return start, min(len(content), start + random.choice((1, 2, 8, 64, 400)))


def _structure(content: bytes, _: tuple[bytes, ...], random: Random) -> bytes:
    """Change one value, key or element of JSON, or of one line of JSON lines."""
    lines = content.split(b"\n")
    chosen = random.randrange(len(lines))
    try:
        whole = json.loads(content if content.lstrip()[:1] == b"{" and len(lines) < 2 + content.count(b"{") else b"")
        lines, chosen = [content], 0
    except (ValueError, RecursionError):
        try:
            whole = json.loads(lines[chosen])
        except (ValueError, RecursionError):
            return _number(content, (), random)
    places: list[tuple[Any, Any]] = []
    _collect(whole, places)
    if not places:
        return content
    parent, key = random.choice(places)
    random.choice(_OF_STRUCTURE)(parent, key, random)
    try:
        lines[chosen] = json.dumps(whole, ensure_ascii=random.random() < 0.9).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):
        return content
    return b"\n".join(lines)


def _collect(value: Any, places: list[tuple[Any, Any]]) -> None:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in list(items)[:200]:
        if len(places) < _KEYS:
            places.append((value, key))
            _collect(inner, places)


def _odd(parent: Any, key: Any, random: Random) -> None:
    choices: tuple[Callable[[], Any], ...] = (
        lambda: random.choice((None, True, False, 0, -1, 1, 0.5, -0.5, 10**20, 10**400, -(10**40), math.nan, math.inf)),
        lambda: random.choice(WORDS),
        lambda: random.choice(([], {}, [1, 2], {"a": 1}, [[]], [None], [True])),
        lambda: parent[key],
    )  # fmt: skip
    parent[key] = random.choice(choices)()


def _remove(parent: Any, key: Any, _: Random) -> None:
    del parent[key]


def _rename(parent: Any, key: Any, random: Random) -> None:
    if isinstance(parent, dict):
        parent[random.choice((*WORDS, *map(str, parent)))] = parent.pop(key)


def _swap(parent: Any, key: Any, random: Random) -> None:
    other = random.choice(list(parent) if isinstance(parent, dict) else range(len(parent)))
    parent[key], parent[other] = parent[other], parent[key]


def _wrap(parent: Any, key: Any, random: Random) -> None:
    value = parent[key]
    for _ in range(random.choice((1, 2, 70, 300))):
        value = [value] if random.random() < 0.5 else {"a": value}
    parent[key] = value


def _more(parent: Any, key: Any, random: Random) -> None:
    if isinstance(parent, list):
        parent.extend([parent[key]] * random.choice((1, 2, 300)))


_OF_STRUCTURE = (_odd, _odd, _odd, _odd, _remove, _rename, _swap, _wrap, _more)
_CHANGES = (_number, _number, _number, _word, _word, _flip, _cut, _end, _repeat, _insert, _splice, *([_structure] * 7))
