"""The options by which commands choose what to measure: the project, a profile, and a selection of its cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from memcap.cli.option_groups import Command, add_options
from memcap.cli.quantities import EXISTING_FOLDER, TIME

project_option = click.option(
    "-C",
    "--project",
    "root",
    type=EXISTING_FOLDER,
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
    """Add the options to ``command`` that `SelectionOptions` has."""
    return add_options(command, _OPTIONS)
