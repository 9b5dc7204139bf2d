"""What runs in a container: a function of a suite, or a program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Scalar = str | int | float | bool | None


@dataclass(frozen=True, kw_only=True)
class CallWorkload:
    """A Python function or generator function: ``module:function`` with keyword parameters.

    A generator is stopped after ``cycles`` yields or ``duration_seconds``, whichever is first.
    """

    call: str
    parameters: Mapping[str, Scalar] = field(default_factory=dict)
    warmups: int = 0
    cycles: int | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class CommandWorkload:
    """Any program with its arguments, as in `docker run IMAGE ARGV`; empty means the image's own command."""

    argv: tuple[str, ...]
