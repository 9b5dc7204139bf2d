"""The language of loads: one line of text, or a table of TOML.

A line is one request or several, joined by ``and``, with the words that are for all of them::

    GET /items/{1..500} rate=200 for 20s
    GET /items/{1..500} weight=9 and POST /cart body=cart.json header='Accept: text/html' rate=200 for 20s

Words of a request: METHOD PATH [weight=N] [body=FILE] [header='Name: value']…; of the load: rate=N for DURATION
[concurrency=N] [keepalive=no] [timeout=DURATION] [levels=1,2,4]. Quotes work as in a shell. The table has the same
words as keys, with `duration` for `for`, and `requests`, a text or a list of them::

    requests = ["GET /items/{1..500} weight=9", "POST /cart body=cart.json"]
    rate = 200
    duration = "20s"
    levels = [1, 2, 4]
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, NoReturn, TypeVar

from memcap.errors import SizeError, UsageError
from memcap.load.words import (
    read_body,
    read_concurrency,
    read_duration,
    read_header,
    read_keepalive,
    read_levels,
    read_method,
    read_path,
    read_rate,
    read_timeout,
    read_weight,
)
from memcap.model import LoadRequest, LoadSpec
from memcap.strict import describe, quote
from memcap.units import counted

MOST_REQUESTS: Final = 10_000_000
MOST_KINDS: Final = 100  # of requests in a mix
EXAMPLE: Final = "GET /items/{1..500} rate=200 for 20s concurrency=20"

_T = TypeVar("_T")
# A word's key → the field of LoadSpec, and what reads the value.
_OF_LOAD: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "rate": ("rate", read_rate),
    "duration": ("seconds", read_duration),
    "concurrency": ("concurrency", read_concurrency),
    "keepalive": ("keep_alive", read_keepalive),
    "timeout": ("timeout_seconds", read_timeout),
    "levels": ("levels", read_levels),
}
_OF_REQUEST: Final = ("weight", "body", "header")
_JOIN, _FOR = "and", "for"


@dataclass(frozen=True, kw_only=True)
class _Given:
    """A text that was given, and where, for messages."""

    place: str
    text: str


class _Reader:
    """Reads what was given, and collects all problems for one message."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def add(self, place: str, problem: str) -> None:
        self.problems.append(f"{place}: {problem}" if place else problem)

    def value(self, given: _Given, read: Callable[[str], _T]) -> _T | None:
        try:
            return read(given.text)
        except (UsageError, SizeError) as error:
            self.add(given.place, f"{error.message}. {error.remedy}" if error.remedy else error.message)
            return None

    def words(self, text: str, place: str = "") -> list[_Given] | None:
        """Return the words of an expression; None if its quotes do not fit."""
        try:
            words = shlex.split(text)
        except ValueError as error:
            self.add(place, f"{str(error).lower()}; quotes come in pairs")
            return None
        before = f"{place}, " if place else ""
        return [_Given(place=f"{before}word {n} ({quote(word)})", text=word) for n, word in enumerate(words, start=1)]

    def request(self, words: Sequence[_Given], place: str) -> LoadRequest | None:
        """Return the request that ``words`` are; ``place`` is where it should be."""
        if len(words) < 2:
            self.add(words[0].place if words else place, "expected a request such as GET /items")
            return None
        method, path = self.value(words[0], read_method), self.value(words[1], read_path)
        once: dict[str, _Given] = {}
        headers: list[tuple[str, str] | None] = []
        for word in words[2:]:
            key, equals, text = word.text.partition("=")
            given = _Given(place=word.place, text=text)
            if key == "header" and equals:
                headers.append(self.value(given, read_header))
            elif key in _OF_REQUEST and equals:
                self.once(once, key, given)
            else:
                self.add(word.place, _unknown(word.text))
        body = self.value(once["body"], read_body) if "body" in once else None
        weight = self.value(once["weight"], read_weight) if "weight" in once else 1
        if method is None or path is None or weight is None or None in headers:
            return None
        kept = tuple(header for header in headers if header is not None)
        return LoadRequest(method=method, path=path, headers=kept, body=body, weight=weight)

    def once(self, found: dict[str, _Given], key: str, given: _Given) -> None:
        if key in found:
            self.add(given.place, f"{key} is there twice")
        found[key] = given

    def spec(self, requests: Sequence[LoadRequest | None], shared: Mapping[str, _Given]) -> LoadSpec | None:
        """Return the load; None if there are problems."""
        values: dict[str, Any] = {}
        for key, given in shared.items():
            field, read = _OF_LOAD[key]
            values[field] = self.value(given, read)
        if "rate" not in shared:
            self.add("", "the rate is missing, such as rate=200")
        if "duration" not in shared:
            self.add("", "the duration is missing, such as `for 20s`")
        if len(requests) > MOST_KINDS:
            self.add("", f"there are {len(requests)} requests; a mix has at most {MOST_KINDS}")
        if self.problems:
            return None
        spec = LoadSpec(requests=tuple(request for request in requests if request is not None), **values)
        least, most = spec.at_level(min(spec.levels)).count, spec.at_level(max(spec.levels)).count
        if least < 1:
            self.add("", "rate and duration are less than one request")
        if most > MOST_REQUESTS:
            self.add("", f"rate and duration are {most} requests; at most {MOST_REQUESTS} are possible")
        return spec

    def refuse(self, subject: str, *, example: str = EXAMPLE) -> NoReturn:
        remedy = f"Write it like {example!r}."
        if len(self.problems) == 1:
            raise UsageError(f"{subject}: {self.problems[0]}", remedy=remedy)
        lines = "".join(f"\n  {problem}" for problem in self.problems)
        raise UsageError(f"{subject} has {counted(len(self.problems), 'problem')}:{lines}", remedy=remedy)


