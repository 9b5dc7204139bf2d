"""A server that runs for a test: its figures, its phases and its end."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NoReturn

import pytest

from memcap.errors import UsageError
from memcap.measuring.phases import SETTLED
from memcap.measuring.workers import worker_figures
from memcap.model import Ending, LoadTarget, PhaseMark, PhaseName, WorkerFigures
from memcap.pytest_plugin.server_options import ServerSettings
from memcap.pytest_plugin.server_ready import NotReady, wait_until_ready
from memcap.pytest_plugin.server_running import OWN_ENDINGS, RunningServer, Stopped
from memcap.pytest_plugin.server_samples import Samples
from memcap.units import format_bytes, format_seconds

START: Final = PhaseName.START.value
READY: Final = "ready"
STOP: Final = PhaseName.STOP.value
REST_SECONDS: Final = 0.5
_SHOWN_LINES: Final = 20
_RAN_UNTIL_STOPPED: Final = (Ending.COMPLETED, Ending.TIMED_OUT, Ending.NOT_READY)


@dataclass(frozen=True, kw_only=True)
class ServerPhase:
    """A part of the time that a server ran; figures are None if there was no sample in it.

    ``settled_bytes`` is unreclaimable memory in its last quarter, in the middle between the least and the most.
    """

    name: str
    start_seconds: float
    end_seconds: float
    unreclaimable_peak_bytes: int | None
    settled_bytes: int | None


class MemoryServer:
    """A server that runs for one test, and what it needs. Figures in bytes are unreclaimable memory.

    ``port`` is the one that memcap chose, None if it was not asked to.
    """

    def __init__(self, settings: ServerSettings, running: RunningServer) -> None:
        self.port = settings.port
        self._settings = settings
        self._running = running
        self._samples = Samples(running)
        self._marks: list[tuple[str, float]] = [(START, 0.0)]
        self._rest_when_ready = 0
        self._rest_at_stop: int | None = None
        self._stopped: Stopped | None = None

    @property
    def metric(self) -> str:
        """Return in words what is measured."""
        return self._running.metric

    @property
    def address(self) -> str:
        """Return ``HOST:PORT`` of `ready`."""
        return f"{self._target.host}:{self._target.port}"

    @property
    def url(self) -> str:
        """Return ``http://HOST:PORT`` of `ready`."""
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        """Return the PID, on this machine, of the main process; in a container, of memcap's supervisor."""
        return self._running.root_pid

    @property
    def is_running(self) -> bool:
        """Tell whether the main process runs."""
        return self._stopped is None and self._running.is_running()

    @property
    def output(self) -> str:
        """Return the end of what it printed."""
        return self._running.output()

    @property
    def ending(self) -> Ending | None:
        """Return how it ended; None before ``stop``."""
        return self._stopped.ending if self._stopped else None

    def unreclaimable_bytes(self) -> int:
        """Return what it holds now."""
        __tracebackhide__ = True
        size = self._running.unreclaimable_bytes() if self.is_running else None
        if size is None:
            self._fail_as_ended()
        return size

    @property
    def unreclaimable_peak_bytes(self) -> int:
        """Return the most that it held so far."""
        measured = self._stopped.unreclaimable_peak_bytes if self._stopped else None
        return measured if measured is not None else max(self._samples.between(0.0, self._samples.now()), default=0)

    @property
    def peak_bytes(self) -> int | None:
        """Return the kernel's high-water mark of its container, page cache included; None before ``stop``.

        It is None without a container, too.
        """
        return self._stopped.peak_bytes if self._stopped else None

    def settled(self, seconds: float = REST_SECONDS) -> int:
        """Wait so long, and return what it holds at rest: in the last quarter of that time."""
        __tracebackhide__ = True
        time.sleep(seconds)
        if not self.is_running:
            self._fail_as_ended()
        now = self._samples.now()
        middle = _middle(self._samples.between(now - SETTLED * seconds, now))
        return self.unreclaimable_bytes() if middle is None else middle

    @property
    def kept_bytes(self) -> int:
        """Return what it holds at rest beyond what it held when it was ready. This waits for half a second.

        After ``stop`` it is what it kept until then.
        """
        __tracebackhide__ = True
        now = self._rest_at_stop if self._stopped else self.settled()
        if now is None:
            self._fail_as_ended()
        return now - self._rest_when_ready

    @property
    def workers(self) -> WorkerFigures:
        """Return how many workers there were at most, and how many ended and were replaced.

        Those that started until the server was at rest replace no other.
        """
        times = dict(self._marks)
        marks = [PhaseMark(name=PhaseName.START, start_seconds=0.0, end_seconds=times.get(READY, 0.0) + REST_SECONDS)]
        if STOP in times:
            marks.append(PhaseMark(name=PhaseName.STOP, start_seconds=times[STOP], end_seconds=self._samples.now()))
        return worker_figures(tuple(self._samples.processes), marks, oom_kills=self._running.oom_kills())

    @property
    def phases(self) -> tuple[ServerPhase, ...]:
        """Return the phases so far: start, ready, those of ``mark``, and stop."""
        ends = [start for _, start in self._marks[1:]] + [self._samples.now()]
        return tuple(self._phase(name, start, end) for (name, start), end in zip(self._marks, ends, strict=True))

    def mark(self, name: str) -> None:
        """Begin a phase."""
        __tracebackhide__ = True
        if name in (START, READY, STOP):
            raise UsageError(f"a phase {name!r} is there by itself", remedy="Give this one another name.")
        if not self.is_running:
            self._fail_as_ended()
        self._marks.append((name, self._samples.now()))

    def stop(self) -> Ending:
        """Stop it, and return how it ended. A second call only returns that."""
        if self._stopped is None:
            stop = self._samples.now()
            rest = self._samples.between(stop - REST_SECONDS, stop)
            self._rest_at_stop = _middle(rest)
            ready = next((start for name, start in self._marks if name == READY), None)
            self._marks.append((STOP, stop))
            ready_at = None if ready is None else ready + self._samples.started
            try:
                self._stopped = self._running.stop(ready_at=ready_at)
            finally:
                self.close()
        return self._stopped.ending

    def close(self) -> None:
        """Leave nothing behind."""
        try:
            self._running.close()
        finally:
            self._samples.close()

    def wait_until_ready(self) -> str:
        """Wait until it is ready, and then until it is at rest; return why it is not, with its last lines."""
        try:
            wait_until_ready(self._settings.ready, self._running)
        except NotReady as reason:
            ending = self.stop()
            if ending in _RAN_UNTIL_STOPPED:
                return f"{Ending.NOT_READY.value}: {reason}{last_lines(self.output)}"
            return self.problem()
        self._marks.append((READY, self._samples.now()))
        time.sleep(REST_SECONDS)
        if not self.is_running:
            self.stop()
            return self.problem()
        now = self._samples.now()
        rest = _middle(self._samples.between(now - SETTLED * REST_SECONDS, now))
        self._rest_when_ready = self.unreclaimable_bytes() if rest is None else rest
        return ""

    def problem(self) -> str:
        """Return why its end is a failure, with its last lines; empty if it is none, or it was not stopped yet."""
        if self._stopped is None or self._stopped.ending is Ending.COMPLETED:
            return ""
        ending, detail = self._stopped.ending, self._stopped.detail
        when = " before it was ready" if ending in OWN_ENDINGS and READY not in dict(self._marks) else ""
        return f"{ending.value}: {detail or ending.explanation}{when}{last_lines(self.output)}"

    def summary(self) -> str:
        """Return its phases and last lines, for a test that failed."""
        lines = [f"measured: {self.metric}"]
        for phase in self.phases:
            figures = {"peak": phase.unreclaimable_peak_bytes, "at its end": phase.settled_bytes}
            told = [f"{name} {format_bytes(size)}" for name, size in figures.items() if size is not None]
            lines.append(", ".join([f"{phase.name}: {format_seconds(phase.end_seconds - phase.start_seconds)}", *told]))
        return "\n".join(lines) + last_lines(self.output)

    @property
    def _target(self) -> LoadTarget:
        target = self._settings.target
        if target is None:
            raise UsageError(
                "the server's address is not known: a command says when it is ready",
                remedy="Give `ready` a URL or tcp://HOST:PORT, or use the port that you chose.",
            )
        return target

    def _phase(self, name: str, start: float, end: float) -> ServerPhase:
        return ServerPhase(
            name=name,
            start_seconds=start,
            end_seconds=end,
            unreclaimable_peak_bytes=max(self._samples.between(start, end), default=None),
            settled_bytes=_middle(self._samples.between(end - SETTLED * (end - start), end)),
        )

    def _fail_as_ended(self) -> NoReturn:
        __tracebackhide__ = True
        self.stop()
        pytest.fail(f"memory_server: {self.problem() or 'the server was stopped'}", pytrace=False)


def last_lines(text: str) -> str:
    """Return the end of what a server printed, as the end of a message."""
    lines = text.strip().splitlines()[-_SHOWN_LINES:]
    return "\n".join(["", "what it printed last:", *lines]) if lines else "\nit printed nothing"


def _middle(sizes: Sequence[int]) -> int | None:
    """Return the middle between the least and the most, as reports of servers have it."""
    return (min(sizes) + max(sizes)) // 2 if sizes else None
