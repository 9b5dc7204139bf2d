"""What commands at the limit work on: a CELL of the project, or a command in any image."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from memcap import config as configuration
from memcap.config import load_config
from memcap.errors import SelectionError, UsageError
from memcap.model import (
    OF_NO_SUITE,
    Benchmark,
    Cap,
    Cell,
    CommandWorkload,
    Config,
    ContainerPolicy,
    ImageSource,
    Plan,
    Suite,
)
from memcap.model.names import slug
from memcap.plan import Selection, make_plan
from memcap.redaction import Redaction
from memcap.references import image_by_word
from memcap.units import parse_bytes, parse_seconds
from memcap.workflows.caller import Tell, ignore
from memcap.workflows.options import TIME_LIMIT_SECONDS
from memcap.workflows.request import CampaignName, CampaignRequest
from memcap.workflows.selection import find_project, with_seen_images
from memcap.workflows.serving_options import ServingOptions
from memcap.workflows.subject_options import SubjectOptions

# suite.benchmark[.variant]-image-cap; neither suites nor benchmarks have dashes in their names.
_CELL = re.compile(r"[a-z0-9_]+\.[a-z0-9_]+(\.[a-z0-9_]+)?-[a-z0-9_]+-[a-z0-9_]+")
_USUAL_CAP = "1g"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """One cell, and what is needed to run it: ``name`` is its id, or the command as typed.

    ``images`` are those of the project by their names.
    """

    name: str
    cell: Cell
    suites: Mapping[str, Suite] = field(default_factory=dict)
    images: Mapping[str, ImageSource] = field(default_factory=dict)
    policy: ContainerPolicy = field(default_factory=ContainerPolicy)
    time_limit_seconds: float = TIME_LIMIT_SECONDS

    def request(self, label: str, name: CampaignName, *, runs: int = 1, warmups: int = 0) -> CampaignRequest:
        """Return the request for a campaign of so many runs of it."""
        return CampaignRequest(
            plan=Plan(profile=label, cells=(self.cell,), runs=runs, warmups=warmups),
            suites=self.suites,
            images=self.images,
            policy=self.policy,
            time_limit_seconds=self.time_limit_seconds,
            name=name,
        )


def find_subject(options: SubjectOptions, *, default_cap: str = _USUAL_CAP, tell: Tell = ignore) -> Subject:
    """Return what the words of a command line name: ``CELL``, ``IMAGE [CMD…]``, or with ``image`` the ``CMD…`` alone.

    Beside a cell, ``image`` says what its image is: a reference, or ``NAME=REFERENCE``.
    ``cap`` (a size) takes the place of a cell's; a command without one gets ``default_cap``. A single word of a cell's
    form is a cell where there is a project around the current folder, or at ``root``.
    Raises UsageError, SelectionError with the nearest cells, ConfigError, SizeError.
    """
    subject = _named(options, default_cap, tell)
    policy = options.container_options.applied_to(subject.policy)
    cell = with_public_name(subject.cell, policy.secrets)
    cell = replace(cell, benchmark=replace(cell.benchmark, is_soak=False))  # it is run as often as was asked for
    return replace(
        subject,
        name=Redaction(policy.secrets).text(subject.name),
        cell=without_huge_pages(cell) if options.no_thp else cell,
        policy=policy,
    )


def _named(options: SubjectOptions, default_cap: str, tell: Tell) -> Subject:
    image, words = options.image, options.words
    if image is None and not words:
        raise UsageError("nothing is named", remedy="Name a CELL of the project, or IMAGE -- CMD.")
    config = _project(options.root) if len(words) == 1 and _CELL.fullmatch(words[0]) else None
    # With an image, a word of that form may be a program.
    if config is not None and (image is None or words[0].partition(".")[0] in config.suites):
        return _of_project(config, options, tell)
    if image is None:
        image, words = words[0], words[1:]
    source = find_image(image, options.root, tell=tell)
    return Subject(
        name=f"{image} -- {shlex.join(words)}" if words else image,
        cell=command_cell(source, workload_of(options.serving, words), parse_cap(options.cap or default_cap)),
        time_limit_seconds=_time_limit(options) or TIME_LIMIT_SECONDS,
    )


def workload_of(serving: ServingOptions, argv: tuple[str, ...]) -> CommandWorkload:
    """Return the workload that ``argv`` is: a server where that is asked for."""
    return serving.workload(argv) if serving.serve else CommandWorkload(argv=argv)


def _time_limit(options: SubjectOptions) -> float | None:
    return parse_seconds(options.time_limit) if options.time_limit else None


def find_image(word: str, root: Path | None = None, *, tell: Tell = ignore) -> ImageSource:
    """Return the image of that name of the project at ``root`` (by default the one around the current folder).

    If there is none, it is the image that the reference names.
    """
    project = find_project(root)
    if project is None:
        if _CELL.fullmatch(word):
            tell(f"there is no project here (no limits.toml), so {word} is taken for an image; --project names one")
        return image_by_word(word)
    return configuration.find_image(project, word) or image_by_word(word)


def named_images(names: Iterable[str]) -> dict[str, ImageSource]:
    """Return the images of the project around the current folder that ``names`` are, by their names."""
    project = find_project(None)
    found = {name: configuration.find_image(project, name) for name in names} if project is not None else {}
    return {name: image for name, image in found.items() if image is not None}


def parse_cap(size: str) -> Cap:
    """Return the cap that a size such as ``128m`` names. Raises SizeError."""
    return Cap(name=slug("".join(size.split())), bytes=parse_bytes(size))


def command_cell(image: ImageSource, workload: CommandWorkload, cap: Cap) -> Cell:
    """Return the cell of a command of no suite. Raises UsageError for an empty word in place of a program."""
    if workload.argv and not workload.argv[0]:
        raise UsageError(
            "the program after -- is an empty word", remedy="Name one. If a variable of the shell names it: is it set?"
        )
    benchmark = Benchmark(suite=OF_NO_SUITE, name=_command_name(workload.argv), workload=workload)
    return Cell(benchmark=benchmark, image=image, cap=cap)


def with_public_name(cell: Cell, secrets: Collection[str]) -> Cell:
    """Return ``cell`` with none of ``secrets`` in its id, where that is made of a command."""
    benchmark = cell.benchmark
    if benchmark.suite != OF_NO_SUITE or not isinstance(benchmark.workload, CommandWorkload):
        return cell
    name = _command_name(tuple(map(Redaction(secrets).text, benchmark.workload.argv)))
    return replace(cell, benchmark=replace(benchmark, name=name))


def _command_name(argv: Sequence[str]) -> str:
    """Return what ids have of a command: the name of its program."""
    return (slug(argv[0].rpartition("/")[2]) or "command") if argv else "own_command"


def without_huge_pages(cell: Cell) -> Cell:
    """Return ``cell`` with transparent huge pages turned off for its workload."""
    benchmark = cell.benchmark
    return replace(cell, benchmark=replace(benchmark, quiet=replace(benchmark.quiet, thp=False)))


def _project(root: Path | None) -> Config | None:
    """Return the project's configuration; None where there is no project around the current folder."""
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
        images=config.images,
        policy=replace(policy, env={**policy.env, **benchmark.env}),
        time_limit_seconds=config.run_time_limit_seconds,
    )


def _of_project(config: Config, options: SubjectOptions, tell: Tell) -> Subject:
    selection = Selection(cells=options.words, images=() if options.image is None else (options.image,))
    try:
        selection = with_seen_images(selection, config, tell=tell)
        (cell,) = make_plan(config, profile=next(iter(config.profiles)), selection=selection).cells
    except SelectionError as error:
        remedy = f"{error.remedy} An image is named with its tag: {selection.cells[0]}:latest".strip()
        raise SelectionError(error.message, remedy=remedy) from error
    if options.cap is not None:
        cell = replace(cell, cap=config.caps.get(options.cap) or parse_cap(options.cap))
    subject = of_cell(cell, config, config.suites)
    limit = _time_limit(options)
    if limit is None:
        return subject
    benchmark = replace(subject.cell.benchmark, time_limit_seconds=limit)
    return replace(subject, cell=replace(subject.cell, benchmark=benchmark), time_limit_seconds=limit)