def parse_load(text: str, *, time: str | None = None) -> LoadSpec:
    """Return the load that ``text`` describes; ``time`` is how long it lasts where it does not say.

    Raises UsageError with all that is wrong in it.
    """
    reader, subject = _Reader(), f"the load {quote(text)!r}"
    requests: list[list[_Given]] = [[]]
    shared: dict[str, _Given] = {}
    given = reader.words(text)
    if given is None:
        reader.refuse(subject)
    words = iter(given)
    for word in words:
        key, equals, value = word.text.partition("=")
        if word.text == _JOIN:
            requests.append([])
        elif word.text == _FOR:
            reader.once(shared, "duration", next(words, _Given(place=word.place, text="")))
        elif equals and key in _OF_LOAD and key != "duration":
            reader.once(shared, key, _Given(place=word.place, text=value))
        else:
            requests[-1].append(word)
    if time is not None:
        shared.setdefault("duration", _Given(place="", text=time))
    found = [reader.request(each, f"request {number}") for number, each in enumerate(requests, start=1)]
    spec = reader.spec(found, shared)
    if spec is None or reader.problems:
        reader.refuse(subject)
    return spec


def parse_request(text: str) -> LoadRequest:
    """Return the one request that ``text`` describes, such as ``POST /collect``. Raises UsageError."""
    reader = _Reader()
    words = reader.words(text)
    found = None if words is None else reader.request(words, "")
    if found is None or reader.problems:
        reader.refuse(f"the request {quote(text)!r}", example="POST /collect")
    return found


def read_load(value: object) -> LoadSpec:
    """Return the load that a value of TOML describes, a text or a table. Raises UsageError with all that is wrong."""
    if isinstance(value, str):
        return parse_load(value)
    if not isinstance(value, dict):
        raise UsageError(f"a load is a text or a table, not {describe(value)}", remedy=f"Write it like {EXAMPLE!r}.")
    reader = _Reader()
    texts = value.get("requests", [])
    texts = [texts] if isinstance(texts, str) else texts
    requests = []
    if not isinstance(texts, list) or not texts:
        reader.add("requests", f"expected a text such as {EXAMPLE.partition(' rate')[0]!r}, or a list of them")
    else:
        for number, text in enumerate(texts):
            place = f"requests[{number}]"
            if not isinstance(text, str):
                reader.add(place, f"expected a text, found {describe(text)}")
            elif (words := reader.words(text, place)) is not None:
                requests.append(reader.request(words, place))
    shared = {}
    for key, inner in value.items():
        if key in _OF_LOAD and (given := _text_of(inner)) is not None:
            shared[key] = _Given(place=key, text=given)
        elif key != "requests":
            reader.add(quote(str(key)), "the value has a wrong type" if key in _OF_LOAD else _unknown(str(key)))
    spec = reader.spec(requests, shared)
    if spec is None or reader.problems:
        reader.refuse("the load")
    return spec


def render_load(spec: LoadSpec) -> str:
    """Return the expression of a load; what is usual is left out."""
    usual = LoadSpec(requests=(), rate=1, seconds=1)
    words = [f" {_JOIN} ".join(map(_render_request, spec.requests))]
    words += [f"rate={_plain(spec.rate)} {_FOR} {_plain(spec.seconds)}s"]
    words += [f"concurrency={spec.concurrency}"] if spec.concurrency != usual.concurrency else []
    words += [] if spec.keep_alive else ["keepalive=no"]
    words += [f"timeout={_plain(spec.timeout_seconds)}s"] if spec.timeout_seconds != usual.timeout_seconds else []
    words += [f"levels={','.join(map(_plain, spec.levels))}"] if spec.levels != usual.levels else []
    return " ".join(words)


def _render_request(request: LoadRequest) -> str:
    words = [request.method, _quoted(request.path)]
    words += [f"weight={request.weight}"] if request.weight != 1 else []
    words += [f"body={_quoted(request.body)}"] if request.body is not None else []
    words += [f"header={_quoted(f'{name}: {value}')}" for name, value in request.headers]
    return " ".join(words)


def _quoted(text: str) -> str:
    """Return ``text`` as one word; here, unlike in a shell, braces need no quotes."""
    bare = text.replace("{", "").replace("}", "")
    return text if bare and shlex.quote(bare) == bare else shlex.quote(text)


def _plain(number: float) -> str:
    return repr(float(number)).removesuffix(".0")


def _text_of(value: object) -> str | None:
    """Return a value of a table as an expression has it; None for what cannot be one."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return _plain(value) if abs(value) < 1e15 else None
    if isinstance(value, list):
        parts = [_text_of(part) for part in value if not isinstance(part, list | bool)]
        return ",".join(part for part in parts if part is not None) if len(parts) == len(value) else None
    return value if isinstance(value, str) else None


def _unknown(text: str) -> str:
    key = text.partition("=")[0]
    near = get_close_matches(key[:100], (*_OF_LOAD, *_OF_REQUEST), n=1)
    return f"unknown; did you mean {near[0]}?" if near else "unknown; known are " + ", ".join((*_OF_REQUEST, *_OF_LOAD))
