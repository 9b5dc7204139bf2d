"""Connecting says who was asked, why there, and what to do, when nobody answers or the wrong one does."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from typing import TYPE_CHECKING

import pytest

from memcap.engine.discover import DaemonAddress
from memcap.engine.docker_client import connect, environment
from memcap.errors import DaemonPermissionError, DaemonUnavailable

if TYPE_CHECKING:
    from docker import DockerClient


def at(path: Path, **more: object) -> DaemonAddress:
    return DaemonAddress(url=f"unix://{path}", source="a test's socket", **more)  # type: ignore[arg-type]


@contextmanager
def serving(path: Path, body: bytes) -> Iterator[None]:
    """Answer every GET on the socket with ``body``: enough to be taken for a daemon, or for something else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    with UnixStreamServer(str(path), lambda request, _, server: Handler(request, ("client", 0), server)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def as_nobody() -> Iterator[Callable[[], None]]:
    """Give a function that drops root's right to open anything; undone after the test."""
    import docker  # noqa: F401 - nobody may not read it later
    import requests  # noqa: F401

    if os.geteuid() == 0:
        yield lambda: os.seteuid(65534)
        os.seteuid(0)
    else:
        yield lambda: None


def test_no_socket_names_address_reason_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnavailable) as caught:
        connect(at(tmp_path / "none.sock", alternatives=("unix:///run/podman/podman.sock",)))
    assert str(tmp_path / "none.sock") in caught.value.message
    assert "a test's socket" in caught.value.message
    assert "there is no such socket" in caught.value.message
    assert "DOCKER_HOST=unix:///run/podman/podman.sock" in caught.value.remedy


def test_a_socket_that_nobody_listens_on_is_told_apart(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as dead:
        dead.bind(str(tmp_path / "dead.sock"))
    with pytest.raises(DaemonUnavailable, match="no daemon listens"):
        connect(at(tmp_path / "dead.sock"))


def test_a_forbidden_socket_is_a_permission_error(tmp_path: Path, as_nobody: Callable[[], None]) -> None:
    path = tmp_path / "root.sock"
    with closing(socket.socket(socket.AF_UNIX)) as listener:
        listener.bind(str(path))
        listener.listen()
        path.chmod(0o000)
        as_nobody()
        with pytest.raises(DaemonPermissionError, match="may not use") as caught:
            connect(at(path))
    assert "docker" in caught.value.remedy


def test_a_daemon_of_windows_containers_is_refused(tmp_path: Path) -> None:
    body = json.dumps({"ApiVersion": "1.43", "Os": "windows"}).encode()
    with serving(tmp_path / "w.sock", body), pytest.raises(DaemonUnavailable, match="windows containers") as caught:
        connect(at(tmp_path / "w.sock"))
    assert "Switch to Linux containers" in caught.value.remedy


@pytest.mark.parametrize("body", [b"<html>hello</html>", b"{}", b'{"ApiVersion": "1.10"}'])
def test_something_that_is_no_daemon_of_today_is_refused(tmp_path: Path, body: bytes) -> None:
    with serving(tmp_path / "x.sock", body), pytest.raises(DaemonUnavailable, match="no Docker daemon answers"):
        connect(at(tmp_path / "x.sock"))


def test_a_closed_port_is_refused() -> None:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(DaemonUnavailable, match=f"tcp://127.0.0.1:{port}") as caught:
        connect(DaemonAddress(url=f"tcp://127.0.0.1:{port}", source="the variable X", is_chosen=True))
    assert "Check the variable X" in caught.value.remedy


@pytest.mark.parametrize(
    ("url", "words"), [("ssh://nobody@127.0.0.1:1", "ssh HOST docker version"), ("gopher://x", "gopher")]
)
def test_addresses_the_sdk_cannot_use_are_explained(url: str, words: str) -> None:
    with pytest.raises(DaemonUnavailable) as caught:
        connect(DaemonAddress(url=url, source="the variable X", is_chosen=True))
    assert words in str(caught.value)


@pytest.mark.docker
def test_the_real_daemon_describes_itself(docker_client: DockerClient) -> None:
    found = environment(docker_client)
    assert found.cgroup_version in (1, 2)
    assert found.memory_bytes is not None
    assert found.memory_bytes > 256 * 1024**2
    assert found.architecture in ("x86_64", "aarch64")
    assert docker_client.version()["Version"] == found.engine_version
