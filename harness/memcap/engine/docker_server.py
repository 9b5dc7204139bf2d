"""A server in a container of its own, to which someone else sends requests: started, looked at and stopped."""

# ruff: noqa: PLC0415

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from memcap.engine.docker import DockerEngine
from memcap.engine.docker_client import translated
from memcap.engine.docker_collect import OUTPUT_MARKER
from memcap.engine.docker_exec import refusal_of
from memcap.engine.docker_member import TERM, Member
from memcap.errors import EngineError, MemcapError
from memcap.model import RawRun, RunSpec

if TYPE_CHECKING:
    from docker import DockerClient

TAIL_LINES: Final = 100


class ServerRunning:
    """Start the run of ``spec`` at once; ``stop`` or ``close`` ends it. Raises EngineError if it does not start.

    ``pid`` is that of its PID 1 on the daemon's machine; 0 if it ended already.
    """

    def __init__(self, client: DockerClient, engine: DockerEngine, spec: RunSpec) -> None:
        self._client = client
        self._engine = engine
        self._pool = ThreadPoolExecutor(1, "memcap-server")
        self._member = Member("", spec)
        self._future = self._member.start(self._pool, engine)
        try:
            self._member.is_started.wait()
            if self._member.container is None:
                why = self._future.result().daemon_error or "it ended at once"
                raise EngineError(f"the container of the server could not be started: {why}")
            self.container = self._member.container
            with translated("look at the server's container"):
                self.pid = self._host_pid()
        except BaseException:
            self.close()
            raise

    def _host_pid(self) -> int:
        from docker.errors import NotFound

        try:
            return int(self._client.api.inspect_container(self.container)["State"]["Pid"])
        except NotFound:
            return 0

    def ends_within(self, seconds: float) -> bool:
        """Wait so long for its end; tell whether it came."""
        return bool(wait([self._future], timeout=seconds).done)

    def is_running(self) -> bool:
        """Tell whether the container runs, or is being read and removed."""
        return not self._future.done()

    def succeeds(self, argv: Sequence[str]) -> bool:
        """Tell whether a command exits with 0 in the container, as the server's user."""
        from docker.errors import APIError

        try:
            return not refusal_of(self._client, self.container, argv, user=self._member.spec.user)
        except APIError:  # it has just ended
            return False

    def output(self) -> str:
        """Return the last lines of what the server printed; empty when the container is gone."""
        from docker.errors import APIError

        with suppress(APIError):
            text: bytes = self._client.api.logs(self.container, tail=TAIL_LINES)
            return text.decode("utf-8", "replace").removeprefix(OUTPUT_MARKER)
        return ""

    def stop(self) -> RawRun:
        """Stop it as its image wants, and return what it left. Raises EngineError."""
        from docker.errors import APIError

        if self.is_running():
            with suppress(APIError):  # it has just ended
                self._client.api.kill(self.container, TERM)
        return self._future.result()

    def close(self) -> None:
        """Kill it if it runs, and wait until its container is removed."""
        if not self._future.done():
            self._engine.cancel()
        with suppress(MemcapError):
            self._future.result()
        self._pool.shutdown()
