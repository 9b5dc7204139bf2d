"""The options of `docker run` that `measure`, `fit`, `repro` and `profile` share; they are declared nowhere else."""

from __future__ import annotations

import click

from memcap.cli.option_groups import gathered
from memcap.cli.quantities import SIZE, TIME, Quantity
from memcap.config.docker_options import (
    parse_add_host,
    parse_mount,
    parse_network,
    parse_tmpfs,
    parse_user,
    parse_volume,
    parse_workdir,
)
from memcap.config.ulimits import parse_cpus, parse_ulimits
from memcap.workflows.container_options import ContainerOptions


def _ulimit(text: str) -> object:
    return parse_ulimits((text,))


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
        "-v", "--volume", multiple=True, type=Quantity("volume", parse_volume), metavar="SRC:DST[:ro]",
        help="Mount a folder, a file or a volume. A remote daemon gets a copy.",
    ),
    click.option(
        "--mount", multiple=True, type=Quantity("mount", parse_mount), metavar="type=bind|volume|tmpfs,...",
        help="Mount as `docker run --mount` does.",
    ),
    click.option(
        "--tmpfs", multiple=True, type=Quantity("tmpfs", parse_tmpfs), metavar="DST[:OPTIONS]",
        help="Mount a folder in memory, such as /tmp:size=64m. What is in it counts against the cap.",
    ),
    click.option(
        "--user", type=Quantity("user", parse_user), metavar="USER[:GROUP]",
        help="User of the workload.  [default: the image's]",
    ),
    click.option("--entrypoint", metavar="PROGRAM", help="Instead of the image's ENTRYPOINT; '' turns that off."),
    click.option(
        "-w", "--workdir", type=Quantity("workdir", parse_workdir), metavar="DIR",
        help="Working directory.  [default: the image's]",
    ),
    click.option(
        "--network", type=Quantity("network", parse_network), metavar="NAME",
        help="A Docker network: none, bridge, host, or one of yours.  [default: none]",
    ),
    click.option(
        "--add-host", multiple=True, type=Quantity("host", parse_add_host), metavar="NAME:IP",
        help="A line for /etc/hosts; may be repeated.",
    ),
    click.option("--shm-size", type=SIZE, help="Size of /dev/shm, which counts against the cap.  [default: 64m]"),
    click.option("--read-only", is_flag=True, help="The image's files cannot be changed, nor others added."),
    click.option("--cpus", type=Quantity("cpus", parse_cpus), metavar="NUMBER",
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
