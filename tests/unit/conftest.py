"""Unit tests start no process and use no network; a test that must is marked ``allow_processes``."""

from __future__ import annotations

import socket
import subprocess
from typing import NoReturn

import pytest
import urllib3.util.connection  # noqa: F401 - binds a socket when it is imported, to see whether there is IPv6


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
