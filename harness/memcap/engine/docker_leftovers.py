"""Find and remove what memcap left on a daemon, by label.

A container whose label names the memcap process that made it is a leftover once that process is gone; where nobody
can be asked (no such label, or another machine's process), one that is not running, or is older than an hour, is.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import psutil

from memcap.engine.docker_client import (
    CAMPAIGN_LABEL,
    KIND_LABEL,
    LABEL,
    OWNER_LABEL,
    already_gone,
    short_name,
    translated,
)

if TYPE_CHECKING:
    from docker import DockerClient

HOUR_SECONDS = 3600
_ACTIVE_STATES = frozenset({"running", "paused", "restarting"})


class Kind(str, Enum):
    """What sort of thing was left."""

    CONTAINER = "container"
    LAYER = "layer"


@dataclass(frozen=True, kw_only=True)
class Remnant:
    """A container or layer of memcap on the daemon; ``created`` is Unix time in seconds.

    ``size_bytes`` is what removing it frees at most: a container's own files, or what a layer shares with nobody.
    """

    kind: Kind
    id: str
    name: str
    state: str
    campaign: str | None
    created: float
    size_bytes: int
    in_use: bool


def find_containers(
    client: DockerClient, *, campaign: str | None = None, now: float | None = None
) -> tuple[Remnant, ...]:
    """Return the containers of memcap, or of one ``campaign``, oldest first; raises EngineError."""
    wanted = [f"{LABEL}=1"] + ([f"{CAMPAIGN_LABEL}={campaign}"] if campaign else [])
    with translated("list memcap's containers"):
        found: list[dict[str, Any]] = client.api.containers(all=True, size=True, filters={"label": wanted})
    moment = time.time() if now is None else now
    return tuple(sorted((_container(one, moment) for one in found), key=lambda remnant: remnant.created))


def find_layers(client: DockerClient) -> tuple[Remnant, ...]:
    """Return the layers memcap built, oldest first: they are rebuilt when next needed. Raises EngineError."""
    with translated("list memcap's layers"):
        images: list[dict[str, Any]] = client.api.images(filters={"label": f"{KIND_LABEL}=layer"})
        usage: list[dict[str, Any]] = client.df()["Images"] or []  # says what is shared; Podman's has no labels
    used = {_bare(one["Id"]): one for one in usage}
    layers = (_layer(one, used.get(_bare(one["Id"]), {})) for one in images)
    return tuple(sorted(layers, key=lambda remnant: remnant.created))


def remove(client: DockerClient, remnant: Remnant) -> None:
    """Remove it, running or not; that it is gone already is fine. Raises EngineError."""
    with translated(f"remove the {remnant.kind.value} {remnant.name}"), already_gone():
        if remnant.kind is Kind.CONTAINER:
            client.api.remove_container(remnant.id, v=True, force=True)
        else:
            client.api.remove_image(remnant.id, force=False)


def remove_leftovers(client: DockerClient, campaign: str) -> None:
    """Remove the containers that an interrupted part of ``campaign`` left. Raises EngineError."""
    for remnant in find_containers(client, campaign=campaign):
        if not remnant.in_use:
            remove(client, remnant)


def is_in_use(labels: Mapping[str, str], *, state: str, created: float, now: float) -> bool:
    """Tell whether a container still belongs to somebody: see the rule at the top of this file."""
    pid, _, host = labels.get(OWNER_LABEL, "").partition("@")
    if host == socket.gethostname() and pid.isdigit():
        return _lives_since_before(int(pid), created)
    return state in _ACTIVE_STATES and now - created < HOUR_SECONDS


def _lives_since_before(pid: int, created: float) -> bool:
    """Tell whether the process ``pid`` is there and older than the container: a younger one only got its number.

    Docker gives the creation in whole seconds, and its clock may be a VM's, so a minute's difference is let pass.
    """
    if pid == os.getpid():
        return True
    try:
        return psutil.Process(pid).create_time() <= created + 60
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _container(one: dict[str, Any], now: float) -> Remnant:
    labels = one.get("Labels") or {}
    created, state = float(one["Created"]), str(one.get("State", "unknown"))
    names = one.get("Names") or [one["Id"][:12]]
    return Remnant(
        kind=Kind.CONTAINER,
        id=one["Id"],
        name=names[0].lstrip("/"),
        state=state,
        campaign=labels.get(CAMPAIGN_LABEL),
        created=created,
        size_bytes=one.get("SizeRw") or 0,
        in_use=is_in_use(labels, state=state, created=created, now=now),
    )


def _layer(one: dict[str, Any], usage: dict[str, Any]) -> Remnant:
    tags = [short_name(tag) for tag in one.get("RepoTags") or () if tag != "<none>:<none>"]
    return Remnant(
        kind=Kind.LAYER,
        id=one["Id"],
        name=tags[0] if tags else _bare(one["Id"])[:12],
        state="used" if usage.get("Containers", 0) > 0 else "unused",
        campaign=None,
        created=float(one["Created"]),
        size_bytes=one["Size"] - max(usage.get("SharedSize", 0), 0),
        in_use=False,
    )


def _bare(identifier: str) -> str:
    return identifier.removeprefix("sha256:")
