"""The Docker engine that the integration tests use; see promises.py for where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from integration.promises import require

from memcap.errors import DaemonUnavailable

if TYPE_CHECKING:
    import docker


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


@pytest.fixture(autouse=True)
def _docker_for_marked_tests(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker") is not None:
        request.getfixturevalue("docker_client")
