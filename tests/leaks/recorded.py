"""Series that were recorded: a file of text each, in ``recorded/``, with how it was made.

Times are whole milliseconds, and work is whole pieces. Each is written as the difference from the one
before; ``5*20`` is 20 times 5.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from typing import Any, Final

from memcap.leaks import Collection, Garbage, LeakVerdict, Series, judge_series

FOLDER: Final = Path(__file__).resolve().parent / "recorded"
_WIDTH: Final = 112


@dataclass(frozen=True, kw_only=True)
class Made:
    """How a series was made: the command, when (a day), with what and where, and how the program ended.

    What nobody noted is None.
    """

    command: str
    date: str
    ending: str | None = None
    memcap: str | None = None
    python: str | None = None
    packages: tuple[str, ...] = ()
    cap_bytes: int | None = None
    kernel: str | None = None
    cgroup_version: int | None = None


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """A series and how it was made; ``garbage`` is what the soak knew of Python's, None where it knew nothing."""

    made: Made
    series: Series
    garbage: Garbage | None = None

    @property
    def verdict(self) -> LeakVerdict:
        """Return what is said of it now."""
        return judge_series(self.series, garbage=self.garbage)


def as_text(recorded: Recorded) -> str:
    """Return the contents of the file."""
    series = recorded.series
    lines = {
        "milliseconds": packed([round(1000 * each) for each in series.seconds]),
        "bytes": packed([round(each) for each in series.values]),
        "work": None if series.work is None else packed([round(each) for each in series.work]),
    }
    wrapped = {
        name: None if text is None else textwrap.wrap(text, _WIDTH, break_on_hyphens=False)
        for name, text in lines.items()
    }
    garbage = {} if recorded.garbage is None else {"garbage": _garbage_as_text(recorded.garbage)}
    return json.dumps({**asdict(recorded.made), **wrapped, **garbage}, indent=1, ensure_ascii=False) + "\n"


def _garbage_as_text(garbage: Garbage) -> dict[str, Any]:
    return {
        "milliseconds": packed([round(1000 * seconds) for seconds, _ in garbage.counts]),
        "objects": packed([count for _, count in garbage.counts]),
        "collections": [[each.seconds, each.objects] for each in garbage.collections],
        "freed_objects": garbage.freed_objects,
        "freed_bytes": garbage.freed_bytes,
    }


def _garbage_from_text(read: dict[str, Any]) -> Garbage:
    times = unpacked(read["milliseconds"])
    return Garbage(
        counts=[(time / 1000, count) for time, count in zip(times, unpacked(read["objects"]), strict=True)],
        collections=[Collection(seconds=seconds, objects=objects) for seconds, objects in read["collections"]],
        freed_objects=read["freed_objects"],
        freed_bytes=read["freed_bytes"],
    )


def from_text(text: str) -> Recorded:
    """Return what a file holds."""
    read = json.loads(text)
    garbage = read.pop("garbage", None)
    times, values, work = (
        None if (lines := read.pop(name)) is None else unpacked(" ".join(lines))
        for name in ("milliseconds", "bytes", "work")
    )
    assert times is not None
    assert values is not None
    series = Series(seconds=[each / 1000 for each in times], values=values, work=work)
    return Recorded(
        made=Made(**{**read, "packages": tuple(read["packages"])}),
        series=series,
        garbage=None if garbage is None else _garbage_from_text(garbage),
    )


def packed(numbers: Sequence[int]) -> str:
    """Return whole numbers as their differences, the first from 0."""
    changes = [after - before for before, after in pairwise((0, *numbers))]
    return " ".join(_runs(changes))


def _runs(changes: Sequence[int]) -> Iterator[str]:
    for change, same in groupby(changes):
        count = len(list(same))
        yield f"{change}*{count}" if count > 1 else str(change)


def unpacked(text: str) -> list[int]:
    """Return the numbers that `packed` wrote."""
    changes: list[int] = []
    for word in text.split():
        change, _, count = word.partition("*")
        changes.extend([int(change)] * int(count or 1))
    return list(accumulate(changes))


def load(name: str) -> Recorded:
    """Return the recorded series ``name``."""
    return from_text((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def save(name: str, recorded: Recorded) -> None:
    """Write the series ``name``, in place of one that was recorded before."""
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.json").write_text(as_text(recorded), encoding="utf-8", newline="\n")


def recorded_names() -> list[str]:
    """Return the names of all series, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))
