"""What commands at the limit work on: a CELL of the project, or IMAGE [-- CMD] with no file at all."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memcap.cli.limit_options import LimitOptions, limit_options
from memcap.cli.option_groups import Command, gathered
from memcap.cli.quantities import SIZE, TIME
from memcap.cli.selection import project_option
from memcap.errors import ConfigError, SelectionError, UsageError
from memcap.model import (
    OF_NO_SUITE,
    Benchmark,
    CampaignSettings,
    Cap,
    Cell,
    CommandWorkload,
    ContainerPolicy,
    ImageSource,
    Suite,
)

if TYPE_CHECKING:
    from memcap.model import Config
    from memcap.plan import Selection

shm_size_option = click.option("--shm-size", type=SIZE, help="Size of /dev/shm in the containers.  [default: 64m]")
no_thp_option = click.option("--no-thp", is_flag=True, help="Turn transparent huge pages off for the workload.")


TIME_LIMIT_SECONDS = 600.0  # of a command, where none is asked for
# suite.benchmark[.variant]-image-cap; neither suites nor benchmarks have dashes in their names.
_CELL = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+(\.[a-z0-9_]+)?-[a-z0-9_]+-[a-z0-9_]+")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One cell, and what is needed to run it: ``name`` is its id, or the command as typed."""

    name: str
    cell: Cell
    suites: Mapping[str, Suite] = field(default_factory=dict)
    policy: ContainerPolicy = field(default_factory=ContainerPolicy)
    time_limit_seconds: float = TIME_LIMIT_SECONDS

    def settings(self, *, campaign: str, started: str, jobs: int = 1) -> CampaignSettings:
        """Return the settings of a campaign that runs it."""
        return CampaignSettings(
            id=campaign,
            started=started,
            command=("memcap", *sys.argv[1:]),
            policy=self.policy,
            time_limit_seconds=self.time_limit_seconds,
            jobs=jobs,
        )


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the words and options of a command line name, not yet looked up."""

    words: tuple[str, ...] = ()
    image: str | None = None
    cap: str | None = None
    env: tuple[str, ...] = ()
    network: bool = False
    shm_size: str | None = None
    no_thp: bool = False
    time_limit: str | None = None
    root: Path | None = None
    limits: LimitOptions = field(default_factory=LimitOptions)

    def find(self, *, default_cap: str = "1g") -> Subject:
        """Return what is named. Raises as `find_subject` does."""
        from memcap.units import parse_bytes, parse_seconds

        subject = find_subject(
            self.words,
            image=self.image,
            cap=self.cap,
            default_cap=default_cap,
            env=self.env,
            network=self.network,
            time_limit_seconds=parse_seconds(self.time_limit) if self.time_limit else None,
            root=self.root,
        )
        shm_size_bytes = parse_bytes(self.shm_size) if self.shm_size else None
        return replace(
            subject,
            cell=without_huge_pages(subject.cell) if self.no_thp else subject.cell,
            policy=self.limits.applied_to(with_shm_size(subject.policy, shm_size_bytes, of=subject.cell.image)),
        )

    def retyped(self, argv: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return words of a command line that name the same; ``argv`` takes the command's place."""
        given = (
            ("--image", self.image),
            ("--cap", self.cap),
            *(("--env", pair) for pair in self.env),
            ("--shm-size", self.shm_size),
            ("--time-limit", self.time_limit),
            ("--project", self.root),
        )
        options = [word for option, value in given if value is not None for word in (option, str(value))]
        named, command = ((), self.words) if self.image else (self.words[:1], self.words[1:])
        command = argv or command
        flags = [flag for flag, is_set in (("--network", self.network), ("--no-thp", self.no_thp)) if is_set]
        return (*options, *self.limits.retyped(), *flags, *named, *(("--", *command) if command else ()))


def subject_options(*, cap: str, time_limit: str) -> Callable[[Command], Callable[..., Any]]:
    """Add the words and options that name a subject to a command, which is called with ``asked``.

    ``cap`` and ``time_limit`` are the help of these two options, whose meaning differs.
    """
    options = (
        click.argument("words", nargs=-1, type=click.UNPROCESSED, metavar="CELL | IMAGE [-- CMD ARGS...]"),
        click.option(
            "-i",
            "--image",
            metavar="IMAGE",
            help="The image; all words are the command then. With a CELL: its image, as REFERENCE or NAME=REFERENCE.",
        ),
        click.option("-c", "--cap", type=SIZE, help=cap),
        click.option(
            "-e", "--env", multiple=True, metavar="NAME=VALUE", help="An environment variable; may be repeated."
        ),
        click.option("--network", is_flag=True, help="Give a command's containers a network."),
        shm_size_option,
        no_thp_option,
        limit_options,
        click.option("--time-limit", type=TIME, help=time_limit),
        project_option,
    )
    return gathered("asked", Asked, options)


