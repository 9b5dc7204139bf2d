"""Wait until a server is ready, as seen from this machine."""

from __future__ import annotations

import http.client
import socket
import time
from contextlib import closing
from typing import Final

from memcap.errors import UsageError
from memcap.model import CommandReady, HttpReady, LoadTarget, Readiness
from memcap.pytest_plugin.server_running import RunningServer
from memcap.units import format_seconds

_ATTEMPT_SECONDS: Final = 2.0
_BODY_BYTES: Final = 1024 * 1024
_OPEN_SECONDS: Final = 0.05  # Docker's proxy accepts connections to what does not listen, and then closes them


class NotReady(Exception):  # noqa: N818 - reads as what happened
    """The server was not ready in time, or ended before."""


def wait_until_ready(ready: Readiness, server: RunningServer) -> None:
    """Return when ``server`` is ready. Raises NotReady."""
    deadline = time.monotonic() + ready.time_limit_seconds
    while True:
        problem = _problem(ready, server)
        if not server.is_running():
            raise NotReady("it ended before it was ready")
        if not problem:
            return
        if time.monotonic() >= deadline:
            raise NotReady(f"not within {format_seconds(ready.time_limit_seconds)}: {problem}")
        time.sleep(ready.interval_seconds)


def refuse_used_port(target: LoadTarget | None) -> None:
    """Raise UsageError if something listens where a server that does not run yet is to listen."""
    if target is None or _problem_of_connection(target, _ATTEMPT_SECONDS):
        return
    raise UsageError(
        f"something else listens on {target.host}:{target.port} already",
        remedy="Let memcap choose a free port: write {port} in the command and in `ready`.",
    )


def _problem(ready: Readiness, server: RunningServer) -> str:
    """Return why the server is not ready; empty if it is."""
    check = ready.check
    if isinstance(check, CommandReady):
        return "" if server.succeeds(check.argv) else f"{check.argv[0]} did not exit with 0"
    if not isinstance(check, HttpReady):
        return _problem_of_connection(check.target, _ATTEMPT_SECONDS)
    target = check.target
    with closing(http.client.HTTPConnection(target.host, target.port, timeout=_ATTEMPT_SECONDS)) as connection:
        try:
            connection.request("GET", check.path, headers={"Connection": "close"})
            answer = connection.getresponse()
            answer.read(_BODY_BYTES)  # a connection that is closed before is an error in some servers' logs
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
    return "" if check.accepts(answer.status) else f"GET {check.path} was answered with status {answer.status}"


def _problem_of_connection(target: LoadTarget, seconds: float) -> str:
    try:
        connection = socket.create_connection((target.host, target.port), timeout=seconds)
    except OSError as error:
        return str(error)
    with connection:
        connection.settimeout(_OPEN_SECONDS)
        try:
            return "" if connection.recv(1) else "the connection was closed at once"
        except TimeoutError:
            return ""
        except OSError as error:
            return str(error)
