"""A server under load for a while, whoever looks on: the real load client, pod and supervisor."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import scaled
from integration.serving import HEALTH, plain
from integration.soak_clients import SoakClients, containers, report

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

HIDDEN = "Bearer hunter2-hunter2"
KEPT_BYTES = 20_000
SERVER = f"""
import http.server, os, signal, socketserver, sys
KEPT = []
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        if self.path == "/die":
            print("the database is gone;", self.headers["Authorization"], file=sys.stderr, flush=True)
            os._exit(3)
        if self.path == "/leak":
            KEPT.append(bytearray(b"x" * {KEPT_BYTES}))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *args):
        pass
class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server(("127.0.0.1", 8000), Handler).serve_forever()
"""
SERVING = ("--serve", "--warm-up", "1s", "--grace", "5s")


@pytest.fixture
def soak(tmp_path: Path, docker_client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[SoakClients]:
    clients = SoakClients(Path(__file__).parents[2])
    monkeypatch.chdir(tmp_path)
    yield clients
    assert clients.remove_all(docker_client) == []


def serving(load: str, *words: str) -> tuple[str, ...]:
    return ("py312", *words, *SERVING, "--ready", HEALTH, "--load", load, "--", "python3", "-c", SERVER)


WHOLE: dict[str, tuple[int, tuple[str, ...]]] = {
    "leak": (100, serving("GET /leak rate=50 for 10s", "--duration", "25s", "--interval", "5s")),
    "rate": (0, serving("GET / rate=20 for 10s", "--duration", "15s", "--rate", "2")),
    "deaf": (
        95,
        ("py312", *SERVING, "--ready-timeout", "3s", "--ready", HEALTH, "--load", "GET / rate=5", "--", *plain("9999")),
    ),
    "dies": (96, serving(f"GET /die header='Authorization: {HIDDEN}' rate=5")),
}


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory, docker_client: DockerClient) -> dict[str, tuple[str, Path]]:
    """Return what each of WHOLE printed, and its folder; they run at once."""
    clients = SoakClients(Path(__file__).parents[2])
    folder = tmp_path_factory.mktemp("whole")
    running = {name: clients("-o", str(folder / name), *words) for name, (_, words) in WHOLE.items()}
    found = {name: (clients.ended(each, WHOLE[name][0])[0], folder / name) for name, each in running.items()}
    assert clients.remove_all(docker_client) == []
    return found


Soaked = dict[str, tuple[str, Path]]


def test_a_leak_by_requests_is_found(soaked: Soaked) -> None:
    found = report(soaked["leak"][1])
    assert found["verdict"]["rate_bytes_per_request"] == pytest.approx(KEPT_BYTES, rel=0.1)
    assert found["samples"][-1]["work"]["done"] == 25 * 50
    assert found["samples"][-1]["work"]["failed"] == 0
    assert found["ending"] == "completed"


def test_twice_the_rate_is_twice_the_load(soaked: Soaked) -> None:
    assert report(soaked["rate"][1])["samples"][-1]["work"]["done"] == 15 * 40


def test_a_server_that_is_never_ready_is_told(soaked: Soaked) -> None:
    out, folder = soaked["deaf"]
    assert "not ready" in out
    assert report(folder)["verdict"]["leak"] is None


def test_a_server_that_dies_ends_the_soak_and_secrets_are_not_stored(soaked: Soaked) -> None:
    out, folder = soaked["dies"]
    assert "the database is gone" in out
    stored = [out, *(path.read_text(encoding="utf-8") for path in folder.iterdir())]
    assert not any("hunter2" in text for text in stored)


def test_the_client_that_started_it_may_die_before_the_server_is_ready(
    soak: SoakClients, tmp_path: Path, docker_client: DockerClient
) -> None:
    """Who attaches does what the load client asks for: here it starts the server."""
    load = "GET /leak rate=50 for 10s"
    first = soak(*serving(load, "--duration", "20s", "--interval", "2s"))
    name = soak.wait_for_id(first)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert len(containers(docker_client, name)) == 3
    second = soak("attach", name)
    soak.wait_for_samples(second, 3)
    second.send_signal(signal.SIGKILL)
    second.communicate()
    soak.ended(soak("attach", name, "-o", str(tmp_path / "out")), 100)
    assert report(tmp_path)["samples"][-1]["work"]["done"] == 20 * 50


def test_a_detached_soak_needs_nobody(soak: SoakClients, tmp_path: Path) -> None:
    load = "GET /leak rate=50 for 10s"
    soak.ended(soak(*serving(load, "--duration", "15s", "--detach")), 0)
    time.sleep(scaled(25))
    soak.ended(soak("attach", soak.only_id(), "-o", str(tmp_path / "out")), 100)
    assert report(tmp_path)["samples"][-1]["work"]["done"] == 15 * 50
