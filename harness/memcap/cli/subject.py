"""What commands at the limit work on: a CELL of the project, or IMAGE [-- CMD] with no file at all."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memcap.cli.container_options import ContainerOptions, container_options, stored_command
from memcap.cli.option_groups import Command, gathered
from memcap.cli.progress import say
from memcap.cli.quantities import SIZE, TIME
from memcap.cli.selection import TIME_LIMIT_SECONDS, find_project, project_option
from memcap.errors import SelectionError, UsageError
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
from memcap.model.names import slug
from memcap.redaction import Redaction

if TYPE_CHECKING:
    from memcap.model import Config
    from memcap.plan import Selection

no_thp_option = click.option("--no-thp", is_flag=True, help="Turn transparent huge pages off for the workload.")


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
            command=stored_command((self.policy,)),
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
    no_thp: bool = False
    time_limit: str | None = None
    root: Path | None = None
    container_options: ContainerOptions = field(default_factory=ContainerOptions)

    def find(self, *, default_cap: str = "1g") -> Subject:
        """Return what is named. Raises as `find_subject` does."""
        from memcap.units import parse_seconds

        subject = find_subject(
            self.words,
            image=self.image,
            cap=self.cap,
            default_cap=default_cap,
            time_limit_seconds=parse_seconds(self.time_limit) if self.time_limit else None,
            root=self.root,
        )
        policy = self.container_options.applied_to(subject.policy)
        return replace(
            subject,
            name=Redaction(policy.secrets).text(subject.name),
            cell=without_huge_pages(subject.cell) if self.no_thp else subject.cell,
            policy=policy,
        )

    def retyped(self, argv: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return words of a command line that name the same; ``argv`` takes the command's place."""
        given = (
            ("--image", self.image),
            ("--cap", self.cap),
            ("--time-limit", self.time_limit),
            ("--project", self.root),
        )
        options = [word for option, value in given if value is not None for word in (option, str(value))]
        named, command = ((), self.words) if self.image else (self.words[:1], self.words[1:])
        command = argv or command
        flags = ["--no-thp"] if self.no_thp else []
        return (*options, *self.container_options.retyped(), *flags, *named, *(("--", *command) if command else ()))


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
        container_options,
        no_thp_option,
        click.option("--time-limit", type=TIME, help=time_limit),
        project_option,
    )
    return gathered("asked", Asked, options)


def find_subject(
    words: tuple[str, ...],
    *,
    image: str | None = None,
    cap: str | None = None,
    default_cap: str = "1g",
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
        return _of_project(config, selection, cap=cap, time_limit_seconds=time_limit_seconds)
    if image is None:
        image, words = words[0], words[1:]
    source = find_image(image, root)
    return Subject(
        name=f"{image} -- {shlex.join(words)}" if words else image,
        cell=command_cell(source, words, parse_cap(cap or default_cap)),
        time_limit_seconds=time_limit_seconds or TIME_LIMIT_SECONDS,
    )


def find_image(word: str, root: Path | None = None) -> ImageSource:
    """Return the image of that name of the project at ``root`` (by default the one around the current folder).

    If there is none, it is the image that the reference names.
    """
    from memcap import config
    from memcap.references import image_by_word

    project = find_project(root)
    if project is None:
        if _CELL.fullmatch(word):
            say(f"there is no project here (no limits.toml), so {word} is taken for an image; --project names one")
        return image_by_word(word)
    return config.find_image(project, word) or image_by_word(word)


def parse_cap(size: str) -> Cap:
    """Return the cap that a size such as ``128m`` names. Raises SizeError."""
    from memcap.units import parse_bytes

    return Cap(name=slug("".join(size.split())), bytes=parse_bytes(size))


def command_cell(image: ImageSource, argv: tuple[str, ...], cap: Cap) -> Cell:
    """Return the cell of a command of no suite."""
    name = slug(argv[0].rpartition("/")[2]) if argv else "own_command"
    return Cell(
        benchmark=Benchmark(suite=OF_NO_SUITE, name=name or "command", workload=CommandWorkload(argv=argv)),
        image=image,
        cap=cap,
    )


def without_huge_pages(cell: Cell) -> Cell:
    """Return ``cell`` with transparent huge pages turned off for its workload."""
    benchmark = cell.benchmark
    return replace(cell, benchmark=replace(benchmark, quiet=replace(benchmark.quiet, thp=False)))


def _project(root: Path | None) -> Config | None:
    """Return the project's configuration; None where there is no project around the current folder."""
    from memcap.config import load_config

    project = find_project(root)
    return None if project is None else load_config(project)


def of_cell(cell: Cell, config: Config, suites: Mapping[str, Suite]) -> Subject:
    """Return the subject that ``cell`` is; its containers' policy holds all of its variables."""
    benchmark = cell.benchmark
    policy = benchmark.policy or config.policy
    return Subject(
        name=cell.id,
        cell=replace(cell, benchmark=replace(benchmark, policy=None, env={})),
        suites=suites,
        policy=replace(policy, env={**policy.env, **benchmark.env}),
        time_limit_seconds=config.run_time_limit_seconds,
    )


def _of_project(config: Config, selection: Selection, *, cap: str | None, time_limit_seconds: float | None) -> Subject:
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
    subject = of_cell(cell, config, config.suites)
    if time_limit_seconds is None:
        return subject
    benchmark = replace(subject.cell.benchmark, time_limit_seconds=time_limit_seconds)
    return replace(subject, cell=replace(subject.cell, benchmark=benchmark), time_limit_seconds=time_limit_seconds)
