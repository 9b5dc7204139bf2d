"""Find what else of memcap runs on a daemon: other campaigns, whose containers may share its CPUs with ours."""

# ruff: noqa: PLC0415

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from memcap.engine.docker_client import translated
from memcap.engine.docker_labels import CAMPAIGN_LABEL, LABEL, Ownership, container_ownership
from memcap.model import Neighbour

if TYPE_CHECKING:
    from docker import DockerClient

LATELY_SECONDS: Final = 0.5


class Neighbours:
    """What else of memcap than ``campaign`` runs on the daemon of ``client``; several threads may ask."""

    def __init__(self, client: DockerClient, *, campaign: str) -> None:
        self._client = client
        self._campaign = campaign
        self._known: dict[str, Neighbour] = {}
        self._asked = -math.inf

    def find_lately(self) -> tuple[Neighbour, ...]:
        """Return what `find` did not long ago, at the end of another run; or else what it does."""
        return self._distinct() if time.monotonic() - self._asked < LATELY_SECONDS else self.find()

    def find(self) -> tuple[Neighbour, ...]:
        """Return the campaigns that have a container running, once for each choice of CPUs. Raises EngineError.

        One question, and once another one for each container, as a list does not say what it is pinned to.
        """
        with translated("list memcap's containers"):
            running: list[dict[str, Any]] = self._client.api.containers(filters={"label": f"{LABEL}=1"})
            others = {str(one["Id"]): one for one in running if _is_of_another_campaign(one, self._campaign)}
            found = {name: self._of(name, one["Labels"][CAMPAIGN_LABEL]) for name, one in others.items()}
            self._known = {name: neighbour for name, neighbour in found.items() if neighbour is not None}
            self._asked = time.monotonic()
            return self._distinct()

    def _distinct(self) -> tuple[Neighbour, ...]:
        return tuple(dict.fromkeys(self._known.values()))

    def _of(self, container: str, campaign: str) -> Neighbour | None:
        return self._known.get(container) or _neighbour(self._client, container, campaign)


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