def find_subject(  # noqa: PLR0913 - the options of the command line
    words: tuple[str, ...],
    *,
    image: str | None = None,
    cap: str | None = None,
    default_cap: str = "1g",
    env: tuple[str, ...] = (),
    network: bool = False,
    time_limit_seconds: float | None = None,
    root: Path | None = None,
) -> Subject:
    """Return what the words of a command line name: ``CELL``, ``IMAGE [CMD…]``, or with ``image`` the ``CMD…`` alone.

    Beside a cell, ``image`` says what its image is: a reference, or ``NAME=REFERENCE``.
    ``cap`` (a size) takes the place of a cell's; a command without one gets ``default_cap``. A single word of a cell's
    form is a cell where there is a project around the current folder, or at ``root``.
    Raises UsageError, SelectionError with the nearest cells, ConfigError, SizeError.
    """
    from memcap.plan import Selection

    if image is None and not words:
        raise UsageError("nothing is named", remedy="Name a CELL of the project, or IMAGE -- CMD.")
    config = _project(root) if len(words) == 1 and _CELL.fullmatch(words[0]) else None
    # With an image, a word of that form may be a program.
    if config is not None and (image is None or words[0].partition(".")[0] in config.suites):
        selection = Selection(cells=words, images=() if image is None else (image,))
        return _of_project(config, selection, cap=cap, env=env, time_limit_seconds=time_limit_seconds)
    if image is None:
        image, words = words[0], words[1:]
    source = find_image(image)
    return Subject(
        name=f"{image} -- {shlex.join(words)}" if words else image,
        cell=command_cell(source, words, parse_cap(cap or default_cap), env),
        policy=ContainerPolicy(network=network),
        time_limit_seconds=time_limit_seconds or TIME_LIMIT_SECONDS,
    )


def find_image(word: str) -> ImageSource:
    """Return this project's image of that name, if there is one; else the image that the reference names."""
    from memcap import config
    from memcap.references import image_by_word

    try:
        root = config.find_root(Path.cwd())
    except ConfigError:  # not in a project
        return image_by_word(word)
    return config.find_image(root, word) or image_by_word(word)


def parse_cap(size: str) -> Cap:
    """Return the cap that a size such as ``128m`` names. Raises SizeError."""
    from memcap.units import parse_bytes

    return Cap(name=slug(size), bytes=parse_bytes(size))


def command_cell(image: ImageSource, argv: tuple[str, ...], cap: Cap, env: tuple[str, ...]) -> Cell:
    """Return the cell of a command of no suite; ``env`` holds ``NAME=VALUE``. Raises UsageError for another form."""
    name = slug(argv[0].rpartition("/")[2]) if argv else "own_command"
    return Cell(
        benchmark=Benchmark(
            suite=OF_NO_SUITE, name=name or "command", workload=CommandWorkload(argv=argv), env=environment(env)
        ),
        image=image,
        cap=cap,
    )


def without_huge_pages(cell: Cell) -> Cell:
    """Return ``cell`` with transparent huge pages turned off for its workload."""
    benchmark = cell.benchmark
    return replace(cell, benchmark=replace(benchmark, quiet=replace(benchmark.quiet, thp=False)))


def with_shm_size(policy: ContainerPolicy, size_bytes: int | None, *, of: ImageSource) -> ContainerPolicy:
    """Return ``policy`` with this size of /dev/shm, if one is given. Raises UsageError for this machine itself."""
    from memcap.images.this_machine import HOST

    if size_bytes is None:
        return policy
    if of == HOST:
        raise UsageError("--shm-size sets /dev/shm of a container", remedy="Leave it out: `host` has no container.")
    return replace(policy, shm_size_bytes=size_bytes)


def environment(pairs: tuple[str, ...]) -> dict[str, str]:
    """Return ``NAME=VALUE`` pairs as a mapping. Raises UsageError for anything else."""
    found = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if not name or not separator:
            raise UsageError(f"--env {pair!r} is not NAME=VALUE", remedy="Write it like --env LOG_LEVEL=debug")
        found[name] = value
    return found


def slug(text: str) -> str:
    """Return ``text`` as a part of a cell's id."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def _project(root: Path | None) -> Config | None:
    """Return the project's configuration; None where there is no project around the current folder."""
    from memcap.config import find_root, load_config

    try:
        folder = root if root is not None else find_root(Path.cwd())
    except ConfigError:
        return None
    return load_config(folder)


def _of_project(
    config: Config, selection: Selection, *, cap: str | None, env: tuple[str, ...], time_limit_seconds: float | None
) -> Subject:
    from memcap.cli.selection import with_seen_images
    from memcap.plan import make_plan

    try:
        selection = with_seen_images(selection, config)
        (cell,) = make_plan(config, profile=next(iter(config.profiles)), selection=selection).cells
    except SelectionError as error:
        remedy = f"{error.remedy} An image is named with its tag: {selection.cells[0]}:latest".strip()
        raise SelectionError(error.message, remedy=remedy) from error
    if cap is not None:
        cell = replace(cell, cap=config.caps.get(cap) or parse_cap(cap))
    changes: dict[str, Any] = {"env": {**cell.benchmark.env, **environment(env)}}
    if time_limit_seconds is not None:
        changes["time_limit_seconds"] = time_limit_seconds
    cell = replace(cell, benchmark=replace(cell.benchmark, **changes))
    return Subject(
        name=cell.id,
        cell=cell,
        suites=config.suites,
        policy=config.policy,
        time_limit_seconds=time_limit_seconds or config.run_time_limit_seconds,
    )
