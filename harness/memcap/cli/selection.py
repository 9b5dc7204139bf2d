"""The options by which commands choose what to measure: the project, a profile, and a selection of its cells."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from memcap.cli.option_groups import Command, add_options
from memcap.cli.quantities import TIME

if TYPE_CHECKING:
    from memcap.model import CampaignResult, Config, ImageSource, Plan
    from memcap.plan import Selection

_RESULTS_LOOKED_AT = 10  # for the image of a cell

project_option = click.option(
    "-C",
    "--project",
    "root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    metavar="DIR",
    help="The project; by default the nearest folder upwards with a limits.toml.",
)

_OPTIONS = (
    click.argument("select", nargs=-1),
    click.option("-p", "--profile", default="quick", show_default=True, help="The profile of limits.toml."),
    click.option(
        "-i",
        "--image",
        "images",
        multiple=True,
        metavar="IMAGE",
        help="Only this image, or a reference to any; NAME=REFERENCE binds a name, as in prod=shop/prod:1.1.",
    ),
    click.option("-c", "--cap", "caps", multiple=True, metavar="CAP", help="Only this cap of limits.toml."),
    click.option("-t", "--tag", "tags", multiple=True, metavar="TAG", help="Only benchmarks with this tag."),
    click.option("--runs", type=click.IntRange(min=1), help="Measured runs of each cell, instead of the profile's."),
    click.option(
        "--cold",
        is_flag=True,
        help="Drop the image's files from the page cache before each run. Such cells have ids and baselines of their "
        "own (agents.llm.cold-py312-128m), no warm-ups, and are run one at a time.",
    ),
    click.option(
        "--duration",
        type=TIME,
        help="How long generator workloads last, such as 20s, instead of their configured length. Such cells have ids "
        "and baselines of their own (stress.endurance.20s-py312-256m).",
    ),
    click.option("--warmups", type=click.IntRange(min=0), help="Warm-up runs of each cell, instead of the profile's."),
    project_option,
)


def selection_options(command: Command) -> Callable[..., Any]:
    """Add the options to ``command``, which is called with ``profile``, ``selection`` and ``root``.

    ``root`` is None unless --project is given; `load_project` takes it.
    """

    @functools.wraps(command)
    def with_selection(  # noqa: PLR0913 - the options of the command line
        *,
        select: tuple[str, ...],
        images: tuple[str, ...],
        caps: tuple[str, ...],
        tags: tuple[str, ...],
        runs: int | None,
        warmups: int | None,
        cold: bool,
        duration: str | None,
        **others: object,
    ) -> object:
        from memcap.units import parse_seconds

        selection = replace(
            named_by(select),
            images=images,
            caps=caps,
            tags=tags,
            runs=runs,
            warmups=warmups,
            cold=cold,
            duration_seconds=parse_seconds(duration) if duration else None,
        )
        return command(selection=selection, **others)

    return add_options(with_selection, _OPTIONS)


def named_by(words: tuple[str, ...]) -> Selection:
    """Return the selection of all that ``words`` name: suites, benchmarks and cells."""
    from memcap.plan import Selection

    kinds = sort_words(words)
    return Selection(suites=kinds["suites"], benchmarks=kinds["benchmarks"], cells=kinds["cells"])


def sort_words(words: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Sort the words of a command by what they name: names have no dots and dashes, so their form tells."""
    from memcap.plan import is_glob

    kinds: dict[str, list[str]] = {"suites": [], "benchmarks": [], "cells": []}
    for word in words:
        kind = "cells" if is_glob(word) or "-" in word else "benchmarks" if "." in word else "suites"
        kinds[kind].append(word)
    return {kind: tuple(found) for kind, found in kinds.items()}


def load_project(root: Path | None) -> Config:
    """Return the configuration of the project at ``root``, or of the one around the current folder.

    Raises ConfigError.
    """
    from memcap.config import find_root, load_config

    return load_config(root if root is not None else find_root(Path.cwd()))


def with_seen_images(selection: Selection, config: Config) -> Selection:
    """Return ``selection`` with the images that only results know, for ids of cells that reports print.

    An image of the project, or one that is named, is not looked for.
    """
    from memcap.model.names import parse_cell_id
    from memcap.plan import is_glob

    if selection.images:
        return selection
    parts = [parse_cell_id(cell_id) for cell_id in selection.cells if not is_glob(cell_id)]
    missing = {part[2] for part in parts if part} - set(config.images)
    seen = _seen_images(missing, config.results_directory) if missing else {}
    return replace(selection, seen=seen)


def _seen_images(names: set[str], directory: Path) -> dict[str, ImageSource]:
    """Return the images of these names as the newest results of ``directory`` have them, and say which they are."""
    from memcap.cli.progress import say
    from memcap.errors import FileFormatError
    from memcap.model import ImageSource
    from memcap.store import load_result, newest_files

    found: dict[str, ImageSource] = {}
    for path in islice(newest_files(directory), _RESULTS_LOOKED_AT):
        try:
            images = load_result(path).images
        except FileFormatError:  # it is not what was asked for
            continue
        for name in names & images.keys() - found.keys():
            found[name] = ImageSource(name=name, reference=images[name].reference)
            say(f"the image {name} is {images[name].reference}, as in {path.name}")
        if found.keys() == names:
            break
    return found


def find_project(root: Path | None) -> Path | None:
    """Return the project, by default the one around the current folder; None where there is none."""
    from memcap.config import find_root
    from memcap.errors import ConfigError

    if root is not None:
        return root
    try:
        return find_root(Path.cwd())
    except ConfigError:
        return None


def plan_of(earlier: CampaignResult, config: Config) -> Plan:
    """Return the plan of an interrupted campaign, as the project has its cells now.

    Raises SelectionError when the project no longer has one of its cells.
    """
    from memcap.model import COLD
    from memcap.plan import Selection, make_plan
    from memcap.units import seconds_of_variant

    parts = [cell_id.split("-") for cell_id in earlier.plan_cells]  # names have no dashes, and no dots
    benchmarks = dict.fromkeys(".".join(benchmark.split(".")[:2]) for benchmark, _, _ in parts)
    variant = parts[0][0].split(".")[2:]  # all have the same, or none
    images = {
        name: name if name in config.images and facts.is_built else f"{name}={facts.reference}"
        for name, facts in earlier.images.items()
    }
    plan = make_plan(
        config,
        profile=earlier.profile,
        selection=Selection(
            benchmarks=tuple(benchmarks),
            images=tuple(dict.fromkeys(images.get(image, image) for _, image, _ in parts)),
            caps=tuple(dict.fromkeys(cap for _, _, cap in parts)),
            runs=earlier.runs,
            warmups=earlier.warmups,
            cold=variant == [COLD],
            duration_seconds=seconds_of_variant("".join(variant)),
        ),
    )
    return replace(plan, cells=tuple(cell for cell in plan.cells if cell.id in earlier.plan_cells))
