"""The fixture ``memory_server``: start servers for a test, show what they needed if it fails, and stop them."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Final, Protocol

import pytest

from memcap.errors import MemcapError
from memcap.pytest_plugin.memory_server import MemoryServer
from memcap.pytest_plugin.server_options import ServerSettings, server_settings
from memcap.pytest_plugin.server_process import ServerProcess
from memcap.pytest_plugin.server_ready import refuse_used_port
from memcap.pytest_plugin.server_running import RunningServer

if TYPE_CHECKING:
    from pathlib import Path

    from pluggy import Result
    from typing_extensions import Unpack

    from memcap.pytest_plugin.server_options import ServerOptions

__all__ = ["MemoryServer", "ServerFactory"]

_SERVERS: Final = pytest.StashKey[list[MemoryServer]]()
_REPORTS: Final = "memcap-servers"


class ServerFactory(Protocol):
    """What the fixture ``memory_server`` gives to a test."""

    def __call__(
        self, command: str | Sequence[str | Path], *, ready: str, **options: Unpack[ServerOptions]
    ) -> MemoryServer:
        """Start a server, wait until it is ready and at rest, and return it."""
        ...


class ServerReports:
    """Add to the report of a test that failed what its servers needed and printed."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Result[pytest.TestReport], None]:
        """Add it while the servers run."""
        outcome = yield
        report = outcome.get_result()
        if report.when == "call" and report.failed:
            report.sections += [("memory_server", server.summary()) for server in item.stash.get(_SERVERS, [])]


@contextmanager
def servers_of_test(item: pytest.Item) -> Iterator[ServerFactory]:
    """Yield what starts servers for ``item``; stop them afterwards, and fail if one did not end as it should."""
    if not item.config.pluginmanager.hasplugin(_REPORTS):
        item.config.pluginmanager.register(ServerReports(), _REPORTS)
    servers = item.stash.setdefault(_SERVERS, [])
    with ExitStack() as stack:

        def start(command: str | Sequence[str | Path], *, ready: str, **options: Unpack[ServerOptions]) -> MemoryServer:
            __tracebackhide__ = True
            try:
                settings = server_settings(command, ready, options)
                refuse_used_port(settings.target)
                running = _start(settings, item)
                stack.callback(running.close)
                server = MemoryServer(settings, running)
                stack.callback(server.close)
                problem = server.wait_until_ready()
            except MemcapError as error:
                problem = str(error)
            if problem:
                pytest.fail(f"memory_server: {problem}", pytrace=False)
            servers.append(server)
            return server

        yield start
        problems = [_stopped(server) for server in servers if server.ending is None]
    failures = [f"memory_server: {problem}" for problem in problems if problem]
    if failures:
        pytest.fail("\n\n".join(failures), pytrace=False)


def _start(settings: ServerSettings, item: pytest.Item) -> RunningServer:
    if settings.container is None:
        return ServerProcess(settings)
    from memcap.pytest_plugin.in_containers import image_of_project  # noqa: PLC0415 - heavy
    from memcap.pytest_plugin.server_container import ServerContainer  # noqa: PLC0415 - likewise

    return ServerContainer(settings, item, image_of_project(settings.container.image, item.config.rootpath))


def _stopped(server: MemoryServer) -> str:
    """Stop a server; return why its end is a failure, empty if it is none."""
    try:
        server.stop()
    except MemcapError as error:
        return str(error)
    return server.problem()
