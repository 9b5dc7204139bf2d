"""An engine that outlives the faults of single runs, and waits for a daemon that went away."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass
from typing import Final

from memcap.engine.base import DaemonLost, Engine, failed
from memcap.errors import EngineError, Interrupted
from memcap.model import Environment, RawRun, RunSpec
from memcap.units import format_seconds

PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What is going on: the cells that run with their seconds so far, the longest first, and the wait for a daemon.

    ``done`` of ``total`` runs are over, as far as somebody counts them.
    """

    running: tuple[tuple[str, float], ...] = ()
    waited_seconds: float | None = None
    done: int = 0
    total: int = 0


class PatientEngine:
    """The engine ``inner``, whose errors become runs without figures. It waits so long for a lost daemon."""

    def __init__(self, inner: Engine, *, wait_seconds: float) -> None:
        self._inner = inner
        self._wait_seconds = wait_seconds
        self._cancelled = threading.Event()
        self._numbers = itertools.count()
        self._running: dict[int, tuple[str, float]] = {}
        self._lost_since: float | None = None

    @property
    def activity(self) -> Activity:
        """Return what is going on at this moment."""
        now, lost_since = time.monotonic(), self._lost_since
        return Activity(
            running=tuple((cell_id, now - since) for cell_id, since in tuple(self._running.values())),
            waited_seconds=None if lost_since is None else now - lost_since,
        )

    def environment(self) -> Environment:
        """Return where the runs happen. Raises EngineError."""
        return self._inner.environment()

    def is_reachable(self) -> bool:
        """Tell whether runs can be executed."""
        return self._inner.is_reachable()

    def cancel(self) -> None:
        """Stop what is running or waiting, and refuse what is not yet running."""
        self._cancelled.set()
        self._inner.cancel()

    def execute(self, spec: RunSpec) -> RawRun:
        """Execute one run; a failure of it is what it left. Raises DaemonLost if the daemon stays away, Interrupted."""
        number = next(self._numbers)
        self._running[number] = spec.cell_id, time.monotonic()
        try:
            return self._inner.execute(spec)
        except DaemonLost as error:
            self._wait(error)
            return failed(error.message)
        except EngineError as error:
            return failed(error.message)
        finally:
            del self._running[number]

    def _wait(self, lost: DaemonLost) -> None:
        """Return as soon as the daemon is there again."""
        self._lost_since = self._lost_since or time.monotonic()
        end = time.monotonic() + self._wait_seconds
        while not self._cancelled.is_set():
            if self._inner.is_reachable():
                self._lost_since = None
                return
            if time.monotonic() >= end:
                waited = format_seconds(self._wait_seconds)
                raise DaemonLost(f"{lost.message}; it was not back within {waited}", remedy=lost.remedy) from lost
            self._cancelled.wait(PAUSE_SECONDS)
        raise Interrupted("the run was stopped") from lost
