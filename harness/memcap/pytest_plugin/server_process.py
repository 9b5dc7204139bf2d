"""A server that runs as a process of this machine, in a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import psutil

from memcap.errors import UsageError
from memcap.measuring.ending import CRASHES
from memcap.model import Ending
from memcap.pytest_plugin.server_options import ServerSettings
from memcap.pytest_plugin.server_running import Stopped, how_ended
from memcap.testing.cgroup import own_oom_kills
from memcap.testing.reading import descendants, has_memory, tree_unreclaimable_bytes
from memcap.units import format_seconds

_LOOK_SECONDS: Final = 0.01
_COMMAND_SECONDS: Final = 10.0
_TAIL_BYTES: Final = 16 * 1024


class ServerProcess:
    """Start the server at once. Raises UsageError for what cannot be started, and where memory cannot be measured."""

    metric = "anonymous and shared memory of the server's processes, each page counted once (PSS)"
    has_own_root = True

    def __init__(self, settings: ServerSettings) -> None:
        if tree_unreclaimable_bytes(os.getpid()) is None:
            raise UsageError(
                f"memory_server needs Linux 5.4 or newer to measure a process; this is {sys.platform}",
                remedy="Give it an `image`, to run the server in a container.",
            )
        self._settings = settings
        self._env = {**os.environ, "PYTHONUNBUFFERED": "1", **settings.env}  # what was printed before a kill is there
        self._output = tempfile.TemporaryFile(prefix="memcap-")  # noqa: SIM115 - closed by `close`
        self._printed = ""
        self._started: list[psutil.Process] = []
        self._kills = own_oom_kills()
        try:
            self._process = subprocess.Popen(
                settings.argv,
                cwd=settings.cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for pytest, which then stops the server
            )
        except OSError as error:
            self._output.close()
            raise UsageError(
                f"the server {settings.argv[0]!r} could not be started: {error.strerror}", remedy="Check `command`."
            ) from error
        self.root_pid = self._process.pid

    def is_running(self) -> bool:
        """Tell whether the main process runs. It is not reaped: its number stays its own, and its group's."""
        if self._process.returncode is not None:
            return False
        try:
            ended = os.waitid(os.P_PID, self.root_pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:  # the test waited for all its children
            return False
        return ended is None and has_memory(self.root_pid)

    def succeeds(self, argv: Sequence[str]) -> bool:
        """Tell whether a command exits with 0, with the server's environment and folder."""
        try:
            done = subprocess.run(
                argv,
                cwd=self._settings.cwd,
                env=self._env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        return done.returncode == 0

    def unreclaimable_bytes(self) -> int | None:
        """Return what the server's processes hold now; None if it ended."""
        return tree_unreclaimable_bytes(self.root_pid)

    def oom_kills(self) -> int | None:
        """Return None: it has no cap of its own."""
        return None

    def output(self) -> str:
        """Return the end of what it printed."""
        if self._output.closed:
            return self._printed
        descriptor = self._output.fileno()
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, _TAIL_BYTES, max(0, size - _TAIL_BYTES)).decode("utf-8", "replace")

    def stop(self, *, ready_at: float | None) -> Stopped:
        """Send SIGTERM to the main process, and after the grace period SIGKILL to all that it started."""
        was_running = self.is_running()
        self._find_others()
        if was_running:
            os.kill(self.root_pid, signal.SIGTERM)
            self._wait(self._settings.grace_seconds)
        is_late = self.is_running()
        self.close()
        return self._stopped(was_running=was_running, is_late=is_late)

    def close(self) -> None:
        """Kill what still runs, and what it started."""
        if self._output.closed:
            return
        self._find_others()
        with suppress(OSError):  # all have ended
            os.killpg(self.root_pid, signal.SIGKILL)
        for other in self._started:
            with suppress(psutil.Error):
                other.kill()
        self._process.wait()
        self._printed = self.output()
        self._output.close()

    def _find_others(self) -> None:
        """Keep in mind what descends from the main process: when that has ended, nobody knows."""
        for pid in descendants(self.root_pid):
            with suppress(psutil.Error):
                self._started.append(psutil.Process(pid))

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while self.is_running() and time.monotonic() < deadline:
            time.sleep(_LOOK_SECONDS)

    def _stopped(self, *, was_running: bool, is_late: bool) -> Stopped:
        code = self._process.returncode
        if is_late:
            grace = format_seconds(self._settings.grace_seconds)
            return Stopped(ending=Ending.TIMED_OUT, detail=f"it did not end within {grace} of SIGTERM, and was killed")
        if was_running and -code not in CRASHES:
            return Stopped(ending=Ending.COMPLETED)
        detail = how_ended(code)
        if code == -signal.SIGKILL and own_oom_kills() > self._kills:
            return Stopped(ending=Ending.MACHINE_OOM, detail=f"{detail}: the cgroup of this machine has no memory left")
        if code < 0:
            return Stopped(ending=Ending.CRASHED, detail=detail)
        return Stopped(ending=Ending.FAILED if code else Ending.INCOMPLETE, detail=detail)
