"""Name images, find them on the daemon, and pull what is not there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from memcap.engine.docker_client import translated
from memcap.engine.docker_labels import own_reference
from memcap.errors import BuildError, EngineError, ImageMissing, MemcapError
from memcap.model import BUILT
from memcap.model.names import slug

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image

IMAGE_LABEL = "memcap.image"
ORIGIN_LABEL = "memcap.origin"
SUITE_LABEL = "memcap.suite"

# What daemons (Docker 20 to 28, Podman) answer when a registry does not: names, routes, proxies, certificates, limits.
_UNREACHABLE = re.compile(
    r"""no\ such\ host | dial\ tcp | i/o\ timeout | timeout\ exceeded | connection\ (?:refused|reset)
    | network\ is\ unreachable | no\ route\ to\ host | TLS\ handshake | deadline\ exceeded | proxyconnect
    | name\ resolution | server\ misbehaving | x509: | did\ not\ answer\ in\ time | toomanyrequests
    | unexpected\ EOF | : \ EOF$ | pinging\ container\ registry | Service\ Unavailable | Bad\ Gateway""",
    re.VERBOSE | re.IGNORECASE | re.MULTILINE,
)
# Anything else would be part of the address that the daemon is asked at; the daemon knows the finer rules.
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@+-]*")
_NO_REFERENCE = re.compile(r"invalid reference|must be lowercase")  # Docker's words, and Podman's
_REFUSED = re.compile(r"unauthorized|denied|authentication required|invalid reference", re.IGNORECASE)
_NAME = "Check the image's name; `docker login` if it is private."
_MIRROR = "Make its registry reachable, name the image at a mirror, or `docker load` it on this daemon."


def image_tag(name: str, digest: str) -> str:
    """Return the tag of the image ``name`` with contents ``digest``; Docker allows fewer characters in it than we."""
    clean = slug(name, "-") or "image"
    return f"{BUILT}{clean}:{digest[:12]}"


def find_local(client: DockerClient, reference: str) -> Image | None:
    """Return the image that the daemon has under ``reference`` (name, digest or id), or None.

    Raises EngineError, and ImageMissing for what cannot be a reference.
    """
    if not _REFERENCE.fullmatch(reference) or ".." in reference:
        raise ImageMissing(f"{reference!r} cannot be an image", remedy=_NAME)
    try:
        with translated(f"look for the image {reference}"):
            return client.images.get(reference)
    except ImageMissing:
        return None
    except EngineError as error:
        if _NO_REFERENCE.search(error.message):
            raise ImageMissing(error.message, remedy=_NAME) from error
        raise


def find_own(client: DockerClient, reference: str) -> Image | None:
    """Return the image that memcap made as ``reference``, a tag that names its contents, or None if there is none.

    Raises BuildError where somebody gave that tag to another image, or EngineError.
    """
    image = find_local(client, reference)
    if image is not None and own_reference(image.labels, image.tags) != reference:
        raise BuildError(
            f"the image {reference} was not made by memcap", remedy=f"Remove that tag: `docker rmi {reference}`."
        )
    return image


def pull(client: DockerClient, reference: str) -> Image:
    """Pull ``reference`` (tag ``latest`` if it has none) and return the image.

    Raises ImageMissing with the daemon's reason (``is_unreachable`` tells a missing registry from a missing image),
    or EngineError when the daemon failed.
    """
    has_tag = "@" in reference or ":" in reference.rpartition("/")[2]
    try:
        with translated(f"pull {reference}"):
            messages = client.api.pull(reference if has_tag else f"{reference}:latest", stream=True, decode=True)
            # Read to the end, even after an error: the connection is given back only then.
            errors = [str(message["error"]) for message in messages if "error" in message]
            if errors:
                raise ImageMissing(f"could not pull {reference}: {errors[0]}", remedy=_MIRROR)
            return client.images.get(reference)
    except EngineError as error:
        if is_unreachable(error):
            raise ImageMissing(error.message, remedy=_MIRROR) from error
        if _REFUSED.search(error.message):
            raise ImageMissing(error.message, remedy=_NAME) from error
        raise


def is_unreachable(error: MemcapError) -> bool:
    """Tell whether a failed pull says that there is no registry, rather than that it has no such image."""
    return _UNREACHABLE.search(error.message) is not None
