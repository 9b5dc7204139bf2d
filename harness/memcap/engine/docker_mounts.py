"""Mounts of a container: as the daemon takes them, or copied in where the daemon is on another machine."""

# ruff: noqa: PLC0415

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from memcap.engine.docker_client import running_container
from memcap.errors import PlanError, SelectionError
from memcap.model import ContainerPolicy, Mount, MountKind, PutFile

if TYPE_CHECKING:
    from docker import DockerClient

OF_THE_DAEMON = frozenset({"none", "host", "default"})  # networks that every daemon has


def host_mounts(policy: ContainerPolicy, *, copied: bool) -> dict[str, Any]:
    """Return the mounts of ``policy`` as arguments of the SDK's ``create_host_config``.

    ``copied``: of a folder that would be bound, there is an empty volume to copy it into; a file needs none.
    """
    from docker.types import Mount as DockerMount

    mounts = []
    for mount in policy.mounts:
        if mount.kind is MountKind.TMPFS:
            continue
        is_copy = copied and mount.kind is MountKind.BIND
        if is_copy and not Path(mount.source).is_dir():
            continue
        mounts.append(
            DockerMount(
                mount.target,
                None if is_copy else mount.source or None,
                type="volume" if is_copy else mount.kind.value,
                read_only=mount.read_only and not is_copy,
                no_copy=is_copy,
            )
        )
    tmpfs = {mount.target: _tmpfs_options(mount) for mount in policy.mounts if mount.kind is MountKind.TMPFS}
    return {"mounts": mounts or None, "tmpfs": tmpfs or None}


def copy_in(client: DockerClient, container: str, policy: ContainerPolicy) -> None:
    """Copy what would be bound into a container that was created with ``copied``.

    Where the container is read-only, the volume alone can be written to. Docker keeps owner and mode of a folder only
    if that is below the place it unpacks at, so those of the volume itself are lost then.
    """
    for mount in policy.mounts:
        if mount.kind is not MountKind.BIND:
            continue
        place, name = (mount.target, ".") if policy.read_only else ("/", mount.target.lstrip("/"))
        with _packed(Path(mount.source), name) as archive:
            client.api.put_archive(container, place, archive)


def put_files(client: DockerClient, container: str, files: Iterable[PutFile]) -> None:
    """Copy files and folders of this machine into a container. Raises PlanError for one that cannot be read."""
    for each in files:
        with _packed(Path(each.source), each.target.lstrip("/")) as archive:
            client.api.put_archive(container, "/", archive)


def refuse_missing(policies: Iterable[ContainerPolicy]) -> None:
    """Raise PlanError naming everything that is to be mounted and is not on this machine."""
    sources = dict.fromkeys(mount.source for policy in policies for mount in _bound(policy))
    missing = [source for source in sources if not os.path.exists(source)]  # noqa: PTH110 - no error for what can be no name
    if missing:
        raise PlanError(
            f"what is to be mounted does not exist: {', '.join(missing)}",
            remedy="Correct the path; relative ones are from this folder, in limits.toml from the project's.",
        )


def refuse_unknown_networks(client: DockerClient, policies: Iterable[ContainerPolicy]) -> None:
    """Raise PlanError for a network that the daemon does not have, or that of a container that does not run."""
    from docker.errors import NotFound

    for name in dict.fromkeys(policy.network for policy in policies):
        if name in OF_THE_DAEMON:
            continue
        if name.startswith("container:"):
            _refuse_unusable_container(client, name)
            continue
        try:
            client.api.inspect_network(name)
        except NotFound as error:
            raise PlanError(
                f"the daemon has no network {name!r}",
                remedy="--network takes the name of a network: none, bridge, host, or one of `docker network ls`.",
            ) from error


def _refuse_unusable_container(client: DockerClient, network: str) -> None:
    try:
        running_container(client, network.removeprefix("container:"))
    except (SelectionError, PlanError) as error:
        raise PlanError(f"--network {network}: {error.message}", remedy=error.remedy) from error


def announce_copies(policies: Iterable[ContainerPolicy], *, say: Callable[[str], None]) -> None:
    """Say which files are copied into containers, as the daemon cannot see them. Raises PlanError if one cannot be."""
    for source, read_only in dict.fromkeys((mount.source, own.read_only) for own in policies for mount in _bound(own)):
        if read_only and not Path(source).is_dir():
            raise PlanError(
                f"{source} would be copied, as the daemon is on another machine; into a read-only container a single "
                "file cannot be",
                remedy="Mount its folder, or leave out --read-only.",
            )
        say(f"{source} is copied into each container, not mounted: the daemon is on another machine")


def _bound(policy: ContainerPolicy) -> Iterator[Mount]:
    return (mount for mount in policy.mounts if mount.kind is MountKind.BIND)


def _tmpfs_options(mount: Mount) -> str:
    return ",".join(filter(None, ("ro" if mount.read_only else "", mount.options)))


@contextmanager
def _packed(source: Path, name: str) -> Iterator[IO[bytes]]:
    """Yield an archive of a file or a folder, with owners and modes as they are here."""
    with tempfile.TemporaryFile() as archive:
        try:
            with tarfile.open(fileobj=archive, mode="w") as tar:
                tar.add(source, arcname=name)
        except OSError as error:
            raise PlanError(
                f"{error.filename or source} cannot be copied into a container: {error.strerror or error}",
                remedy="Correct its permissions, or mount less.",
            ) from error
        archive.seek(0)
        yield archive
