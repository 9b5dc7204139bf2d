"""Make an image of a tar with a root file system, as `docker import` does."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import IO, TYPE_CHECKING

from memcap.engine.docker_client import translated
from memcap.errors import EngineError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.images import Image


def import_archive(
    client: DockerClient, archive: IO[bytes], reference: str, *, labels: Mapping[str, str], changes: Sequence[str] = ()
) -> Image:
    """Return the image ``reference`` of the tar ``archive``; ``changes`` are instructions of a Dockerfile.

    Raises EngineError.
    """
    repository, _, tag = reference.partition(":")
    lines = [*changes, *(f'LABEL {key}="{value}"' for key, value in labels.items())]  # Podman reads one a line
    with translated(f"import {reference}"):
        answer = client.api.import_image_from_data(archive, changes=lines)
        client.api.tag(imported_id(answer), repository, tag)  # apart, because Podman 4 imports as :latest only
        return client.images.get(reference)


def imported_id(answer: str) -> str:
    """Return the id in a daemon's answer to an import: its last line of JSON. Raises EngineError if there is none."""
    try:
        last = json.loads(answer.strip().splitlines()[-1])
        if "error" in last:
            raise EngineError(f"could not import an image: {last['error']}", remedy="Run `memcap doctor`.")
        return str(last["status"])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise EngineError(
            f"could not import an image: the daemon answered {answer!r}", remedy="Run `memcap doctor`."
        ) from error
