"""Wherever the daemon puts the container's cgroup, and whatever of it is seen inside, the supervisor reads that one.

The kill counter, the cap and the peak prove it: another cgroup has other ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from integration.administering import REMOVE_PARENT, administer
from integration.measuring import cell, measure_once

from memcap.engine.docker_client import environment
from memcap.model import Ending

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
PARENT = "memcap-places"


@pytest.fixture
def parent(docker_client: DockerClient) -> Iterator[str]:
    """Return a parent cgroup in the way this daemon's driver wants it named; its folders are removed."""
    if environment(docker_client).cgroup_driver == "systemd":
        yield f"{PARENT}.slice"  # systemd removes an empty slice by itself
        return
    yield f"/{PARENT}"
    administer(docker_client, REMOVE_PARENT, PARENT)


@pytest.mark.parametrize("namespace", ["host", "private"])
def test_the_containers_own_cgroup_is_read(
    docker_client: DockerClient, monkeypatch: pytest.MonkeyPatch, parent: str, namespace: str
) -> None:
    make = docker_client.api.create_host_config
    for placed in ({"cgroupns": namespace}, {"cgroupns": namespace, "cgroup_parent": parent}):
        with monkeypatch.context() as patch:
            patch.setattr(docker_client.api, "create_host_config", lambda _=placed, **kw: make(**{**kw, **_}))
            killed = measure_once(docker_client, cell("allocate", mib=512))

        assert killed.ending is Ending.OOM_KILLED, placed
        assert killed.oom.kills == 1
        assert killed.cap_bytes is not None
        assert 128 * MIB <= killed.cap_bytes < 129 * MIB
        assert killed.peak_bytes is not None
        assert killed.cap_bytes - MIB < killed.peak_bytes <= killed.cap_bytes  # less only with crun: test_endings.py
