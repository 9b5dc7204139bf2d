"""The options that limit a workload: whom it runs as, and what it may use besides memory."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import click

from memcap.cli.option_groups import gathered
from memcap.cli.quantities import SIZE, TIME, Quantity
from memcap.errors import UsageError
from memcap.model import ContainerPolicy


@dataclass(frozen=True, kw_only=True)
class LimitOptions:
    """What a command line asks for, as it was written; None is what the project says, or no limit."""

    user: str | None = None
    disk: str | None = None
    file_size: str | None = None
    cpus: str | None = None
    cpu_time: str | None = None
    core: str | None = None
    ulimit: tuple[str, ...] = ()

    def applied_to(self, policy: ContainerPolicy) -> ContainerPolicy:
        """Return ``policy`` with these limits. Raises SizeError, and UsageError for a user without a name."""
        from memcap.config.ulimits import parse_cpus, parse_ulimits
        from memcap.units import parse_bytes, parse_seconds

        if self.user is not None and not self.user.strip():
            raise UsageError("--user names no user", remedy="Write USER or USER:GROUP, by name or number.")
        limits = policy.limits
        limits = replace(
            limits,
            disk_bytes=parse_bytes(self.disk) if self.disk else limits.disk_bytes,
            file_size_bytes=parse_bytes(self.file_size) if self.file_size else limits.file_size_bytes,
            cpus=parse_cpus(self.cpus) if self.cpus else limits.cpus,
            cpu_time_seconds=parse_seconds(self.cpu_time) if self.cpu_time else limits.cpu_time_seconds,
            core_bytes=parse_bytes(self.core) if self.core else limits.core_bytes,
            ulimits={**limits.ulimits, **parse_ulimits(self.ulimit)},
        )
        return replace(policy, user=self.user or policy.user, limits=limits)

    def retyped(self) -> tuple[str, ...]:
        """Return the words of a command line that ask for the same."""
        words: list[str] = []
        for each in fields(self):
            given = getattr(self, each.name)
            values = given if isinstance(given, tuple) else () if given is None else (given,)
            words += [word for value in values for word in (f"--{each.name.replace('_', '-')}", value)]
        return tuple(words)


def _cpus(text: str) -> float:
    from memcap.config.ulimits import parse_cpus

    return parse_cpus(text)


def _ulimit(text: str) -> object:
    from memcap.config.ulimits import parse_ulimits

    return parse_ulimits((text,))


_OPTIONS = (
    click.option("--user", metavar="USER[:GROUP]", help="User of the workload.  [default: the image's]"),
    click.option("--disk", type=SIZE, help="Most that may be written to disk, all processes together."),
    click.option("--file-size", type=SIZE, help="Largest file that may be written."),
    click.option("--cpus", type=Quantity("cpus", _cpus), metavar="NUMBER", help="CPU quota, such as 1.5."),
    click.option("--cpu-time", type=TIME, help="Most CPU time, all processes together."),
    click.option(
        "--ulimit",
        multiple=True,
        type=Quantity("ulimit", _ulimit),
        metavar="NAME=SOFT[:HARD]",
        help="A ulimit of the container, such as nofile=1024; may be repeated.",
    ),
    click.option("--core", type=SIZE, help="Largest core dump.  [default: none is written]"),
)


limit_options = gathered("limits", LimitOptions, _OPTIONS)
