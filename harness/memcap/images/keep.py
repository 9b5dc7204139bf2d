"""Keep built images in a file, so that another machine, or tomorrow's CI job, need not build or pull them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.engine.docker_client import translated
from memcap.engine.docker_labels import short_name
from memcap.errors import FileExistsAlready
from memcap.images.build import built_references
from memcap.model import ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

_CHUNK_BYTES = 2**20
_SECONDS_WITHOUT_A_BYTE = 600  # the daemon collects layers before it sends the first


def save_images(client: DockerClient, sources: Sequence[ImageSource], file: Path, *, overwrite: bool) -> list[str]:
    """Write those of ``sources`` that are built and current, with their bases, to ``file`` as `docker save` does.

    Returns their references; where there are none no file is written. The bases go along because an image's name is
    made of its base's too: without it, the image would be built again. Raises FileExistsAlready, BuildError or
    EngineError.
    """
    if file.exists() and not overwrite:
        raise FileExistsAlready(f"{file} exists", remedy="Name another file, or replace it with --force.")
    references = [reference for source in sources for reference in built_references(client, source)]
    names = list(dict.fromkeys(references))
    if not names:
        return []
    file.parent.mkdir(parents=True, exist_ok=True)
    # Beside it, then renamed: a file that is half written would be kept by whoever keeps such files.
    descriptor, partial = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
    try:
        with os.fdopen(descriptor, "wb") as output, translated("save images"):
            # The SDK's own method takes one image; apart, two images would hold the layers of their base twice.
            url = f"{client.api.base_url}/v{client.api.api_version}/images/get"
            with client.api.get(url, params={"names": names}, stream=True, timeout=_SECONDS_WITHOUT_A_BYTE) as answer:
                answer.raise_for_status()
                for chunk in answer.iter_content(_CHUNK_BYTES):
                    output.write(chunk)
        Path(partial).replace(file)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    return names


def load_images(client: DockerClient, file: Path) -> list[str]:
    """Put the images of ``file`` on the daemon; return their references. Raises EngineError if it is no such file."""
    with file.open("rb") as stream, translated(f"load images from {file}"):
        images = client.images.load(stream)
    return sorted({short_name(tag) for image in images for tag in image.tags})
