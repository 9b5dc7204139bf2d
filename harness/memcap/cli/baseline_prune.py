"""``memcap baseline prune``: remove the baselines of cells that the project no longer has."""

from __future__ import annotations

from pathlib import Path

import click

from memcap.cli.output import echo
from memcap.cli.selection import project_option
from memcap.units import counted


@click.command("prune", short_help="Remove baselines of cells that no longer exist.")
@click.option("--dry-run", is_flag=True, help="Print what would be removed, and change nothing.")
@project_option
def prune_command(*, dry_run: bool, root: Path | None) -> None:
    """Remove the baselines of cells that cannot be measured any more, and say of each why not.

    A cell stays as long as its suite, benchmark, image and cap are there and the benchmark may run under that cap,
    whether a profile plans it or not. Cells of images named by reference (--image python:3.12-slim) and of this machine
    (--engine process) stay too: for these the project has no folder to miss.

    \b
    Examples:
      memcap baseline prune --dry-run
      memcap baseline prune && git diff --stat results/baselines
    """
    from memcap.store import load_baselines, remove_baselines, why_impossible
    from memcap.untrusted import printable
    from memcap.workflows.selection import load_project

    config = load_project(root)
    known = load_baselines(config.baseline_directory).cells
    gone = {cell_id: why for cell_id, each in sorted(known.items()) if (why := why_impossible(config, each))}
    for cell_id, why in gone.items():
        echo(printable(f"{cell_id}: {why}"))
    verb = "Would remove" if dry_run else "Removed"
    echo(f"{verb} {len(gone)} of {counted(len(known), 'baseline')}.")
    if gone and not dry_run:
        for path in remove_baselines(gone, config.baseline_directory):
            echo(f"{'Wrote' if path.exists() else 'Deleted'} {path}")
