"""Parse and print bytes and durations. A bare number is an error: nobody should have to guess its unit."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from memcap.errors import SizeError

_Text = TypeVar("_Text")

# One-letter units are 1024-based because that is what `docker run --memory 128m` means by them.
_BYTE_UNITS: Final = {
    "b": 1,
    "k": 1024, "m": 1024**2, "g": 1024**3, "t": 1024**4,
    "kib": 1024, "mib": 1024**2, "gib": 1024**3, "tib": 1024**4,
    "kb": 1000, "mb": 1000**2, "gb": 1000**3, "tb": 1000**4,
}  # fmt: skip
_SECOND_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86400.0}
_NO_SIZE: Final = 2**62  # as in model/matrix.py: from here on a limit is none
_LONGEST_SECONDS: Final = 1e9  # in nanoseconds it fits into 64 bits
_LENGTH_VARIANT: Final = re.compile(r"[1-9]\d{0,8}m?s", re.ASCII)
_NUMBER_AND_UNIT: Final = re.compile(r"\s*(\d{1,20}(?:\.\d{1,20})?|\.\d{1,20})\s*([a-zA-Z]*)\s*", re.ASCII)


def parse_bytes(text: str) -> int:
    """Return the bytes that ``text`` names: ``128m`` and ``1.5GiB`` are 1024-based, ``24GB`` is 1000-based.

    A part of a byte is dropped, as Docker does: ``0.1g`` is 107,374,182 bytes. Raises SizeError for a bare number, an
    unknown unit or less than a byte.
    """
    number, unit = _split(text, what="size", examples="128m, 1.5GiB, 24GB, or 1024b for bytes")
    factor = _BYTE_UNITS.get(unit.lower())
    if factor is None:
        raise SizeError(
            f"unknown unit {unit!r} in size {text!r}", remedy="Use b, k, m, g, KiB, MiB, GiB, kB, MB or GB."
        )
    # In whole numbers: as floats, 1.001MB would be a fraction of a byte short.
    whole, _, decimals = number.partition(".")
    scale: int = 10 ** len(decimals)
    value, rest = divmod(int(whole + decimals) * factor, scale)
    if rest and (factor == 1 or not value):
        raise SizeError(f"size {text!r} is not a whole number of bytes", remedy="Write a larger unit, such as 128m.")
    if value >= _NO_SIZE:
        raise SizeError(f"size {text!r} is more than any machine has")
    return value


def format_bytes(value: float) -> str:
    """Return ``value`` bytes for a reader, 1024-based with the unit named: ``61.9 MiB``."""
    sign, size = ("-" if value < 0 else ""), abs(value)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            break
        size /= 1024
    return f"{sign}{size:.0f} {unit}" if unit == "B" else f"{sign}{size:.1f} {unit}"


def signed(value: float, form: Callable[[float], str]) -> str:
    """Return a difference as ``form`` writes its size, with its sign; what reads as zero has none."""
    size = form(abs(value))
    if not any(digit in size for digit in "123456789"):
        return size
    return f"{'-' if value < 0 else '+'}{size}"


def parse_seconds(text: str) -> float:
    """Return the seconds that ``text`` names, such as ``90s``, ``500ms``, ``5min`` or ``1h``.

    Raises SizeError for a bare number or an unknown unit.
    """
    number, unit = _split(text, what="duration", examples="90s, 500ms or 5min")
    factor = _SECOND_UNITS.get(unit.lower())
    if factor is None:
        raise SizeError(f"unknown unit {unit!r} in duration {text!r}", remedy="Use ms, s, min, h or d.")
    seconds = float(number) * factor
    if seconds > _LONGEST_SECONDS:
        raise SizeError(f"duration {text!r} is longer than 30 years")
    return seconds


def format_seconds(value: float) -> str:
    """Return ``value`` seconds for a reader: ``340 ms``, ``2.1 s``, ``3 min 20 s``."""
    if value < 0:
        return f"-{format_seconds(-value)}"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def counted(number: int, noun: str) -> str:
    """Return ``number`` with ``noun``, in the plural unless it is one: ``1 run``, ``5 processes``."""
    plural = f"{noun}es" if noun.endswith(("s", "sh", "ch", "x")) else f"{noun}s"
    return f"{number} {noun if number == 1 else plural}"


def few(texts: Sequence[_Text], most: int, noun: str = "") -> tuple[_Text | str, ...]:
    """Return the first ``most`` of ``texts``; if there are others, the last one says how many: ``and 3 more``."""
    rest = len(texts) - most
    return (*texts[:most], f"and {rest} more{noun and f' {noun}'}") if rest > 0 else tuple(texts)


def listed(texts: Sequence[str], most: int) -> str:
    """Return ``texts`` in one text, of many the first ``most``: ``a, b and 3 more``."""
    *first, last = few(texts, most) or ("",)
    return f"{', '.join(first)} {last}" if len(texts) > most else ", ".join([*first, last])


def length_variant(seconds: float) -> str:
    """Return the name of a cell's variant that lasts so long: ``20s``, or ``1500ms``, as names have no dots."""
    milliseconds = max(1, round(seconds * 1000))
    return f"{milliseconds}ms" if milliseconds % 1000 else f"{milliseconds // 1000}s"


def seconds_of_variant(variant: str) -> float | None:
    """Return how long the workload of a `length_variant` lasts; None for another variant."""
    return parse_seconds(variant) if _LENGTH_VARIANT.fullmatch(variant) else None


def _split(text: str, *, what: str, examples: str) -> tuple[str, str]:
    match = _NUMBER_AND_UNIT.fullmatch(text)
    if match is None:
        raise SizeError(f"{text[:100]!r} is not a {what}", remedy=f"Write a number and a unit, such as {examples}.")
    number, unit = match.groups()
    if not unit:
        raise SizeError(f"{what} {text!r} has no unit", remedy=f"Write a number and a unit, such as {examples}.")
    return number, unit
