"""Read ulimits and quotas of CPUs as files and command lines write them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from memcap.config.source import nearest, shown
from memcap.errors import SizeError
from memcap.model import UNLIMITED, RunLimit, Ulimit

# What Docker takes for Linux; those that memcap has a limit of its own for are below.
ULIMITS: Final = (
    "data", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio", "rttime", "sigpending", "stack",
)  # fmt: skip
_OWN: Final[Mapping[str, tuple[str, str]]] = {
    "core": ("core", "--core"),
    "cpu": (RunLimit.CPU_TIME.value, RunLimit.CPU_TIME.option),
    "fsize": (RunLimit.FILE_SIZE.value, RunLimit.FILE_SIZE.option),
}
_VALUE: Final = re.compile(r"(-1|\d{1,18})(?::(-1|\d{1,18}))?", re.ASCII)
_FEWEST_FILES: Final = 64  # the supervisor has about 20 open, and the container runtime needs some
_LEAST_CPUS: Final = 0.01  # less is refused by Docker


def parse_ulimit(name: str, value: str) -> Ulimit:
    """Return the ulimit ``name`` that ``SOFT[:HARD]`` describes; -1 is unlimited. Raises SizeError."""
    if name in _OWN:
        key, option = _OWN[name]
        raise SizeError(f"the ulimit {name!r} has a setting of its own", remedy=f"Use {option}, or `container.{key}`.")
    if name not in ULIMITS:
        near = nearest(name, ULIMITS)
        hint = f"Did you mean {near!r}? " if near else ""
        raise SizeError(f"{shown(name)} is not a ulimit", remedy=f"{hint}There are {', '.join(ULIMITS)}.")
    match = _VALUE.fullmatch(value)
    if match is None:
        raise SizeError(
            f"{shown(value)} is not a limit for {name}", remedy="Write SOFT or SOFT:HARD, such as 1024:2048."
        )
    soft = int(match[1])
    hard = soft if match[2] is None else int(match[2])
    if hard != UNLIMITED and (soft == UNLIMITED or soft > hard):
        raise SizeError(
            f"the soft limit of {name} is above the hard limit in {shown(value)}", remedy="Write SOFT:HARD."
        )
    if name == "nofile" and 0 <= soft < _FEWEST_FILES:
        raise SizeError(
            f"nofile {soft} is too few for the container itself", remedy=f"Allow {_FEWEST_FILES} open files or more."
        )
    return Ulimit(soft=soft, hard=hard)


def parse_ulimits(texts: tuple[str, ...]) -> dict[str, Ulimit]:
    """Return the ulimits of ``NAME=SOFT[:HARD]`` by their names. Raises SizeError."""
    found: dict[str, Ulimit] = {}
    for text in texts:
        name, _, value = text.partition("=")
        if name in found:
            raise SizeError(
                f"the ulimit {shown(name)} is given twice", remedy="Write SOFT:HARD for both of its limits."
            )
        found[name] = parse_ulimit(name, value)
    return found


def parse_cpus(text: str) -> float:
    """Return the quota of CPUs that ``text`` names, such as 1.5. Raises SizeError."""
    try:
        return check_cpus(float(text))
    except ValueError as error:
        if isinstance(error, SizeError):
            raise
        raise SizeError(f"{shown(text)} is not a number of CPUs", remedy="Write it like 0.5 or 2.") from error


def check_cpus(cpus: float) -> float:
    """Return ``cpus`` if it can be a quota. Raises SizeError."""
    if not _LEAST_CPUS <= cpus < 1e6:  # also false for NaN
        raise SizeError(f"{cpus:g} is not a number of CPUs", remedy=f"Write {_LEAST_CPUS} or more, such as 0.5 or 2.")
    return cpus
