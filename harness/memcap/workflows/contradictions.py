"""Options that mean nothing together are refused, all of them at once."""

from __future__ import annotations

from collections.abc import Iterable

from memcap.errors import UsageError

Contradiction = tuple[object, str, str]  # whether it is there, the message and the remedy


def refuse_contradictions(problems: Iterable[Contradiction]) -> None:
    """Raise UsageError with the message and the remedy of each problem whose first item is true."""
    found = [(message, remedy) for is_there, message, remedy in problems if is_there]
    if len(found) == 1:
        raise UsageError(found[0][0], remedy=found[0][1])
    if found:
        lines = (f"  {message}. {remedy}".rstrip() for message, remedy in found)
        raise UsageError("\n".join((f"{len(found)} contradictions in the options:", *lines)))
