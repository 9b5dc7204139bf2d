"""What every container of a campaign is given and allowed: one type for files, options and results."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from memcap.model.run_limits import RunLimits

NO_NETWORK: Final = "none"


@dataclass(frozen=True, kw_only=True)
class Secret:
    """The value of an environment variable that is handed to containers but never stored: results hold ``digest``."""

    value: str = field(repr=False)
    digest: str


EnvValue = str | Secret


class MountKind(str, Enum):
    """What is mounted: files of this machine, a volume of the daemon, or memory."""

    BIND = "bind"
    VOLUME = "volume"
    TMPFS = "tmpfs"


@dataclass(frozen=True, kw_only=True)
class Mount:
    """What is mounted at ``target``.

    ``source`` is a path, or the name of a volume (empty: a new one); ``options`` are those of a tmpfs.
    """

    kind: MountKind
    target: str
    source: str = ""
    read_only: bool = False
    options: str = ""


@dataclass(frozen=True, kw_only=True)
class ContainerPolicy:
    """What a container is given and allowed, as options of ``docker run``; the defaults allow almost nothing.

    ``network`` is the name of a Docker network. None for ``user``, ``entrypoint`` and ``working_directory`` means the
    image's own; an empty ``entrypoint`` means none. ``add_hosts`` holds ``NAME:ADDRESS``. The variables of
    ``env_files``, and those that ``pass_env`` names, are in ``env`` once they were read; there they are a Secret,
    unless ``public_env`` has the name.
    """

    network: str = NO_NETWORK
    pids: int = 512
    output_limit_bytes: int = 1024 * 1024
    sample_interval_seconds: float = 0.010
    shm_size_bytes: int | None = None
    read_only: bool = False
    hostname: str = "memcap"
    env: Mapping[str, EnvValue] = field(default_factory=lambda: {"PYTHONHASHSEED": "0"})
    env_files: tuple[str, ...] = ()
    pass_env: tuple[str, ...] = ()
    public_env: tuple[str, ...] = ()
    user: str | None = None
    entrypoint: tuple[str, ...] | None = None
    working_directory: str | None = None
    mounts: tuple[Mount, ...] = ()
    add_hosts: tuple[str, ...] = ()
    limits: RunLimits = field(default_factory=RunLimits)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return the values that must not be stored."""
        return secrets_of(self.env)


def secrets_of(env: Mapping[str, EnvValue]) -> tuple[str, ...]:
    """Return the values of ``env`` that must not be stored."""
    return tuple(value.value for value in env.values() if isinstance(value, Secret))


def values_of(env: Mapping[str, EnvValue]) -> dict[str, str]:
    """Return ``env`` as a process is given it."""
    return {name: value.value if isinstance(value, Secret) else value for name, value in env.items()}


def with_mounts(before: Iterable[Mount], added: Iterable[Mount]) -> tuple[Mount, ...]:
    """Return both; an added mount replaces one with the same target."""
    return tuple({mount.target: mount for mount in (*before, *added)}.values())
