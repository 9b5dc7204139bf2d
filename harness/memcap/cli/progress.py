"""Show how far a campaign is: a bar with the time left on a terminal, a line a cell in a log."""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from types import TracebackType
from typing import TYPE_CHECKING

from memcap.cli.output import echo
from memcap.stats import median
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import printable, printable_lines

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from memcap.campaign import RunEnded
    from memcap.model import Measurement


def say(text: str) -> None:
    """Tell the user what is being done, apart from the results, which go to standard output."""
    echo(printable_lines(text), err=True)


class CampaignProgress:
    """Call with each event of a campaign; a cell is told when its last run has ended, and again if it got more."""

    def __init__(self) -> None:
        self._measured: dict[str, list[Measurement]] = defaultdict(list)
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None

    def __enter__(self) -> CampaignProgress:
        if sys.stderr.isatty():
            self._bar = _make_bar()
            self._bar.start()
            self._task = self._bar.add_task("starting", total=None, left="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: RunEnded) -> None:
        if not event.warmup:
            self._measured[event.cell_id].append(event.measurement)
        if self._bar is not None and self._task is not None:
            left = f"{format_seconds(self._left(event))} left"
            name = printable(event.cell_id)
            self._bar.update(self._task, completed=event.done, total=event.total, description=name, left=left)
        if event.last:
            self._tell_cell(event, self._measured[event.cell_id])

    def say(self, text: str) -> None:
        """Tell the user something above the bar, if there is one."""
        if self._bar is not None:
            self._bar.console.print(printable_lines(text), highlight=False, markup=False, soft_wrap=True)
        else:
            say(text)

    def _tell_cell(self, event: RunEnded, runs: list[Measurement]) -> None:
        peaks = [run.peak_bytes for run in runs if run.peak_bytes is not None]
        peak = f"peak {format_bytes(median(peaks))}" if peaks else "no peak"
        endings = ", ".join(dict.fromkeys(run.ending.value for run in runs))
        line = f"{event.cell_id}: {counted(len(runs), 'run')}, {peak}, {endings}"
        if self._bar is None:
            line = f"[{event.done}/{event.total}, {format_seconds(self._left(event))} left] {line}"
        self.say(line)

    def _left(self, event: RunEnded) -> float:
        """Return how many seconds the rest takes: as long as is configured, and else as the runs so far."""
        elapsed = time.monotonic() - self._started
        others = max(0.0, elapsed - event.known_seconds) / event.done * (event.total - event.done)
        return event.known_seconds_left + others


def _make_bar() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    return Progress(
        MofNCompleteColumn(),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[left]}", markup=False),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
