"""``memcap baseline show``: print the baselines."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo, emit, table_width
from memcap.cli.selection import project_option
from memcap.json_text import json_text

if TYPE_CHECKING:
    from memcap.model import Baseline

JSON_SCHEMA = 1


@click.command("show", short_help="Print the baselines.")
@click.argument("cells", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_option
def show_command(*, cells: tuple[str, ...], as_json: bool, root: Path | None) -> None:
    """Print the baselines of CELLS (all, if none are named): median figures, ending, who accepted them and why.

    \b
    Examples:
      memcap baseline show
      memcap baseline show 'agents.*-py312-*' --json
    """
    from memcap.report.baselines import render_baselines
    from memcap.store import load_baselines, select_cells
    from memcap.workflows.selection import load_project

    config = load_project(root)
    known = load_baselines(config.baseline_directory).cells
    chosen = [known[each] for each in select_cells(cells, sorted(known), what=str(config.baseline_directory))]
    if as_json:
        emit(json_text({"schema": JSON_SCHEMA, "cells": [_entry(each) for each in chosen]}))
    elif chosen:
        echo(render_baselines(chosen, width=table_width()), nl=False)
    else:
        echo("There are no baselines yet: memcap baseline accept")


def _entry(baseline: Baseline) -> dict[str, object]:
    from memcap.model import limit_of
    from memcap.report.baselines import median_of

    return {
        "id": baseline.cell_id,
        **asdict(baseline.accepted),
        "ending": baseline.ending.value,
        "runs": baseline.runs,
        "cap_bytes": limit_of(baseline.cap_bytes),
        "environment": asdict(baseline.fingerprint),
        "metrics": {
            metric.value: {"median": median_of(baseline, metric), "values": values}
            for metric, values in baseline.values.items()
        },
        **({} if baseline.growth is None else {"growth": asdict(baseline.growth)}),
    }
