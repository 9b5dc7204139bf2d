"""The connection to the daemon breaks in the middle of a campaign: an error with the next step, nothing lost."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from integration.measuring import write_project

from memcap.engine.docker_client import address
from memcap.store import load_result

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

LIMITS = """
[caps]
128m = "128MiB"
[profiles.quick]
runs = 1
warmups = 0
[tolerances.peak]
relative = "5%"
absolute = "1MiB"
[time_limits]
run = "60s"
[judge]
minimum_runs = 1
"""
SUITE = """
[suite]
description = "one workload that ends, one that does not"
[benchmarks.first]
command = ["python", "-c", "pass"]
caps = ["128m"]
[benchmarks.second]
command = ["python", "-c", "import time; time.sleep(600)"]
caps = ["128m"]
"""


class Wire:
    """A TCP port that leads to the daemon, until it is cut."""

    def __init__(self, connect: Callable[[], socket.socket], *, port: int = 0) -> None:
        self._connect = connect
        self._listener = socket.create_server(("127.0.0.1", port))
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"tcp://127.0.0.1:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def cut(self) -> None:
        """Close the port and all connections."""
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # closing alone does not wake who waits in accept()
        self._listener.close()
        for end in self._open:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = self._connect()
                self._open += [near, far]
                for source, sink in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=(source, sink), daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)


def connect_to_daemon() -> socket.socket:
    """Return a connection to the daemon in use, which listens on a Unix socket or a TCP port without TLS."""
    found = address()
    if found.socket_path is not None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(found.socket_path)
        return connection
    there = urlsplit(found.url)
    return socket.create_connection((there.hostname, there.port or 2375))


@pytest.fixture
def wire() -> Iterator[Wire]:
    found = address()
    if not found.url.startswith(("unix://", "tcp://")) or found.tls is not None:
        pytest.skip(f"cannot forward a connection to {found.url}")
    made = Wire(connect_to_daemon)
    yield made
    made.cut()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, limits=LIMITS, suite=SUITE)


def test_what_is_finished_is_kept_and_what_is_left_is_found(
    docker_client: DockerClient, wire: Wire, project: Path
) -> None:
    environment = {**os.environ, "DOCKER_HOST": wire.url}
    running = subprocess.Popen(
        [sys.executable, "-m", "memcap", "run", "--daemon-wait", "2s"],
        cwd=project,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    for line in running.stderr:
        if "small.first-py312-128m" in line:
            break
    while not docker_client.containers.list(filters={"name": "small.second"}):
        assert running.poll() is None
    wire.cut()
    _, rest = running.communicate(timeout=60)

    assert running.returncode == 25, rest
    assert "Traceback" not in rest
    (path,) = (project / "results").glob("*.json")
    assert f"memcap run --resume {path}" in rest
    assert "it was not back within 2.0 s" in rest
    assert "Kept: 1 run (1 of 2 cells finished)" in rest
    assert [cell.cell.id for cell in load_result(path).cells] == ["small.first-py312-128m"]

    for left in docker_client.containers.list(filters={"label": f"memcap.campaign={path.stem}"}):
        left.kill()  # what still runs would be kept
    swept = subprocess.run(
        [sys.executable, "-m", "memcap", "gc", "--campaign", path.stem], capture_output=True, text=True, check=False
    )
    assert swept.returncode == 0, swept.stderr
    assert docker_client.containers.list(all=True, filters={"label": f"memcap.campaign={path.stem}"}) == []
