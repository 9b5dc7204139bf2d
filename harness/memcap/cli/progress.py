"""Show how far a campaign is: a bar with the time left on a terminal, a line a cell in a log, no long silence."""

from __future__ import annotations

import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING

from memcap.cli.output import echo
from memcap.stats import median
from memcap.units import counted, format_bytes, format_seconds
from memcap.untrusted import printable, printable_lines
from memcap.workflows.caller import Caller

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from memcap.campaign import RunEnded
    from memcap.engine.patient import Activity
    from memcap.model import Measurement


class Heartbeat:
    """Say that work goes on, and which, when nothing was said for a while; nothing where a bar shows it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._said = ""
        self._said_at = self._silent_since = clock()
        self._doing: Callable[[], str] = self._still_working

    def said(self, text: str) -> None:
        """Take note that the user was told ``text``."""
        self._said = text.rpartition("\n")[2]
        self._said_at = self._silent_since = self._clock()

    @contextmanager
    def saying(self, doing: Callable[[], str]) -> Iterator[None]:
        """Within the block, say what ``doing`` returns; nothing where that is empty."""
        self._doing = doing
        try:
            yield
        finally:
            self._doing = self._still_working

    def beat(self, silence_seconds: float) -> None:
        """Say what is going on if nothing was said for so long."""
        now = self._clock()
        if now - self._silent_since < silence_seconds:
            return
        self._silent_since = now
        if text := self._doing():
            echo(printable_lines(text), err=True)

    def run(self, ended: threading.Event, *, silence_seconds: float) -> None:
        """Beat until ``ended`` is set."""
        while not ended.wait(1):
            self.beat(silence_seconds)

    def _still_working(self) -> str:
        passed = format_seconds(self._clock() - self._said_at)
        return f"still working ({passed})" + (f"; last: {self._said}" if self._said else "")


HEARTBEAT = Heartbeat()


def say(text: str) -> None:
    """Tell the user what is being done, apart from the results, which go to standard output."""
    echo(printable_lines(text), err=True)
    HEARTBEAT.said(text)


def caller() -> Caller:
    """Return this command line as workflows know it: its words, and where messages and progress go."""
    return Caller(argv=tuple(sys.argv[1:]), tell=say, watch=CampaignProgress)


def doing_in_words(activity: Activity) -> str:
    """Return what a campaign is doing in a few words."""
    if activity.waited_seconds is not None:
        return f"waiting for the daemon ({format_seconds(activity.waited_seconds)})"
    if not activity.running:
        return "preparing"
    cell_id, seconds = activity.running[0]
    more = f" and {len(activity.running) - 1} more" if len(activity.running) > 1 else ""
    return f"running {cell_id} ({format_seconds(seconds)}){more}"


class CampaignProgress:
    """Call with each event of a campaign; a cell is told when its last run has ended, and again if it got more."""

    def __init__(self, activity: Callable[[], Activity]) -> None:
        self._activity = activity
        self._measured: dict[str, list[Measurement]] = defaultdict(list)
        self._started = time.monotonic()
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._last: RunEnded | None = None
        self._cleanup = ExitStack()

    def __enter__(self) -> CampaignProgress:
        if sys.stderr.isatty():
            self._bar = _make_bar(self._activity)
            self._bar.start()
            self._task = self._bar.add_task("", total=None, left="")
        self._cleanup.enter_context(HEARTBEAT.saying(self._line))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._cleanup.close()
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, event: RunEnded) -> None:
        self._last = event
        if not event.warmup:
            self._measured[event.cell_id].append(event.measurement)
        if self._bar is not None and self._task is not None:
            left = f"{format_seconds(self._left(event))} left"
            self._bar.update(self._task, completed=event.done, total=event.total, left=left)
        if event.last:
            self._tell_cell(event, self._measured[event.cell_id])

    def say(self, text: str) -> None:
        """Tell the user something above the bar, if there is one."""
        if self._bar is not None:
            self._bar.console.print(printable_lines(text), highlight=False, markup=False, soft_wrap=True)
        else:
            say(text)

    def _line(self) -> str:
        """Return how far it is and what is running, for a log; nothing where a bar shows that."""
        if self._bar is not None:
            return ""
        activity = self._activity()
        if not activity.total:
            return doing_in_words(activity)
        left = f", {format_seconds(self._left(self._last))} left" if self._last is not None else ""
        return f"[{activity.done}/{activity.total}{left}] {doing_in_words(activity)}"

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


def _make_bar(activity: Callable[[], Activity]) -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
    from rich.text import Text

    class Now(ProgressColumn):
        """What ``words`` returns of the activity whenever the bar is drawn, so that a long run is seen to go on."""

        def __init__(self, words: Callable[[Activity], str]) -> None:
            super().__init__()
            self._words = words

        def render(self, task: Task) -> Text:
            """Return the text of this moment."""
            return Text(printable(self._words(activity())))

    return Progress(
        Now(lambda now: f"{now.done}/{now.total}" if now.total else ""),
        BarColumn(bar_width=20),
        TextColumn("{task.fields[left]}", markup=False),
        Now(doing_in_words),
        console=Console(stderr=True),
        transient=True,
    )
