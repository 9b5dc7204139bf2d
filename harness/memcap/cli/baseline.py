"""``memcap baseline``: accept measured cells as baselines, look at them and at their history, remove what is unused."""

from __future__ import annotations

import click

from memcap.cli.baseline_accept import accept_command
from memcap.cli.baseline_history import history_command
from memcap.cli.baseline_prune import prune_command
from memcap.cli.baseline_show import show_command


@click.group("baseline")
def command() -> None:
    """Look after the committed baselines in results/baselines/, one file a suite.

    CELLS are cell ids or globs of them: 'agents.*', '*-py312-*'. Quote globs, so that the shell leaves them alone.
    """


for _each in (accept_command, show_command, history_command, prune_command):
    command.add_command(_each)
