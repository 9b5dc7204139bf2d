"""A daemon that is away, silent, slow without end, or breaks off: each has its message, and none makes memcap wait."""

from __future__ import annotations

import contextlib
import gc
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memcap.engine import docker_bounded, docker_client
from memcap.engine.base import DaemonLost
from memcap.engine.discover import DaemonAddress
from memcap.engine.docker_bounded import AnswerUnfinished, within
from memcap.engine.docker_client import answers, connect, environment
from memcap.errors import DaemonUnavailable, EngineError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs Unix sockets")

VERSION = b'{"ApiVersion":"1.41","Os":"linux","Version":"20.10"}'
PATIENCE_SECONDS = 20


def whole(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Daemon:
    """Answer /version, and everything else with ``behave``."""

    def __init__(self, path: Path, behave: Callable[[socket.socket], None], *, versions: int = 10**6) -> None:
        self._behave = behave
        self._versions = versions
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            while request := connection.recv(65536):
                if b"/version" in request and self._versions > 0:
                    self._versions -= 1
                    connection.sendall(whole(VERSION))
                else:
                    self._behave(connection)
                    return


def silent(connection: socket.socket) -> None:
    connection.recv(1)


def broken(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def frozen(connection: socket.socket) -> None:
    connection.sendall(whole(b"x" * 1000)[:200])
    connection.recv(1)


def drops(connection: socket.socket) -> None:
    """Send a byte of the body now and then, without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"1\r\nx\r\n")
        time.sleep(0.1)


def drops_of_a_header(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.1)


def wait_for_askers() -> None:
    """Wait for the threads of ``within``, which hold an error for a moment longer than the caller has it."""
    for thread in threading.enumerate():
        if thread.name == "memcap-ask":
            thread.join(PATIENCE_SECONDS)


@pytest.fixture
def place(tmp_path: Path) -> DaemonAddress:
    return DaemonAddress(url=f"unix://{tmp_path / 'd'}", source="a test", is_chosen=True)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Daemon]]:
    made = []

    def make(behave: Callable[[socket.socket], None], **details: Any) -> Daemon:
        made.append(Daemon(tmp_path / "d", behave, **details))
        return made[-1]

    yield make
    for daemon in made:
        daemon.close()
    wait_for_askers()  # they hear now that the daemon hung up


@pytest.fixture(autouse=True)
def _hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docker_client, "CONNECT_SECONDS", 1)
    monkeypatch.setattr(docker_client, "REQUEST_SECONDS", 1)
    monkeypatch.setattr(docker_bounded, "SLACK_SECONDS", 0.5)


@pytest.mark.parametrize(
    ("behave", "words"),
    [
        (silent, "the daemon did not answer in time"),
        (broken, "the connection to the daemon broke"),
        (frozen, "the daemon stopped in the middle of an answer"),
        (drops, "the daemon did not come to an end in time"),
        (drops_of_a_header, "the daemon did not come to an end in time"),
    ],
)
def test_each_fault_has_its_message_and_an_end(
    start: Callable[..., Daemon], place: DaemonAddress, behave: Callable[[socket.socket], None], words: str
) -> None:
    start(behave)
    with contextlib.closing(connect(place)) as client:
        began = time.monotonic()
        with pytest.raises(DaemonLost, match=words):
            environment(client)
        assert not answers(client)
        assert time.monotonic() - began < PATIENCE_SECONDS


@pytest.mark.parametrize("behave", [silent, broken, frozen, drops, drops_of_a_header])
def test_no_daemon_keeps_memcap_waiting_when_it_connects(
    start: Callable[..., Daemon], place: DaemonAddress, behave: Callable[[socket.socket], None]
) -> None:
    start(behave, versions=0)
    began = time.monotonic()
    with pytest.raises(DaemonUnavailable, match="no Docker daemon answers at unix:"):
        connect(place)
    assert time.monotonic() - began < PATIENCE_SECONDS


# The SDK leaves such a socket open. As an error, the warning about one would keep the frames alive that hold the next.
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
def test_a_daemon_that_went_away_cannot_be_connected_to(
    start: Callable[..., Daemon], place: DaemonAddress, tmp_path: Path
) -> None:
    daemon = start(broken)
    with contextlib.closing(connect(place)) as client:
        daemon.close()
        (tmp_path / "d").unlink()
        with contextlib.suppress(EngineError):
            environment(client)  # over the connection that is still open
        with pytest.raises(DaemonLost, match="cannot connect to the daemon"):
            environment(client)
    wait_for_askers()
    gc.collect()  # or a later test is blamed for the socket


def test_what_answers_in_time_is_passed_on() -> None:
    assert within(PATIENCE_SECONDS, lambda: 7) == 7
    with pytest.raises(KeyError):
        within(PATIENCE_SECONDS, {}.popitem)
    with pytest.raises(AnswerUnfinished, match="did not end within"):
        within(0.1, lambda: time.sleep(1))


def test_a_command_ends_where_the_daemon_does_not(start: Callable[..., Daemon], tmp_path: Path) -> None:
    """Threads that are still waiting for an answer do not keep the process alive."""
    start(drops, versions=0)
    environ = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path / 'd'}"}
    ended = subprocess.run(
        [sys.executable, "-m", "memcap", "gc"], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert ended.returncode == 20, ended.stderr
    assert "did not come to an end in time" in ended.stderr
