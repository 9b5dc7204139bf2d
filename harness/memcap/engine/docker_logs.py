"""What a container wrote to its standard output and error output, as Docker's log has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import DockerClient


def log_text(client: DockerClient, container: str, *, errors: bool) -> str:
    """Return what the container wrote to its standard output or error output. Raises docker's errors."""
    return client.api.logs(container, stdout=not errors, stderr=errors).decode("utf-8", "replace")


def log_lines(client: DockerClient, container: str, *, follows: bool) -> Iterator[str]:
    """Yield the lines of the container's standard output, without their ends; a last one that has no end is left out.

    If it ``follows``, until the container ends. Raises docker's errors.
    """
    rest = b""
    for part in client.api.logs(container, stderr=False, stream=True, follow=follows):
        *lines, rest = (rest + part).split(b"\n")
        yield from (line.decode("utf-8", "replace") for line in lines)
