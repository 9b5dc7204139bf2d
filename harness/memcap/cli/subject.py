"""The words and options by which commands at the limit name what they work on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from memcap.cli.container_options import container_options
from memcap.cli.option_groups import Command, add_options
from memcap.cli.quantities import SIZE, TIME
from memcap.cli.selection import project_option

no_thp_option = click.option("--no-thp", is_flag=True, help="Turn transparent huge pages off for the workload.")


def subject_options(*, cap: str, time_limit: str) -> Callable[[Command], Callable[..., Any]]:
    """Return a decorator that adds what `SubjectOptions` has to a command.

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
    return lambda command: add_options(command, options)
