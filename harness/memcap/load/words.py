"""The values in a load, each read from its text. All raise UsageError, and those of times SizeError."""

from __future__ import annotations

import re
from typing import Final

from memcap.errors import UsageError
from memcap.units import parse_seconds

MOST_RATE: Final = 100_000  # requests a second
MOST_CONCURRENCY: Final = 10_000
MOST_SECONDS: Final = 2 * 3600.0  # what lasts longer is a soak
MOST_TIMEOUT_SECONDS: Final = 600.0
MOST_LEVEL: Final = 1000
MOST_LEVELS: Final = 20
MOST_WEIGHT: Final = 1_000_000
MOST_PATH_CHARACTERS: Final = 8000
RANGE: Final = re.compile(r"\{(0|[1-9]\d{0,14})\.\.(0|[1-9]\d{0,14})\}", re.ASCII)

_NUMBER: Final = re.compile(r"\d{1,9}(\.\d{1,20})?", re.ASCII)
_WHOLE: Final = re.compile(r"\d{1,9}", re.ASCII)
_METHOD: Final = re.compile(r"[A-Z]{1,20}(-[A-Z]{1,20})*", re.ASCII)
_HEADER_NAME: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}", re.ASCII)
_OF_THE_CLIENT: Final = ("connection", "content-length", "transfer-encoding")


def read_method(text: str) -> str:
    if not _METHOD.fullmatch(text):
        hint = f"; did you mean {text.upper()}?" if _METHOD.fullmatch(text.upper()) else " such as GET or POST"
        raise UsageError(f"expected an HTTP method in capitals{hint}")
    if text == "CONNECT":
        raise UsageError("CONNECT is for proxies; a load cannot use it")
    return text


def read_path(text: str) -> str:
    if re.match(r"https?://", text):
        raise UsageError("expected a path such as /items; leave out the scheme and the host")
    if not text.startswith("/"):
        raise UsageError("expected a path, which begins with /")
    if len(text) > MOST_PATH_CHARACTERS:
        raise UsageError(f"a path has at most {MOST_PATH_CHARACTERS} characters")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise UsageError("a path has no spaces and only ASCII characters; write others as %20, say")
    if "#" in text:
        raise UsageError("a server never sees what follows #; leave it out")
    for low, high in RANGE.findall(text):
        if int(low) > int(high):
            raise UsageError(f"{{{low}..{high}}} counts down; write {{{high}..{low}}}")
    if set("{}") & set(RANGE.sub("", text)):
        raise UsageError("braces are for ranges such as {1..500}; write other braces as %7B and %7D")
    return text


def read_weight(text: str) -> int:
    return _whole(text, "a weight", MOST_WEIGHT)


def read_concurrency(text: str) -> int:
    return _whole(text, "a number of connections", MOST_CONCURRENCY)


def read_body(text: str) -> str:
    if not text or not text.isprintable():
        raise UsageError("expected the name of a file")
    return text


def read_header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    value = value.strip(" \t")
    if not colon or not _HEADER_NAME.fullmatch(name):
        raise UsageError("expected a header such as 'Accept: text/html'")
    if name.lower() in _OF_THE_CLIENT:
        hint = "; use keepalive=no" if name.lower() == "connection" else ""
        raise UsageError(f"memcap sets the header {name} itself{hint}")
    if any(ord(character) > 255 or not (character.isprintable() or character == "\t") for character in value):
        raise UsageError(f"the header {name} has a character that HTTP does not allow")
    return name, value


def read_rate(text: str) -> float:
    rate = _number(text, "requests a second such as 200")
    if not 0.001 <= rate <= MOST_RATE:
        raise UsageError(f"expected from 0.001 to {MOST_RATE} requests a second")
    return rate


def read_duration(text: str) -> float:
    return _seconds(text, MOST_SECONDS, "2h")


def read_timeout(text: str) -> float:
    return _seconds(text, MOST_TIMEOUT_SECONDS, "10min")


def read_keepalive(text: str) -> bool:
    if text not in ("yes", "no"):
        raise UsageError("expected yes or no")
    return text == "yes"


def read_levels(text: str) -> tuple[float, ...]:
    levels = tuple(_number(part, "factors of the rate such as 1,2,4") for part in text.split(","))
    if not all(0.001 <= level <= MOST_LEVEL for level in levels):
        raise UsageError(f"expected factors of the rate from 0.001 to {MOST_LEVEL}")
    if len(set(levels)) < len(levels):
        raise UsageError("a level is there twice")
    if len(levels) > MOST_LEVELS:
        raise UsageError(f"there are {len(levels)} levels; at most {MOST_LEVELS} are possible")
    return levels


def _number(text: str, what: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise UsageError(f"expected {what}")
    return float(text)


def _whole(text: str, what: str, most: int) -> int:
    if not _WHOLE.fullmatch(text) or not 1 <= int(text) <= most:
        raise UsageError(f"expected {what} from 1 to {most}")
    return int(text)


def _seconds(text: str, most: float, named: str) -> float:
    seconds = parse_seconds(text)
    if not 0.001 <= seconds <= most:
        raise UsageError(f"expected from 1ms to {named}")
    return seconds
