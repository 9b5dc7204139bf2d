"""What is refused and said about mounts before containers are made."""

from __future__ import annotations

from pathlib import Path
from unittest.mock import Mock

import pytest
from docker.errors import NotFound

from memcap.engine.docker_mounts import announce_copies, refuse_missing, refuse_unknown_networks
from memcap.errors import PlanError
from memcap.model import ContainerPolicy, Mount, MountKind


def bound(*sources: Path, read_only: bool = False) -> ContainerPolicy:
    mounts = tuple(Mount(kind=MountKind.BIND, source=str(path), target=f"/{path.name}") for path in sources)
    volume = Mount(kind=MountKind.VOLUME, source="cache", target="/cache")
    return ContainerPolicy(mounts=(*mounts, volume), read_only=read_only)


def test_everything_that_is_missing_is_named(tmp_path: Path) -> None:
    refuse_missing((ContainerPolicy(), bound(tmp_path)))
    long = Path("/", "x" * 300)
    with pytest.raises(PlanError) as refused:
        refuse_missing((bound(tmp_path, tmp_path / "a"), bound(tmp_path / "a", long)))
    assert refused.value.message == f"what is to be mounted does not exist: {tmp_path / 'a'}, {long}"


def test_copies_are_announced_once(tmp_path: Path) -> None:
    said: list[str] = []
    announce_copies((bound(tmp_path), bound(tmp_path)), say=said.append)
    assert said == [f"{tmp_path} is copied into each container, not mounted: the daemon is on another machine"]


def test_a_file_cannot_be_copied_into_a_read_only_container(tmp_path: Path) -> None:
    (tmp_path / "one").touch()
    announce_copies((bound(tmp_path, read_only=True),), say=lambda _: None)
    with pytest.raises(PlanError, match="a single file cannot be"):
        announce_copies((bound(tmp_path / "one", read_only=True),), say=lambda _: None)


def test_the_network_of_a_container_needs_one_that_runs() -> None:
    client = Mock()
    policies = (ContainerPolicy(), ContainerPolicy(network="container:shop"))
    client.containers.get.return_value.status = "running"
    refuse_unknown_networks(client, policies)
    client.containers.get.return_value.status = "exited"
    with pytest.raises(PlanError, match="--network container:shop: container shop is exited, not running"):
        refuse_unknown_networks(client, policies)
    client.containers.get.side_effect = NotFound("no")
    with pytest.raises(PlanError, match="--network container:shop: there is no container shop"):
        refuse_unknown_networks(client, policies)
