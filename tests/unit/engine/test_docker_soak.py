"""Test that soaks are found while other clients start and collect theirs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from docker.errors import APIError, NotFound

from memcap.engine.docker_labels import (
    CAMPAIGN_LABEL,
    KIND_LABEL,
    LABEL,
    ROLE_LABEL,
    SELF_LABEL,
    SOAK,
    WORKLOAD,
)
from memcap.engine.docker_soak import (
    CLIENT_ROLE,
    HOLDER,
    SoakContainers,
    SoakRemovedError,
    find_soaks,
    hidden_values,
    remove_soak,
    unless_removed,
)

if TYPE_CHECKING:
    from docker import DockerClient


class _Api:
    """Two soaks, of which the container "gone" is removed between the list and the look at it."""

    def containers(self, **_: object) -> list[dict[str, Any]]:
        return [_listed("gone", 1.0), _listed("here", 2.0)]

    def inspect_container(self, container: str) -> dict[str, Any]:
        if container == "gone":
            raise NotFound("No such container: gone")
        if container == "client":
            return {"Config": {"Env": ["PATH=/bin", 'MEMCAP_HIDDEN=["Bearer abc=", "x"]']}}
        return {"State": {"Status": "running"}, "Config": {"Labels": {}}}


def _listed(name: str, created: float) -> dict[str, Any]:
    labels = {
        LABEL: "1",
        SELF_LABEL: name,
        KIND_LABEL: SOAK,
        ROLE_LABEL: WORKLOAD,
        CAMPAIGN_LABEL: f"soak-{name}",
    }
    return {"Id": name, "Names": [f"/{name}"], "Created": created, "Labels": labels}


def test_a_soak_that_another_client_has_just_collected_hides_no_other() -> None:
    client = cast("DockerClient", SimpleNamespace(api=_Api()))

    assert [soak.id for soak in find_soaks(client)] == ["soak-here"]


@pytest.mark.parametrize(
    "error",
    [
        NotFound("No such container: here"),
        APIError("can not get logs from container which is dead or marked for removal"),
        APIError("removal of container here is already in progress"),
    ],
)
def test_a_soak_that_another_client_collects_says_so(error: APIError) -> None:
    soak = SoakContainers(id="soak-here", note="", roles={WORKLOAD: "here"}, status="exited")

    with pytest.raises(SoakRemovedError, match="soak-here"), unless_removed(soak):
        raise error


def test_another_error_stays_what_it_is() -> None:
    soak = SoakContainers(id="soak-here", note="", roles={WORKLOAD: "here"}, status="exited")

    with pytest.raises(APIError, match="disk is full"), unless_removed(soak):
        raise APIError("the disk is full")


def test_what_the_load_must_not_show_is_known_to_each_client() -> None:
    client = cast("DockerClient", SimpleNamespace(api=_Api()))
    server = SoakContainers(id="s", note="", roles={WORKLOAD: "here", CLIENT_ROLE: "client"}, status="running")

    assert hidden_values(client, server) == ("Bearer abc=", "x")
    assert hidden_values(client, SoakContainers(id="s", note="", roles={WORKLOAD: "here"}, status="running")) == ()


def test_the_holder_of_the_network_is_removed_last_and_the_workload_before_it() -> None:
    removed: list[str] = []
    api = SimpleNamespace(remove_container=lambda container, **_: removed.append(container))
    roles = {HOLDER: "holder", WORKLOAD: "workload", "service:db": "db", CLIENT_ROLE: "client"}
    soak = SoakContainers(id="s", note="", roles=roles, status="exited")

    remove_soak(cast("DockerClient", SimpleNamespace(api=api)), soak)

    assert removed == ["db", "client", "workload", "holder"]
