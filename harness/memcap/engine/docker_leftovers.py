"""Find and remove what memcap left on a daemon: only what its labels prove to be memcap's (see ``docker_labels``).

A container that does not run is a leftover once the memcap process that made it is gone. Where that process cannot be
asked, as it belongs to another machine or PID namespace, the container must be older than an hour. A soak outlives the
process that began it, so its containers are leftovers only where that of its workload is gone.
"""

from __future__ import annotations

import os
import re
import socket
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

import psutil

from memcap.engine.docker_client import already_gone, translated
from memcap.engine.docker_labels import (
    CAMPAIGN_LABEL,
    KIND_LABEL,
    LABEL,
    OWNER_LABEL,
    ROLE_LABEL,
    SOAK,
    SYSTEM_LABEL,
    WORKLOAD,
    Ownership,
    container_ownership,
    own_reference,
    system,
)

if TYPE_CHECKING:
    from docker import DockerClient

HOUR_SECONDS = 3600
_PID = re.compile("[0-9]{1,10}")
_ACTIVE_STATES = frozenset({"running", "paused", "restarting"})


class RemnantKind(str, Enum):
    """What sort of thing was left."""

    CONTAINER = "container"
    LAYER = "layer"


class Hold(str, Enum):
    """Why a container is not removed unless it is asked for."""

    IN_USE = "in_use"
    RUNNING = "running"
    RECENT = "recent"
    EARLIER_VERSION = "earlier_version"
    SOAK = "soak"


@dataclass(frozen=True, kw_only=True)
class Remnant:
    """A container or layer of memcap on the daemon; ``created`` is Unix time in seconds.

    ``size_bytes`` is what removing it frees at most: a container's own files, or what a layer shares with nobody.
    ``hold`` is None for a leftover. A layer is removed by its own tag, ``name``.
    """

    kind: RemnantKind
    id: str
    name: str
    state: str
    campaign: str | None
    created: float
    size_bytes: int
    hold: Hold | None


def find_containers(
    client: DockerClient, *, campaign: str | None = None, now: float | None = None
) -> tuple[Remnant, ...]:
    """Return the containers of memcap, or of one ``campaign``, oldest first; raises EngineError."""
    wanted = [f"{LABEL}=1"] + ([f"{CAMPAIGN_LABEL}={campaign}"] if campaign else [])
    with translated("list memcap's containers"):
        found: list[dict[str, Any]] = client.api.containers(all=True, size=True, filters={"label": wanted})
    moment = time.time() if now is None else now
    soaks = frozenset(labels.get(CAMPAIGN_LABEL, "") for labels in map(_labels, found) if _is_workload_of_soak(labels))
    ours = (remnant for one in found if (remnant := _container(one, moment, soaks)) is not None)
    return tuple(sorted(ours, key=lambda remnant: remnant.created))


def find_layers(client: DockerClient) -> tuple[Remnant, ...]:
    """Return the layers memcap built, oldest first: they are rebuilt when next needed. Raises EngineError."""
    with translated("list memcap's layers"):
        images: list[dict[str, Any]] = client.api.images(filters={"label": f"{KIND_LABEL}=layer"})
        usage: list[dict[str, Any]] = client.df()["Images"] or []  # says what is shared; Podman's has no labels
    used = {_bare(one["Id"]): one for one in usage}
    layers = (_layer(one, used.get(_bare(one["Id"]), {})) for one in images)
    return tuple(sorted(filter(None, layers), key=lambda remnant: remnant.created))


def remove(client: DockerClient, remnant: Remnant) -> None:
    """Remove it, running or not; that it is gone already is fine. Raises EngineError."""
    with translated(f"remove the {remnant.kind.value} {remnant.name}"), already_gone():
        if remnant.kind is RemnantKind.CONTAINER:
            client.api.remove_container(remnant.id, v=True, force=True)
        else:
            # By its tag: it may have another one. Its parent, the image that was measured, stays even without a tag.
            client.api.remove_image(remnant.name, noprune=True)


def remove_leftovers(client: DockerClient, campaign: str) -> None:
    """Remove the containers that an interrupted part of ``campaign`` left, running or not. Raises EngineError.

    The caller holds the lock on the campaign's result file, so no other memcap works on it. They may be recent and of
    another boot, after the machine was started again; their names are needed.
    """
    for remnant in find_containers(client, campaign=campaign):
        if remnant.hold in (None, Hold.RUNNING, Hold.RECENT):
            remove(client, remnant)


def find_hold(labels: Mapping[str, str], *, state: str, created: float, now: float) -> Hold | None:
    """Return why a container of memcap must stay: see the rule at the top of this file."""
    lives = _owner_lives(labels, created)
    if lives:
        return Hold.IN_USE
    if state in _ACTIVE_STATES:
        return Hold.RUNNING
    return Hold.RECENT if lives is None and now - created < HOUR_SECONDS else None


def _owner_lives(labels: Mapping[str, str], created: float) -> bool | None:
    """Tell whether the process that made a container is there, or None if its number means nothing here."""
    pid, _, host = labels.get(OWNER_LABEL, "").partition("@")
    here = system()
    if not here or labels.get(SYSTEM_LABEL) != here or host != socket.gethostname() or not _PID.fullmatch(pid):
        return None
    return _lives_since_before(int(pid), created)


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


def _labels(one: dict[str, Any]) -> Mapping[str, str]:
    return one.get("Labels") or {}


def _is_workload_of_soak(labels: Mapping[str, str]) -> bool:
    return labels.get(KIND_LABEL) == SOAK and labels.get(ROLE_LABEL) == WORKLOAD


def _container(one: dict[str, Any], now: float, soaks: Collection[str]) -> Remnant | None:
    """Return a container of memcap, or None if it only inherited a label. ``soaks`` are those that have a workload."""
    labels = _labels(one)
    created, state = float(one["Created"]), str(one.get("State", "unknown"))
    ownership = container_ownership(labels, one.get("Names") or ())
    if ownership is Ownership.FOREIGN:
        return None
    hold = find_hold(labels, state=state, created=created, now=now)
    if labels.get(KIND_LABEL) == SOAK and labels.get(CAMPAIGN_LABEL) in soaks:
        hold = Hold.SOAK
    if ownership is Ownership.EARLIER and hold is None:
        hold = Hold.EARLIER_VERSION
    return Remnant(
        kind=RemnantKind.CONTAINER,
        id=one["Id"],
        name=one["Names"][0].lstrip("/"),
        state=state,
        campaign=labels.get(CAMPAIGN_LABEL),
        created=created,
        size_bytes=one.get("SizeRw") or 0,
        hold=hold,
    )


def _layer(one: dict[str, Any], usage: dict[str, Any]) -> Remnant | None:
    """Return a layer of memcap, or None if the image only inherited a label."""
    reference = own_reference(one.get("Labels") or {}, one.get("RepoTags") or ())
    if reference is None:
        return None
    return Remnant(
        kind=RemnantKind.LAYER,
        id=one["Id"],
        name=reference,
        state="used" if usage.get("Containers", 0) > 0 else "unused",
        campaign=None,
        created=float(one["Created"]),
        size_bytes=one["Size"] - max(usage.get("SharedSize", 0), 0),
        hold=None,
    )


def _bare(identifier: str) -> str:
    return identifier.removeprefix("sha256:")
