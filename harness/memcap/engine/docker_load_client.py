"""Start the load client of a server in its container, and tell it what was done for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from memcap.engine.docker_archive import packed_contents
from memcap.load import make_script
from memcap.model import Serving
from memcap.model.places import CLIENT
from memcap.probe.programs import LOAD_CLIENT

if TYPE_CHECKING:
    from docker import DockerClient


def start_client(
    client: DockerClient, container: str, serving: Serving, *, progress_seconds: float | None = None
) -> None:
    """Start the load client with its program and its script; with ``progress_seconds`` it says so often how far it is.

    Raises docker's errors.
    """
    script = json.dumps(make_script(serving, progress_seconds=progress_seconds)).encode()
    programs = {f"client/memcap_load/{path.name}": path.read_bytes() for path in LOAD_CLIENT}
    archive = packed_contents({**programs, "client/script.json": script})
    client.api.put_archive(container, str(CLIENT.parent), archive)
    client.api.start(container)


def tell_client(client: DockerClient, container: str, file: str) -> None:
    """Tell the load client by ``file``, which its script names, that something is done. Raises docker's errors."""
    client.api.put_archive(container, str(CLIENT), packed_contents({file: b""}))
