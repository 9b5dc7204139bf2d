"""The Docker engine that the integration tests use.

``MEMCAP_REQUIRE=docker`` (a comma list) turns "skipped, because there is none" into a failure: the job that promises
a capability must not pass without it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from memcap.errors import DaemonUnavailable

if TYPE_CHECKING:
    import docker


def _required() -> frozenset[str]:
    return frozenset(word.strip() for word in os.environ.get("MEMCAP_REQUIRE", "").split(",")) - {""}


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """Yield a client of the daemon in use; skip where there is none, or fail if MEMCAP_REQUIRE promises one."""
    from memcap.engine.docker_client import connect

    try:
        client = connect()
    except DaemonUnavailable as error:
        if "docker" in _required():
            pytest.fail(f"MEMCAP_REQUIRE promises docker, but: {error}", pytrace=False)
        pytest.skip(f"no Docker engine: {error.message}")
    try:
        yield client
    finally:
        client.close()


@pytest.fixture(autouse=True)
def _docker_for_marked_tests(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("docker") is not None:
        request.getfixturevalue("docker_client")
