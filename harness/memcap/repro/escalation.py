"""How much a workload is asked to do, doubled from run to run until something is killed. Pure."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from memcap.errors import UsageError
from memcap.model import CallWorkload, Cell, CommandWorkload
from memcap.units import format_seconds, parse_seconds

MOST_LOADS: Final = 12
CYCLES: Final = "cycles"
DURATION: Final = "duration"
EVEN: Final = (1.5, 2.5)  # times as much more as for the load before, of which there was half as much more
CLEAR_BYTES: Final = 1024 * 1024  # less than that more may be chance
_ASKED: Final = re.compile(r"([A-Za-z_][\w-]*)(?:=(.*))?", re.ASCII)


@dataclass(frozen=True, kw_only=True)
class Load:
    """How much a workload was asked to do, such as `requests=640`; ``in_seconds``: how long a generator is to go on."""

    name: str
    amount: int | float
    in_seconds: bool = False

    @property
    def spelled(self) -> str:
        """Return the amount as a command line has it."""
        return f"{self.amount:.12g}s" if self.in_seconds else str(self.amount)

    def __str__(self) -> str:
        return f"{self.name}={self.spelled}"


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Where to begin, and what has to stay below: a duration below the time limit."""

    first: Load
    below: float = math.inf

    @property
    def end(self) -> str:
        """Say why there is no larger load."""
        if len(tuple(self.loads())) == MOST_LOADS:
            return f"{MOST_LOADS} loads are the most that are tried"
        return "the next duration would be over the time limit of a run (--time-limit)"

    def loads(self) -> Iterator[Load]:
        """Yield loads, each twice the one before."""
        amounts = (self.first.amount * 2**step for step in range(MOST_LOADS))
        for amount in itertools.takewhile(lambda each: each < self.below, amounts):
            yield replace(self.first, amount=amount)


def find_escalation(asked: str, cell: Cell, *, time_limit_seconds: float) -> Escalation:
    """Return what ``NAME`` or ``NAME=FIRST`` means for ``cell``, whose runs are ended after the time limit.

    Raises UsageError for a name that the workload does not have, and for a first load that is none.
    """
    match = _ASKED.fullmatch(asked)
    if match is None:
        raise UsageError(f"--escalate {asked!r} is not NAME or NAME=FIRST", remedy="Write it like requests=10.")
    name, given = match.groups()
    workload = cell.benchmark.workload
    if isinstance(workload, CommandWorkload):
        return Escalation(first=_of_command(name, given, workload))
    first = _of_call(name, given, workload, cell)
    if first.in_seconds and first.amount >= time_limit_seconds:
        limit = format_seconds(time_limit_seconds)
        raise UsageError(
            f"{first} is not below the time limit of a run, {limit}",
            remedy="Begin with less, or raise --time-limit.",
        )
    return Escalation(first=first, below=time_limit_seconds if first.in_seconds else math.inf)


def loaded(cell: Cell, load: Load) -> Cell:
    """Return the cell with so much to do."""
    workload = cell.benchmark.workload
    if isinstance(workload, CommandWorkload):
        changed: CommandWorkload | CallWorkload = replace(workload, argv=loaded_words(workload.argv, load))
    elif load.in_seconds:
        changed = replace(workload, duration_seconds=float(load.amount), cycles=None)
    elif load.name == CYCLES and _is_long(workload):
        changed = replace(workload, cycles=int(load.amount), duration_seconds=None)
    else:
        changed = replace(workload, parameters={**workload.parameters, load.name: load.amount})
    return replace(cell, benchmark=replace(cell.benchmark, workload=changed))


def loaded_words(argv: tuple[str, ...], load: Load) -> tuple[str, ...]:
    """Return the words of a command with the load in place of its name in braces."""
    return tuple(word.replace(_placeholder(load.name), load.spelled) for word in argv)


def estimated_load(cap_bytes: int, needs: Sequence[tuple[Load, int]]) -> Load | None:
    """Return with which load the need would reach the cap; None unless it grew evenly with the load.

    ``needs`` are loads, each twice the one before, with what had to fit. Two digits of it count.
    """
    if len(needs) < 3:
        return None
    (_, before), (half, middle), (last, need) = needs[-3:]
    grown, less = need - middle, middle - before
    if less < CLEAR_BYTES or not EVEN[0] * less <= grown <= EVEN[1] * less or need >= cap_bytes:
        return None
    amount = last.amount + (last.amount - half.amount) * (cap_bytes - need) / grown
    digits = 1 - math.floor(math.log10(amount))
    rounded = round(math.ceil(amount * 10.0**digits) / 10.0**digits, digits)
    return replace(last, amount=int(rounded) if isinstance(last.amount, int) else rounded)


def _of_command(name: str, given: str | None, workload: CommandWorkload) -> Load:
    if not any(_placeholder(name) in word for word in workload.argv):
        raise UsageError(
            f"no word of the command has {_placeholder(name)}",
            remedy=f"Put it where the number belongs: memcap repro IMAGE --escalate {name} -- app '{{{name}}}'",
        )
    return Load(name=name, amount=_positive(name, 1 if given is None else _number(name, given)))


def _of_call(name: str, given: str | None, workload: CallWorkload, cell: Cell) -> Load:
    offered = _offered(workload)
    if name not in offered:
        own = (each if amount is None else f"{each}={amount}" for each, amount in offered.items())
        there = ", ".join(own) or "nothing: no parameter that is a number, no cycles and no duration"
        raise UsageError(f"{cell.id} has no {name!r} that is a number", remedy=f"What it has: {there}.")
    configured = offered[name]
    in_seconds = name == DURATION and _is_long(workload)
    amount = configured if given is None else parse_seconds(given) if in_seconds else _number(name, given)
    if amount is None:
        raise UsageError(f"{cell.id} has no {name} of its own to begin with", remedy=f"Say where to begin: {name}=…")
    is_whole = isinstance(configured, int) or (name == CYCLES and configured is None)
    if is_whole and not isinstance(amount, int):
        raise UsageError(f"--escalate {name}={given}: {name} is a whole number", remedy=f"Write it like {name}=10.")
    return Load(name=name, amount=_positive(name, amount), in_seconds=in_seconds)


def _offered(workload: CallWorkload) -> Mapping[str, int | float | None]:
    """Return what can be doubled with how much it is; a generator's length goes before a parameter of that name."""
    found: dict[str, int | float | None] = {
        name: value
        for name, value in workload.parameters.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }
    if _is_long(workload):
        found |= {CYCLES: workload.cycles, DURATION: workload.duration_seconds}
    return found


def _is_long(workload: CallWorkload) -> bool:
    """Tell whether it is a generator that says how long it goes on."""
    return workload.cycles is not None or workload.duration_seconds is not None


def _number(name: str, text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise UsageError(f"--escalate {name}={text}: {text!r} is not a number", remedy=f"Write it like {name}=10.")
    return found


def _positive(name: str, amount: int | float) -> int | float:
    if amount <= 0:
        raise UsageError(f"{name} cannot be doubled from {amount} on", remedy=f"Begin with more than nothing: {name}=1")
    return amount


def _placeholder(name: str) -> str:
    return f"{{{name}}}"
