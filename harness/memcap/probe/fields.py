"""The fields of what the probe wrote, one function for each kind. All raise TypeError for anything else.

The workload may write to the same folder, so nothing is taken for what it should be.
"""

from __future__ import annotations

from typing import Any

from memcap.model import Moment
from memcap.strict import MOST_FIGURE, MOST_WHOLE
from memcap.untrusted import cut

SERIES_COLUMNS = 8
_RUNNING = 1  # the state of a row in which the main process ran
MOST_KIBIBYTES = 2**52  # in a column of the series; in bytes they fit into 64 bits
MOST_ITEMS = 10_000  # of any list
MOST_CHARACTERS = 4000  # of any text
LONGEST_METRIC = 200  # the name


def read_whole(value: Any) -> int:
    """Return a count that a 64-bit integer can hold."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_WHOLE:
        raise TypeError(f"{_kind(value)} instead of a whole number from 0 to 2**63")
    return value


def _kind(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "a number below 0" if value < 0 else "a number too large, or not whole"
    return type(value).__name__


def read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{type(value).__name__} instead of true or false")
    return value


def read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{type(value).__name__} instead of a text")
    return cut(value, MOST_CHARACTERS)


def read_seconds(value: Any) -> float:
    """Return an integer or float that is a length of time."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= MOST_FIGURE:  # nor NaN
        raise TypeError(f"{_kind(value)} instead of a number of seconds")
    return value


def read_items(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{type(value).__name__} instead of a list")
    if len(value) > MOST_ITEMS:
        raise TypeError(f"{len(value)} items instead of {MOST_ITEMS} at most")
    return value


def read_moment(value: Any) -> Moment:
    """Return what a row of the series says."""
    row = tuple(read_whole(number) for number in read_items(value))
    if len(row) != SERIES_COLUMNS:
        raise TypeError(f"{len(row)} numbers in a row of the series instead of {SERIES_COLUMNS}")
    if max(row) > MOST_KIBIBYTES:
        raise TypeError("a number too large in a row of the series")
    milliseconds, *kibibytes, state = row
    usage, anon, file, shmem, kernel, low = (number * 1024 for number in kibibytes)
    return Moment(
        seconds=milliseconds / 1000,
        usage=usage,
        anon=anon,
        file=file,
        shmem=shmem,
        kernel=kernel,
        low=low,
        running=state == _RUNNING,
    )


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{type(value).__name__} instead of an object")
    return value


def read_metrics(value: Any) -> dict[str, float | None]:
    """Return metrics; the runner writes null for what was infinite, not a number, or larger than any float."""
    named = ((name, number) for name, number in _mapping(value).items() if len(name) <= LONGEST_METRIC)
    return {name: None if number is None else _figure(number) for name, number in named}


def _figure(value: Any) -> float | None:
    """Return an integer or float; None where no program measures one so large, or it is NaN."""
    if not isinstance(value, int | float):
        raise TypeError(f"{type(value).__name__} instead of a number")
    number = int(value) if isinstance(value, bool) else value
    return number if abs(number) <= MOST_FIGURE else None


def read_flags(value: Any) -> dict[str, int]:
    """Return the flags of an interpreter; one that is not set is -1."""
    found = {name: number for name, number in _mapping(value).items() if len(name) <= LONGEST_METRIC}
    for number in found.values():
        if number != -1:
            read_whole(number)
    return found
