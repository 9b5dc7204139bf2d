"""What `measure`, `fit`, `repro` and `profile` are asked for in the words of `docker run`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

from memcap.config.docker_options import anchored, parse_add_host, parse_mount, parse_tmpfs, parse_volume
from memcap.config.env_variables import read_env_file, resolved
from memcap.config.ulimits import parse_cpus, parse_ulimits
from memcap.errors import UsageError
from memcap.model import ContainerPolicy, RunLimits, with_mounts
from memcap.units import parse_bytes, parse_seconds


def option_words(name: str, value: object) -> tuple[str, ...]:
    """Return the words that give the option ``name`` its value: none for None and False, several for a tuple."""
    if value is None or isinstance(value, bool):
        return (f"--{name}",) if value else ()
    values = value if isinstance(value, tuple) else (value,)
    return tuple(word for each in values for word in (f"--{name}", str(each)))


@dataclass(frozen=True, kw_only=True)
class ContainerOptions:
    """What a command line asks for, as it was written; None is what the project says, or the default."""

    env: tuple[str, ...] = ()
    env_file: tuple[str, ...] = ()
    public_env: tuple[str, ...] = ()
    volume: tuple[str, ...] = ()
    mount: tuple[str, ...] = ()
    tmpfs: tuple[str, ...] = ()
    user: str | None = None
    entrypoint: str | None = None
    workdir: str | None = None
    network: str | None = None
    add_host: tuple[str, ...] = ()
    shm_size: str | None = None
    read_only: bool = False
    cpus: str | None = None
    ulimit: tuple[str, ...] = ()
    disk: str | None = None
    file_size: str | None = None
    cpu_time: str | None = None
    core: str | None = None

    def applied_to(self, policy: ContainerPolicy) -> ContainerPolicy:
        """Return ``policy`` with these options, and with all variables read. Raises SizeError, UsageError."""
        own = anchored(self._as_policy(), Path.cwd())
        asked = replace(
            policy,
            network=self.network or policy.network,
            shm_size_bytes=parse_bytes(self.shm_size) if self.shm_size else policy.shm_size_bytes,
            read_only=self.read_only or policy.read_only,
            public_env=(*policy.public_env, *self.public_env),
            user=self.user or policy.user,
            entrypoint=policy.entrypoint if own.entrypoint is None else own.entrypoint,
            working_directory=own.working_directory or policy.working_directory,
            mounts=with_mounts(policy.mounts, own.mounts),
            add_hosts=(*policy.add_hosts, *own.add_hosts),
            limits=self._limits(policy.limits),
        )
        given = self._given()
        return resolved(asked, os.environ, given={**self._of_files(own.env_files, given), **given})

    def retyped(self) -> tuple[str, ...]:
        """Return the words of a command line that ask for the same; values of variables are left out."""
        public = replace(self, env=tuple(map(self._public, self.env)))
        given = ((each.name.replace("_", "-"), getattr(public, each.name)) for each in fields(self))
        return tuple(word for name, value in given for word in option_words(name, value))

    def _public(self, pair: str) -> str:
        name = pair.partition("=")[0]
        return pair if name in self.public_env else name

    def _as_policy(self) -> ContainerPolicy:
        """Return what can be read without the policy that it changes."""
        mounts = (*map(parse_volume, self.volume), *map(parse_mount, self.mount), *map(parse_tmpfs, self.tmpfs))
        words = None if self.entrypoint is None else (self.entrypoint,) if self.entrypoint else ()
        return ContainerPolicy(
            env_files=self.env_file,
            entrypoint=words,
            working_directory=self.workdir,
            mounts=mounts,
            add_hosts=tuple(map(parse_add_host, self.add_host)),
        )

    def _of_files(self, files: tuple[str, ...], given: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for file in files:
            found |= read_env_file(Path(file), {**os.environ, **given})
        return found

    def _given(self) -> dict[str, str]:
        """Return the variables of ``env``. Raises UsageError for those that are not set here."""
        pairs = [pair.partition("=") for pair in self.env]
        if any(not name for name, _, _ in pairs):
            raise UsageError("--env: a variable has no name", remedy="Write NAME=VALUE, or NAME for its value here.")
        missing = [name for name, has_value, _ in pairs if not has_value and name not in os.environ]
        if missing:
            raise UsageError(
                f"--env: not set here: {', '.join(missing)}",
                remedy=f"Set what is missing, or write its value: --env {missing[0]}=VALUE",
            )
        return {name: value if has_value else os.environ[name] for name, has_value, value in pairs}

    def _limits(self, limits: RunLimits) -> RunLimits:
        return replace(
            limits,
            disk_bytes=parse_bytes(self.disk) if self.disk else limits.disk_bytes,
            file_size_bytes=parse_bytes(self.file_size) if self.file_size else limits.file_size_bytes,
            cpus=parse_cpus(self.cpus) if self.cpus else limits.cpus,
            cpu_time_seconds=parse_seconds(self.cpu_time) if self.cpu_time else limits.cpu_time_seconds,
            core_bytes=parse_bytes(self.core) if self.core else limits.core_bytes,
            ulimits={**limits.ulimits, **parse_ulimits(self.ulimit)},
        )
