"""Who holds what leaks, in real containers: programs whose leak is known, by soak, run and repro."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import scaled
from integration.serving import HEALTH
from integration.soak_clients import SoakClients, report

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

KEPT_BYTES = 40_000
SESSIONS = f"""
import time

class Session:
    def __init__(self, number):
        self.number = number
        self.body = bytearray({KEPT_BYTES})

class Registry:
    def __init__(self):
        self.sessions = {{}}

REGISTRY = Registry()

def visits():
    number = 0
    while True:
        for _ in range(5):
            number += 1
            REGISTRY.sessions[number] = Session(number)
        time.sleep(0.05)
        yield
"""
SERVER = f"""
import http.server, signal, socketserver, sys
LISTENERS = []
class Page:
    def __init__(self):
        self.text = bytearray({KEPT_BYTES})
    def changed(self):
        pass
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        LISTENERS.append(Page().changed)
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
NATIVE = """
import ctypes, time
malloc = ctypes.CDLL(None).malloc
malloc.restype = ctypes.c_void_p
while True:
    ctypes.memset(malloc(200_000), 1, 200_000)
    time.sleep(0.02)
"""
PROJECT = """
[suite]
description = "Sessions that nobody ends"

[benchmarks.visits]
call = "shop:visits"
duration = "6s"
caps = ["128m"]
"""
LIMITS = """
[caps]
128m = "128MiB"

[profiles.quick]
images = ["py312"]
runs = 1
warmups = 0
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    suite = root / "suites" / "shop"
    suite.mkdir(parents=True)
    (suite / "suite.toml").write_text(PROJECT)
    (suite / "shop.py").write_text(SESSIONS)
    (root / "limits.toml").write_text(LIMITS)
    (root / "images" / "py312").mkdir(parents=True)
    dockerfile = Path(__file__).parents[2] / "images" / "py312" / "Dockerfile"
    (root / "images" / "py312" / "Dockerfile").write_text(dockerfile.read_text())
    return root


@pytest.fixture(scope="module")
def soaked(
    tmp_path_factory: pytest.TempPathFactory, project: Path, docker_client: DockerClient
) -> dict[str, dict[str, Any]]:
    """Return the reports of soaks that run at once."""
    clients, folder = SoakClients(project), tmp_path_factory.mktemp("soaks")
    times = ("--duration", "12s", "--interval", "2s", "--explain")
    words = {
        "generator": ("shop.visits-py312-128m", *times, "--cap", "512m"),
        "server": (
            "py312", "--duration", "24s", *times[2:], "--serve", "--ready", HEALTH, "--load", "GET / rate=50",
            "--grace", "5s", "--", "python3", "-c", SERVER,
        ),
        "native": ("py312", *times, "--", "python3", "-c", NATIVE),
    }  # fmt: skip
    running = {name: clients("-o", str(folder / name), *each) for name, each in words.items()}
    for each in running.values():
        clients.ended(each, 100)
    assert clients.remove_all(docker_client) == []
    return {name: report(folder / name) for name in words}


def test_of_a_generator(soaked: dict[str, dict[str, Any]]) -> None:
    found = soaked["generator"]
    grown = found["grown"]["processes"][0]
    holder = grown["holders"][0]
    assert holder["steps"] == ["module shop.REGISTRY", "Registry.sessions", "dict"]
    assert holder["more"] / found["grown"]["work"] == pytest.approx(5, rel=0.1)
    assert holder["bytes"] / holder["more"] == pytest.approx(KEPT_BYTES, rel=0.05)
    assert grown["traced_bytes"] == pytest.approx(holder["bytes"], rel=0.05)
    site = grown["sites"][0]
    assert (Path(site["file"]).name, site["source"]) == ("shop.py", f"self.body = bytearray({KEPT_BYTES})")
    assert "held by module shop.REGISTRY -> Registry.sessions, " in found["answer"]
    assert found["verdict"]["rate_bytes_per_cycle"] == pytest.approx(5 * KEPT_BYTES, rel=0.05)


def test_what_is_looked_at_for_it_is_not_judged(soaked: dict[str, dict[str, Any]]) -> None:
    for name, found in soaked.items():
        asked = found["settings"]["duration_seconds"] + (5 if name == "server" else 0)  # after its warm-up
        assert found["series"]["seconds"][-1] <= asked
        assert found["samples"][-1]["seconds"] <= asked
        assert found["elapsed_seconds"] >= asked + 9, "10 seconds more"


def test_of_a_server_under_load(soaked: dict[str, dict[str, Any]]) -> None:
    found = soaked["server"]
    holder = found["grown"]["processes"][0]["holders"][0]
    assert holder["steps"] == ["module __main__.LISTENERS", "list"]
    assert holder["more"] / found["grown"]["work"] == pytest.approx(1, rel=0.1)
    assert " a request; reaches the cap" in found["answer"]
    assert found["samples"][-1]["work"]["failed"] == 0


def test_what_compiled_code_keeps_is_not_blamed_on_python(soaked: dict[str, dict[str, Any]]) -> None:
    found = soaked["native"]
    assert found["grown"]["bytes"] > 20 * found["grown"]["processes"][0]["traced_bytes"]
    assert "most of it not in Python's own memory" in found["answer"]


def memcap(*words: str, cwd: Path, code: int) -> str:
    command = [sys.executable, "-m", "memcap", *words]
    process = subprocess.run(command, capture_output=True, text=True, timeout=scaled(600), check=False, cwd=cwd)
    assert process.returncode == code, process.stderr
    return process.stdout


def test_of_a_benchmark_that_raises_the_alert(project: Path) -> None:
    found = json.loads(memcap("run", "--explain", "--json", cwd=project, code=0))
    (explained,) = found["explained"]
    assert explained["cell"] == "shop.visits-py312-128m"
    holder = explained["grown"]["holders"][0]
    assert holder["steps"] == ["module shop.REGISTRY", "Registry.sessions", "dict"]
    assert holder["more"] / explained["cycles"] == pytest.approx(5, rel=0.1)


def test_of_a_kill_at_the_cap(project: Path) -> None:
    code = SESSIONS.replace("sleep(0.05)", "sleep(0.005)") + "\nfor _ in visits():\n    pass\n"
    words = ("repro", "--cap", "128m", "--json", "-i", "py312", "--", "python3", "-c", code)
    found = json.loads(memcap(*words, cwd=project, code=0))
    (holder, *_) = found["states"][0]["holders"]
    assert holder["steps"] == ["module __main__.REGISTRY", "Registry.sessions", "dict"]
    assert holder["bytes"] / holder["more"] == pytest.approx(KEPT_BYTES, rel=0.05)
    assert "held by module __main__.REGISTRY -> Registry.sessions" in found["verdict"]
