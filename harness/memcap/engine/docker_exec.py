"""Run a command in a container that runs already."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import DockerClient


def refusal_of(client: DockerClient, container: str, argv: Sequence[str], *, user: str) -> str:
    """Return why a command did not exit with 0 in ``container``, or nothing. ``user`` empty is root.

    Raises docker's APIError if the container does not run.
    """
    from docker.errors import APIError  # noqa: PLC0415 - heavy

    command = client.api.exec_create(container, list(argv), user=user or "0")
    try:
        output = client.api.exec_start(command["Id"])
    except APIError as error:
        return f"the command could not be started: {getattr(error, 'explanation', None) or error}"
    code = client.api.exec_inspect(command["Id"])["ExitCode"]
    if code == 0:
        return ""
    last = output.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"the command ended with exit code {code}" + (f": {last}" if last else "")
