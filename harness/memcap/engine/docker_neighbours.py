"""Find what else of memcap runs on a daemon: other campaigns, whose containers may share its CPUs with ours."""

# ruff: noqa: PLC0415

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from memcap.engine.docker_client import translated
from memcap.engine.docker_labels import CAMPAIGN_LABEL, LABEL, Ownership, container_ownership
from memcap.model import Neighbour

if TYPE_CHECKING:
    from docker import DockerClient


def find_neighbours(client: DockerClient, *, campaign: str) -> tuple[Neighbour, ...]:
    """Return the campaigns but ``campaign`` that have a container running, once for each choice of CPUs.

    One question, and another one for each of them, as a list does not say what they are pinned to. Raises EngineError.
    """
    with translated("list memcap's containers"):
        running: list[dict[str, Any]] = client.api.containers(filters={"label": f"{LABEL}=1"})
        others = [one for one in running if _is_of_another_campaign(one, campaign)]
        found = (_neighbour(client, str(one["Id"]), one["Labels"][CAMPAIGN_LABEL]) for one in others)
        return tuple(dict.fromkeys(filter(None, found)))


def _is_of_another_campaign(one: dict[str, Any], campaign: str) -> bool:
    labels: dict[str, str] = one["Labels"]
    is_foreign = container_ownership(labels, one.get("Names") or ()) is Ownership.FOREIGN
    return not is_foreign and labels.get(CAMPAIGN_LABEL, campaign) != campaign


def _neighbour(client: DockerClient, container: str, campaign: str) -> Neighbour | None:
    """Return the facts of a container, or None if it has gone since it was listed."""
    from docker.errors import NotFound

    try:
        facts = client.api.inspect_container(container)
    except NotFound:
        return None
    return Neighbour(campaign=campaign, cpuset=str(facts["HostConfig"].get("CpusetCpus") or ""))
