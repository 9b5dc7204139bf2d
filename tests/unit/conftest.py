"""Unit tests start no process and use no network; a test that must is marked ``allow_processes``."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest
import urllib3.util.connection  # noqa: F401 - binds a socket when it is imported, to see whether there is IPv6

from memcap.images.host_python import WantedPython, find_host_python


@pytest.fixture(autouse=True)
def _block_processes_and_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object, **__: object) -> NoReturn:
        pytest.fail("unit tests use no network")

    def no_process(*_: object, **__: object) -> NoReturn:
        pytest.fail("unit tests start no process (mark the test `allow_processes` if it must)")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, no_network)
    if request.node.get_closest_marker("allow_processes") is None:
        monkeypatch.setattr(subprocess.Popen, "__init__", no_process)


@pytest.fixture(autouse=True)
def _no_key_in_the_users_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memcap.config.env_variables._key", lambda: bytes(32))


@pytest.fixture(params=[8, 10, 11, 12, 13])
def interpreter(request: pytest.FixtureRequest) -> str:
    """Return a Python of this machine: one of those that programs in images may run on."""
    wanted = WantedPython(major=3, minor=request.param, micro=None)
    known = find_host_python(wanted, environ=os.environ, home=Path.home())
    if known is None:
        pytest.skip(f"no Python 3.{request.param} on this machine")
    return str(known.executable)
