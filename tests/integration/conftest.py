"""The Docker engine that the integration tests use; see promises.py for where there is none."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.promises import require
from integration.serving import Serve

from memcap.engine.docker_labels import CAMPAIGN_LABEL
from memcap.errors import DaemonUnavailable
from memcap.images.host_python import WantedPython, find_host_python

if TYPE_CHECKING:
    import docker


@pytest.fixture(scope="session", autouse=True)
def _signals_are_heard() -> None:
    """Hear SIGINT, and SIGHUP: a shell's background and nohup ignore them, and so would all that these tests start."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """Yield a client of the daemon in use; skip where there is none, or fail if MEMCAP_REQUIRE promises one."""
    from memcap.engine.docker_client import connect

    try:
        client = connect()
    except DaemonUnavailable as error:
        require("docker", available=False, reason=f"no Docker engine: {error}")
        raise
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(params=["this interpreter", "Python 3.8"])
def interpreter(request: pytest.FixtureRequest) -> str:
    """Return a Python to run the load client with: this one, and the oldest."""
    if request.param == "this interpreter":
        return sys.executable
    known = find_host_python(WantedPython(major=3, minor=8, micro=None), environ={}, home=Path.home())
    if known is None:
        pytest.skip("no Python 3.8 on this machine")
    return str(known.executable)


@pytest.fixture
def serve(docker_client: docker.DockerClient) -> Iterator[Serve]:
    """Yield what runs servers; nothing of them may be left."""
    served = Serve(docker_client)
    yield served
    for campaign in served.campaigns:
        left = docker_client.containers.list(all=True, filters={"label": f"{CAMPAIGN_LABEL}={campaign}"})
        assert [container.name for container in left] == []


@pytest.fixture(autouse=True)
def _docker_for_marked_tests(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker") is not None:
        request.getfixturevalue("docker_client")
