"""The labels of containers and images, and what they prove: that memcap made this one, and which process did.

Labels are inherited: a container has those of its image, and an image those of its base or of the container that it
was committed from. So ``memcap=1`` proves nothing. SELF_LABEL does: its value is the container's own name, or the
image's own tag, which no copy can have.
"""

from __future__ import annotations

import os
import re
import socket
import sys
import uuid
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Final

LABEL: Final = "memcap"
SELF_LABEL: Final = "memcap.self"
KIND_LABEL: Final = "memcap.kind"
CAMPAIGN_LABEL: Final = "memcap.campaign"
CELL_LABEL: Final = "memcap.cell"
OWNER_LABEL: Final = "memcap.owner"
SYSTEM_LABEL: Final = "memcap.system"
ROLE_LABEL: Final = "memcap.soak.role"
SOAK: Final = "soak"  # the kind of containers that outlive the client, of which one has the role of the workload
WORKLOAD: Final = "workload"

# The tags that memcap gives: a folder's image, a layer, a base made from a host interpreter.
_TAG: Final = re.compile(r"memcap/[a-z0-9-]+:(?:[0-9a-f]{12}|[0-9a-f]{24}|[0-9][0-9A-Za-z.+]*-[0-9a-f]{12})")


class Ownership(str, Enum):
    """Whether memcap made a container; EARLIER is one by a version that did not set SELF_LABEL."""

    OURS = "ours"
    EARLIER = "earlier"
    FOREIGN = "foreign"


def container_labels(name: str, *, kind: str) -> dict[str, str]:
    """Return the labels of the container ``name``; they replace all that it would inherit from an image of memcap."""
    return {LABEL: "1", SELF_LABEL: name, KIND_LABEL: kind, OWNER_LABEL: owner(), SYSTEM_LABEL: system()}


def run_labels(name: str, *, campaign: str, cell: str) -> dict[str, str]:
    """Return the labels of the container ``name``, in which ``campaign`` runs ``cell``."""
    return {**container_labels(name, kind="run"), CAMPAIGN_LABEL: campaign, CELL_LABEL: cell}


def image_labels(reference: str, *, kind: str) -> dict[str, str]:
    """Return the labels of the image ``reference``. No process owns it, so a container must not inherit one."""
    return {LABEL: "1", SELF_LABEL: reference, KIND_LABEL: kind, OWNER_LABEL: "", SYSTEM_LABEL: ""}


def fresh_name(purpose: str) -> str:
    """Return a name for a container that belongs to no run."""
    return f"memcap-{purpose}-{uuid.uuid4().hex[:12]}"


def owner() -> str:
    """Name this process for OWNER_LABEL: ``pid@host``."""
    return f"{os.getpid()}@{socket.gethostname()}"


def system() -> str:
    """Say where this process's number means this process: the boot and the PID namespace, or "" if unknown.

    A container may have its host's name, and its processes have other numbers there.
    """
    if sys.platform != "linux":
        return sys.platform
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def container_ownership(labels: Mapping[str, str], names: Iterable[str]) -> Ownership:
    """Tell by its labels and names (a leading slash is Docker's) whether memcap made a container."""
    bare = {name.lstrip("/") for name in names}
    if SELF_LABEL in labels:
        return Ownership.OURS if labels[SELF_LABEL] in bare else Ownership.FOREIGN
    campaign = labels.get(CAMPAIGN_LABEL)
    is_earlier = bool(campaign) and any(name.startswith(f"memcap-{campaign}-") for name in bare)
    return Ownership.EARLIER if is_earlier else Ownership.FOREIGN


def own_reference(labels: Mapping[str, str], tags: Iterable[str]) -> str | None:
    """Return the tag that memcap gave to an image, or None if it did not make the image, or the tag is gone.

    Earlier versions set no SELF_LABEL; there, a tag in the form of memcap's own counts.
    """
    names = [short_name(tag) for tag in tags]
    if LABEL not in labels:
        return None
    if SELF_LABEL in labels:
        return labels[SELF_LABEL] if labels[SELF_LABEL] in names else None
    return next((name for name in names if _TAG.fullmatch(name)), None)


def short_name(tag: str) -> str:
    """Return an image's tag as Docker writes it: Podman names the default registry too."""
    return tag.removeprefix("docker.io/")
