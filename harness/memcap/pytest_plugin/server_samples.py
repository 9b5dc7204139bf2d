"""The memory and the processes of a server over time, sampled by a thread while the server runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Final

from memcap.model import ProcessMoment
from memcap.pytest_plugin.server_running import RunningServer
from memcap.testing.reading import process_rows

INTERVAL_SECONDS: Final = 0.02
_LOOKS_WITHOUT_PROCESSES: Final = 4  # between those at processes, which count workers only


class Samples:
    """Sample ``server`` until ``close``; times are in seconds since the start of this."""

    def __init__(self, server: RunningServer) -> None:
        self._server = server
        self.started = time.monotonic()
        self.processes: list[ProcessMoment] = []
        self._memory: list[tuple[float, int]] = []
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="memcap-server", daemon=True)
        self._thread.start()

    def now(self) -> float:
        """Return the time."""
        return time.monotonic() - self.started

    def between(self, start: float, end: float) -> Sequence[int]:
        """Return the bytes of the samples from ``start`` to ``end``."""
        return [size for seconds, size in tuple(self._memory) if start <= seconds <= end]

    def close(self) -> None:
        """Stop sampling."""
        self._is_over.set()
        self._thread.join()

    def _sample(self) -> None:
        look = 0
        while not self._is_over.wait(INTERVAL_SECONDS):
            size = self._server.unreclaimable_bytes()
            if size is not None:
                self._memory.append((self.now(), size))
            if look % (_LOOKS_WITHOUT_PROCESSES + 1) == 0:
                self._look_at_processes()
            look += 1

    def _look_at_processes(self) -> None:
        seconds, root = self.now(), self._server.root_pid
        self.processes += [
            ProcessMoment(seconds=seconds, pid=pid, parent=parent, name=name, rss_bytes=rss)
            for pid, parent, name, rss in process_rows(root)
            if pid != root or self._server.has_own_root
        ]
