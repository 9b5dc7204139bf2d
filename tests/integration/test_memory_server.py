"""The fixture ``memory_server`` with containers: figures of the cgroup, kills at the cap, and nothing left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from integration.measuring import image
from pytest_servers import SERVER

from memcap.images.build import build_images

if TYPE_CHECKING:
    from docker import DockerClient

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.docker

COMMON = f"""
import urllib.request
import pytest

MIB = 1024 * 1024
SERVER = {SERVER!r}
READY = "http://127.0.0.1:{{port}}/"
HOST = {{"image": "@IMAGE@", "network": "host"}}

def program(*words):
    return ["python3", "-c", SERVER, "{{port}}", *words]

def get(server, path):
    with urllib.request.urlopen(server.url + path) as answer:
        assert answer.read() == b"ok"
"""

TESTS = """
def test_kept_per_request(memory_server):
    server = memory_server(program(), ready=READY, cap="128m", env={"PLACE": "{port}"}, **HOST)
    get(server, "/keep/4096")
    before = server.settled(1)
    server.mark("load")
    for _ in range(128):
        get(server, f"/keep/{128 * 1024}")
    server.mark("rest")
    assert server.settled(1) - before == pytest.approx(16 * MIB, rel=0.02)
    assert server.workers.most == 1 and server.workers.oom_kills == 0
    assert server.stop() == "completed"
    phases = {phase.name: phase for phase in server.phases}
    assert list(phases) == ["start", "ready", "load", "rest", "stop"]
    assert server.unreclaimable_peak_bytes >= phases["rest"].settled_bytes - MIB
    assert server.peak_bytes >= server.unreclaimable_peak_bytes - MIB
    assert server.kept_bytes == pytest.approx(16 * MIB, rel=0.1)

def test_workers(memory_server):
    server = memory_server(program("workers"), ready="python3 -c pass", **HOST)
    assert server.settled(1) < 40 * MIB
    assert server.workers.most == 3

def test_killed(memory_server):
    server = memory_server(program(), ready=READY, cap="48m", **HOST)
    with pytest.raises(OSError):
        get(server, f"/keep/{100 * MIB}")

def test_a_worker_is_killed(memory_server):
    server = memory_server(program("workers"), ready=READY, cap="64m", **HOST)
    with pytest.raises(OSError):
        get(server, f"/keep/{100 * MIB}")
    assert server.is_running
    assert server.workers.oom_kills == 1
    assert server.stop().is_oom

def test_dies(memory_server):
    server = memory_server(program(), ready=READY, **HOST)
    with pytest.raises(OSError):
        get(server, "/die")

def test_deaf(memory_server):
    server = memory_server(program("deaf"), ready=READY, grace=0.5, **HOST)
    assert server.stop() == "timed_out"

def test_never_ready(memory_server):
    memory_server(program("silent"), ready=READY, ready_timeout=1, **HOST)

def test_fails_at_start(memory_server):
    memory_server(program("fails"), ready=READY, **HOST)

def test_no_program(memory_server):
    memory_server(["no-such-program"], ready=READY, **HOST)

def test_unknown_image(memory_server):
    memory_server(program(), ready=READY, image="memcap/no-such-image:1")

def test_unknown_network(memory_server):
    memory_server(program(), ready=READY, image="@IMAGE@", network="no-such-network")

def test_no_network(memory_server):
    memory_server(program(), ready=READY, image="@IMAGE@", network="none")
"""

INTERRUPTED = """
def test_interrupted(memory_server):
    memory_server(program(), ready=READY, **HOST)
    memory_server(program("silent"), ready=READY, **HOST)
"""

BRIDGE = """
def test_published(memory_server):
    server = memory_server(
        ["python3", "-c", SERVER, "{port}", "0.0.0.0"], ready="tcp://127.0.0.1:{port}", image="@IMAGE@"
    )
    get(server, f"/keep/{8 * MIB}")
    assert server.kept_bytes == pytest.approx(8 * MIB, rel=0.1)
"""


@pytest.fixture
def reference(docker_client: DockerClient, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an image with Python, for a session of pytest with memcap's plugin alone."""
    (built,) = build_images(docker_client, (image("py312"),), say=lambda _: None)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.plugins = ["memcap.pytest_plugin"]
    return built.reference


def containers(client: DockerClient) -> list[str]:
    """Return the containers that servers of tests left."""
    found = client.api.containers(all=True, filters={"label": "memcap=1"})
    return [name for each in found for name in each["Names"] if "-pytest.test_memory_server_" in name]


def test_a_server_in_a_container(docker_client: DockerClient, pytester: pytest.Pytester, reference: str) -> None:
    pytester.makepyfile(test_memory_server=(COMMON + TESTS).replace("@IMAGE@", reference))
    result = pytester.runpytest_subprocess()

    result.assert_outcomes(passed=6, failed=6, errors=2)
    text = result.stdout.str()
    for words in (
        "memory_server: oom_killed: ",
        "memory_server: failed: it ended with exit code 3",
        "the database is gone",
        "memory_server: not_ready: not within 1.0 s: [Errno 111] Connection refused",
        "memory_server: failed: it ended with exit code 1 before it was ready",
        "no such table: users",
        "memory_server: the container of the server could not be started: ",
        "network no-such-network not found",
        "memory_server: load_failed: ",
        "memcap/no-such-image:1",
        "network: a server without a network cannot be reached by the test",
    ):
        assert words in text, words
    assert "Traceback" not in text
    assert containers(docker_client) == []


def test_its_port_is_published(docker_client: DockerClient, pytester: pytest.Pytester, reference: str) -> None:
    pytester.makepyfile(test_memory_server=(COMMON + BRIDGE).replace("@IMAGE@", reference))
    result = pytester.runpytest_subprocess()
    if "could not be started" in result.stdout.str():
        result.stdout.fnmatch_lines(["*Without a network 'bridge' on this daemon, use network=\"host\"."])
        pytest.skip("this daemon has no bridge")

    result.assert_outcomes(passed=1)
    assert containers(docker_client) == []


def test_ctrl_c_leaves_no_container(docker_client: DockerClient, pytester: pytest.Pytester, reference: str) -> None:
    pytester.makepyfile(test_memory_server=(COMMON + INTERRUPTED).replace("@IMAGE@", reference))
    process = pytester.popen(
        [sys.executable, "-m", "pytest", "-p", "memcap.pytest_plugin"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while len(containers(docker_client)) < 2 and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)

    assert process.wait(60) == pytest.ExitCode.INTERRUPTED
    assert containers(docker_client) == []
