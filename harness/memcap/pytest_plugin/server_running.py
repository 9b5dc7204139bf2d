"""What the fixture ``memory_server`` needs of a server that runs, as a process or in a container."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from memcap.model import Ending

OWN_ENDINGS: Final = (Ending.FAILED, Ending.CRASHED, Ending.INCOMPLETE)  # told by the exit code


@dataclass(frozen=True, kw_only=True)
class Stopped:
    """How a server ended, and the figures that are known only then; None is what was not measured."""

    ending: Ending
    detail: str = ""
    peak_bytes: int | None = None
    unreclaimable_peak_bytes: int | None = None


def how_ended(code: int) -> str:
    """Return an exit code in words; below 0 it is that of a signal."""
    return f"it ended with signal {signal.Signals(-code).name}" if code < 0 else f"it ended with exit code {code}"


class RunningServer(Protocol):
    """A server that was started. ``metric`` says in words what its memory is measured by.

    Its processes descend from ``root_pid``; ``has_own_root`` says that this is the server's own main process.
    """

    metric: str
    root_pid: int
    has_own_root: bool

    def is_running(self) -> bool:
        """Tell whether the main process runs."""
        ...

    def succeeds(self, argv: Sequence[str]) -> bool:
        """Tell whether a command exits with 0 where the server runs."""
        ...

    def unreclaimable_bytes(self) -> int | None:
        """Return what the server holds now; None if it ended."""
        ...

    def oom_kills(self) -> int | None:
        """Return how many of its processes the kernel killed at the cap; None where there is no cap."""
        ...

    def output(self) -> str:
        """Return the end of what it printed."""
        ...

    def stop(self, *, ready_at: float | None) -> Stopped:
        """Stop it, and return how it ended; ``ready_at`` is when it was ready, on the machine's monotonic clock."""
        ...

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in. A second call does nothing."""
        ...
