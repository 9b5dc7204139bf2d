"""How long short commands take: medians of the wall clock, taking turns with Python and with click alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from perf.figures import Row, Scale
from perf.scale import prepare

CELLS = 56  # of the committed baselines' most used profile
RUNS = 5


def rows(scale: Scale) -> Iterator[Row]:
    """Yield the times of commands, each with how many times that of `python -c pass` it is."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, CELLS, RUNS)
        head, base = str(folder / "head.json"), str(folder / "base.json")
        commands = {
            "python -c pass": ("-c", "pass"),
            "python -c 'import click'": ("-c", "import click"),
            "memcap --help": ("-m", "memcap", "--help"),
            f"memcap check ({CELLS} cells)": ("-m", "memcap", "check", head, "--against", base),
        }
        goals = {"memcap --help": "<= 0.1 s idle", f"memcap check ({CELLS} cells)": "<= 0.4 s idle"}
        seconds = medians([(sys.executable, *each) for each in commands.values()], repeats=scale.repeats)
    python = seconds[0]
    for what, median in zip(commands, seconds, strict=True):
        measured = f"{median:.3f} s, {median / python:.1f} x python"
        yield Row(what="start-up", command=what, measured=measured, goal=goals.get(what, ""))


def medians(commands: Sequence[Sequence[str]], *, repeats: int) -> list[float]:
    """Return the median seconds of each command; they take turns, so that a busy machine changes all."""
    took: list[list[float]] = [[] for _ in commands]
    for _ in range(repeats + 1):
        for times, command in zip(took, commands, strict=True):
            begun = time.perf_counter()
            subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times.append(time.perf_counter() - begun)
    return [statistics.median(times[1:]) for times in took]  # the first one fills caches
