"""Count the stops of a `memcap run` on its way to the engine: `python tests/stops.py` prints them in order.

The request starts in `main()` and arrives with the first run that an engine is to execute. A *stop* is a call from one
module of memcap into another, of a part that directs the request (`DIRECTING`); the same call again, such as for
the next cell, is no further stop. Parts that answer a question and know nothing of the request (`units`, `model`,
`store`, …), the messages to the user, and what turns options into dataclasses are left out. A *climb* is a stop in a
module that stands higher: one that imports the caller, itself or through others.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any
from unittest import mock

from imported import imported_modules

DIRECTING = ("cli", "workflows", "campaign", "calibration")
ASIDE = tuple(f"memcap.cli.{name}" for name in ("output", "progress", "option_groups", "quantities", "reports"))
LIMITS = """\
[caps]
128m = "128MiB"
[profiles.quick]
runs = 1
warmups = 0
"""
SUITE = '[benchmarks.calm]\ncommand = ["true"]\n'


class ArrivedError(Exception):
    """The first run has come to the engine."""


@dataclass(frozen=True)
class Stop:
    """One call into another module: who called whom."""

    caller: str
    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.caller} -> {self.module}.{self.function}"


def stops_of_run(folder: Path) -> list[Stop]:
    """Return the stops of `memcap run` in a small project, which is written to ``folder``; nothing is executed."""
    (folder / "suites" / "demo").mkdir(parents=True)
    (folder / "limits.toml").write_text(LIMITS, encoding="utf-8")
    (folder / "suites" / "demo" / "suite.toml").write_text(SUITE, encoding="utf-8")
    from memcap.cli import main

    found: dict[Stop, None] = {}

    def hear(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and (stop := _stop(frame)) is not None:
            found[stop] = None

    words = ["memcap", "run", "--engine", "process", "--project", str(folder), "--output", str(folder / "result.json")]
    with (
        mock.patch("memcap.engine.process.ProcessEngine", _engine()),
        mock.patch("sys.argv", words),
        mock.patch("memcap.cli.show_bug", _raise),
    ):
        sys.setprofile(hear)
        try:
            main()
        except ArrivedError:
            return list(found)
        finally:
            sys.setprofile(None)
    raise AssertionError("the request did not come to the engine")


def climbs(stops: Iterable[Stop], imported: Mapping[str, set[str]]) -> list[Stop]:
    """Return the stops in a module that imports the caller, itself or through others; `imported` is by module."""

    def below(module: str) -> set[str]:
        found: set[str] = set()
        new = {module}
        while new:
            new = set().union(*(imported.get(each, set()) for each in new)) - found
            found |= new
        return found

    return [stop for stop in stops if stop.caller in below(stop.module)]


def _engine() -> type:
    from memcap.engine.fake import FakeEngine
    from memcap.model import RawRun, RunSpec

    class Goal(FakeEngine):
        def __init__(self) -> None:
            super().__init__({})

        def __enter__(self) -> Goal:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def execute(self, spec: RunSpec) -> RawRun:
            sys.setprofile(None)
            raise ArrivedError

    return Goal


def _raise(error: Exception) -> None:
    raise error


def _stop(frame: FrameType) -> Stop | None:
    module, code = str(frame.f_globals.get("__name__", "")), frame.f_code
    if not _directs(module) or code.co_name.startswith("<") or code.co_filename == "<string>":
        return None  # what is imported, a lambda, the constructor of a dataclass
    caller = _caller(frame)
    if caller in ("", module):
        return None
    return Stop(caller=caller, module=module, function=code.co_name)


def _caller(frame: FrameType) -> str:
    """Return the nearest module of memcap below ``frame``, past libraries such as click and contextlib."""
    above = frame.f_back
    while above is not None:
        if above.f_code.co_name == "<module>":  # an import: the request has not come any further
            return ""
        name = str(above.f_globals.get("__name__", ""))
        if name.partition(".")[0] == "memcap" and name not in ASIDE:
            return name
        above = above.f_back
    return ""


def _directs(module: str) -> bool:
    return module.startswith("memcap.") and _part(module) in DIRECTING and module not in ASIDE


def _part(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        passed = stops_of_run(Path(place))
    up = climbs(passed, imported_modules())
    print(*(f"{'climb ' if stop in up else '      '}{stop}" for stop in passed), sep=os.linesep)
    print(f"{len(passed)} stops in {len({stop.module for stop in passed})} modules, {len(up)} climbs")
