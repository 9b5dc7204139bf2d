"""A container of a pod that runs in a thread of its own: the server, a service, or a load generator."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from typing import TYPE_CHECKING, Final, Protocol

from memcap.engine.docker_create import in_network
from memcap.model import PutFile, RawRun, RunSpec

if TYPE_CHECKING:
    from docker import DockerClient

TERM: Final = "SIGTERM"  # the supervisor makes of it what the image wants


class Runner(Protocol):
    """What a pod needs of the engine: runs of single containers, and that what it makes is removed."""

    def run(
        self, spec: RunSpec, *, files: Iterable[PutFile] = (), started: Callable[[str], None] | None = None
    ) -> RawRun: ...

    def removed_at_the_end(self, container: str) -> AbstractContextManager[None]: ...

    def refuse_when_cancelled(self) -> None: ...


class Member:
    """A run of ``spec``, in ``network`` if that is given. ``name`` is that of the service, or empty."""

    def __init__(self, name: str, spec: RunSpec, network: str | None = None, *, is_tool: bool = False) -> None:
        self.name = name
        self.is_tool = is_tool
        self.spec = spec if network is None else in_network(spec, network)
        self.container: str | None = None
        self.is_started = threading.Event()
        self.future: Future[RawRun] | None = None

    @property
    def is_over(self) -> bool:
        """Tell whether it was started and has ended."""
        return self.future is not None and self.future.done()

    def start(self, pool: ThreadPoolExecutor, runner: Runner, files: Iterable[PutFile] = ()) -> Future[RawRun]:
        """Start it with ``files`` in it, and return what becomes of it."""
        self.future = pool.submit(runner.run, self.spec, files=files, started=self._started)
        self.future.add_done_callback(lambda _: self.is_started.set())
        return self.future

    def tell_when_over(self, tell: Callable[[Member], None]) -> None:
        """Call ``tell`` when it has ended."""
        assert self.future is not None
        self.future.add_done_callback(lambda _: tell(self))

    def signal(self, client: DockerClient, name: str) -> None:
        """Send the signal ``name`` to it, if it runs."""
        from docker.errors import APIError  # noqa: PLC0415 - heavy

        if self.future is None:
            return
        self.is_started.wait()
        if self.container is not None and not self.future.done():
            with suppress(APIError):  # it has just ended
                client.api.kill(self.container, name)

    def _started(self, container: str) -> None:
        self.container = container
        self.is_started.set()
