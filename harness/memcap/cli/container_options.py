"""The options of `docker run` that `measure`, `fit`, `repro` and `profile` share; they are declared nowhere else."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path

import click

from memcap.cli.option_groups import gathered
from memcap.cli.quantities import SIZE, TIME, Quantity
from memcap.errors import UsageError
from memcap.model import ContainerPolicy, RunLimits, with_mounts
from memcap.redaction import Redaction


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
        from memcap.config.docker_options import anchored
        from memcap.config.env_variables import resolved
        from memcap.units import parse_bytes

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
        words: list[str] = []
        for each in fields(self):
            given = getattr(self, each.name)
            option = f"--{each.name.replace('_', '-')}"
            if isinstance(given, bool):
                words += [option] if given else []
                continue
            values = given if isinstance(given, tuple) else () if given is None else (given,)
            for value in values:
                words += [option, self._public(value) if each.name == "env" else value]
        return tuple(words)

    def _public(self, pair: str) -> str:
        name = pair.partition("=")[0]
        return pair if name in self.public_env else name

    def _as_policy(self) -> ContainerPolicy:
        """Return what can be read without the policy that it changes."""
        from memcap.config.docker_options import parse_add_host, parse_mount, parse_tmpfs, parse_volume

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
        from memcap.config.env_variables import read_env_file

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
        from memcap.config.ulimits import parse_cpus, parse_ulimits
        from memcap.units import parse_bytes, parse_seconds

        return replace(
            limits,
            disk_bytes=parse_bytes(self.disk) if self.disk else limits.disk_bytes,
            file_size_bytes=parse_bytes(self.file_size) if self.file_size else limits.file_size_bytes,
            cpus=parse_cpus(self.cpus) if self.cpus else limits.cpus,
            cpu_time_seconds=parse_seconds(self.cpu_time) if self.cpu_time else limits.cpu_time_seconds,
            core_bytes=parse_bytes(self.core) if self.core else limits.core_bytes,
            ulimits={**limits.ulimits, **parse_ulimits(self.ulimit)},
        )


def stored_command(policies: Iterable[ContainerPolicy]) -> tuple[str, ...]:
    """Return the command line of this process as it is stored: without values of variables that are secret."""
    policies = tuple(policies)
    public = {name for policy in policies for name in policy.public_env}
    words, values, before = list(sys.argv[1:]), [], ""
    for place, word in enumerate(words[: words.index("--")] if "--" in words else words):
        option = next((each for each in ("--env=", "-e") if word.startswith(each) and word != each), "")
        if option or before in ("-e", "--env"):
            name, has_value, value = word.removeprefix(option).partition("=")
            if has_value and name not in public:
                words[place] = option + name
                values.append(value)
        before = word
    hidden = Redaction([*values, *(secret for policy in policies for secret in policy.secrets)])
    return ("memcap", *map(hidden.text, words))


def _read_by(module: str, name: str) -> Callable[[str], object]:
    """Return a reader of ``memcap.config`` that is imported when an option is given."""

    def read(text: str) -> object:
        from importlib import import_module

        found: Callable[[str], object] = getattr(import_module(f"memcap.config.{module}"), name)
        return found(text)

    return read


def _ulimit(text: str) -> object:
    from memcap.config.ulimits import parse_ulimits

    return parse_ulimits((text,))


def _text(name: str, parse: str) -> Quantity:
    """Return the type of an option whose text a function of ``memcap.config.docker_options`` reads."""
    return Quantity(name, _read_by("docker_options", parse))


_OPTIONS = (
    click.option(
        "-e", "--env", multiple=True, metavar="NAME[=VALUE]",
        help="An environment variable; without a value, the value that it has here. May be repeated.",
    ),
    click.option("--env-file", multiple=True, metavar="FILE", help="Variables in Docker's format, before those of -e."),
    click.option(
        "--public-env", multiple=True, metavar="NAME",
        help="Store the value of this variable; of others of -e and --env-file, results hold a keyed hash.",
    ),
    click.option(
        "-v", "--volume", multiple=True, type=_text("volume", "parse_volume"), metavar="SRC:DST[:ro]",
        help="Mount a folder, a file or a volume. A remote daemon gets a copy.",
    ),
    click.option(
        "--mount", multiple=True, type=_text("mount", "parse_mount"), metavar="type=bind|volume|tmpfs,...",
        help="Mount as `docker run --mount` does.",
    ),
    click.option(
        "--tmpfs", multiple=True, type=_text("tmpfs", "parse_tmpfs"), metavar="DST[:OPTIONS]",
        help="Mount a folder in memory, such as /tmp:size=64m. What is in it counts against the cap.",
    ),
    click.option(
        "--user", type=_text("user", "parse_user"), metavar="USER[:GROUP]",
        help="User of the workload.  [default: the image's]",
    ),
    click.option("--entrypoint", metavar="PROGRAM", help="Instead of the image's ENTRYPOINT; '' turns that off."),
    click.option(
        "-w", "--workdir", type=_text("workdir", "parse_workdir"), metavar="DIR",
        help="Working directory.  [default: the image's]",
    ),
    click.option(
        "--network", type=_text("network", "parse_network"), metavar="NAME",
        help="A Docker network: none, bridge, host, or one of yours.  [default: none]",
    ),
    click.option(
        "--add-host", multiple=True, type=_text("host", "parse_add_host"), metavar="NAME:IP",
        help="A line for /etc/hosts; may be repeated.",
    ),
    click.option("--shm-size", type=SIZE, help="Size of /dev/shm, which counts against the cap.  [default: 64m]"),
    click.option("--read-only", is_flag=True, help="The image's files cannot be changed, nor others added."),
    click.option("--cpus", type=Quantity("cpus", _read_by("ulimits", "parse_cpus")), metavar="NUMBER",
                 help="CPU quota, such as 1.5."),
    click.option(
        "--ulimit", multiple=True, type=Quantity("ulimit", _ulimit), metavar="NAME=SOFT[:HARD]",
        help="A ulimit of the container, such as nofile=1024; may be repeated.",
    ),
    click.option("--disk", type=SIZE, help="Most that may be written to disk, all processes together."),
    click.option("--file-size", type=SIZE, help="Largest file that may be written."),
    click.option("--cpu-time", type=TIME, help="Most CPU time, all processes together."),
    click.option("--core", type=SIZE, help="Largest core dump.  [default: none is written]"),
)  # fmt: skip


container_options = gathered("container_options", ContainerOptions, _OPTIONS)
