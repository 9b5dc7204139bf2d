"""List and remove what memcap built on a daemon: bases, images and layers, known by their labels and tags."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from memcap.engine.docker_client import already_gone, translated
from memcap.engine.docker_labels import KIND_LABEL, LABEL, own_reference
from memcap.errors import SelectionError
from memcap.images.registry import IMAGE_LABEL, ORIGIN_LABEL, SUITE_LABEL

if TYPE_CHECKING:
    from docker import DockerClient

# The order in which they can be removed: each stands on the next.
KINDS = ("layer", "image", "base")


@dataclass(frozen=True, kw_only=True)
class Built:
    """Something that memcap built. ``size_bytes`` counts what it stands on too; ``created`` is Unix time in seconds.

    ``image`` is the name that the project gives the image, empty for a base; ``suite`` is a layer's.
    """

    kind: str
    image: str
    suite: str
    reference: str
    id: str
    origin: str
    size_bytes: int
    created: float


def find_built(client: DockerClient) -> tuple[Built, ...]:
    """Return all that memcap built on the daemon, in the order of removal, newest first. Raises EngineError."""
    with translated("list memcap's images"):
        found: list[dict[str, Any]] = client.api.images(filters={"label": f"{LABEL}=1"})
    known = (built for one in found if (built := _built(one)) is not None)
    return tuple(sorted(known, key=lambda one: (KINDS.index(one.kind), one.image, one.suite, -one.created)))


def choose_built(built: Iterable[Built], names: Iterable[str]) -> tuple[Built, ...]:
    """Return those with these names (an image's name means its layers too) or references, in the given order.

    Raises SelectionError for a name that nothing has.
    """
    everything, wanted = tuple(built), frozenset(names)
    known = {name for one in everything for name in (one.image, one.reference) if name}
    for name in sorted(wanted - known):
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise SelectionError(
            f"memcap has built no image {name!r} on this daemon", remedy=f"{hint}See `memcap images list`."
        )
    return tuple(one for one in everything if wanted & {one.image, one.reference})


def remove_built(client: DockerClient, built: Built) -> None:
    """Remove memcap's own tag, and the image if it has no other tag; that it is gone already is fine.

    Raises EngineError, for one thing while a container uses it.
    """
    with translated(f"remove {built.reference}"), already_gone():
        # A layer's parent is the image that was measured, which would go too if it has no tag.
        client.api.remove_image(built.reference, noprune=built.kind == "layer")


def _built(one: dict[str, Any]) -> Built | None:
    """Return the entry of an image, or None if memcap did not make it: its labels may be inherited."""
    labels = one.get("Labels") or {}
    kind, reference = labels.get(KIND_LABEL, ""), own_reference(labels, one.get("RepoTags") or ())
    if kind not in KINDS or reference is None:
        return None
    return Built(
        kind=kind,
        image=labels.get(IMAGE_LABEL, "") if kind != "base" else "",
        suite=labels.get(SUITE_LABEL, "") if kind == "layer" else "",
        reference=reference,
        id=one["Id"],
        origin=labels.get(ORIGIN_LABEL, ""),
        size_bytes=one["Size"],
        created=float(one["Created"]),
    )
