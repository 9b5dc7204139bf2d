"""``memcap baseline history``: how the baselines came to be what they are, as git remembers it."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo, emit, terminal_width
from memcap.cli.progress import say
from memcap.cli.selection import project_option
from memcap.json_text import json_text

if TYPE_CHECKING:
    from memcap.model import CellHistory, History, Metric

JSON_SCHEMA = 1
_METRICS = ("peak", "unreclaimable_peak", "rss_peak")


@click.command("history", short_help="Draw how baselines changed over the git history.")
@click.argument("cells", nargs=-1)
@click.option(
    "--metric", type=click.Choice(_METRICS), default="unreclaimable_peak", show_default=True, help="What to follow."
)
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), default=10, show_default=True, help="The newest N of each cell."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@project_option
def history_command(*, cells: tuple[str, ...], metric: str, limit: int, as_json: bool, root: Path | None) -> None:
    """Print for each of CELLS (all with a baseline, if none are named) what its baseline was, when, and why it changed.

    Read from the commits that changed results/baselines/ on the branch that is checked out; a merge is one change. The
    curve begins with the oldest figure; the mark in a line stands between the lowest figure (left) and the highest,
    or 5 % above the lowest if all are less.

    \b
    Examples:
      memcap baseline history agents.llm-py312-128m
      memcap baseline history 'agents.*-py312-*' --metric peak --limit 3
      memcap baseline history --json
    """
    from memcap.model import Metric
    from memcap.report.baselines import render_history
    from memcap.report.sparkline import levels_for
    from memcap.store import baseline_history, select_cells
    from memcap.workflows.selection import load_project

    config = load_project(root)
    history = baseline_history(config.root, config.baseline_directory)
    known = {each.cell_id: each for each in history.cells if cells or each.versions[0].baseline}
    chosen = [known[each] for each in select_cells(cells, tuple(known), what="the baselines' history")]
    for line in history.unreadable:
        say(f"could not be read: {line}")
    if as_json:
        emit(json_text(_document(chosen, history, Metric(metric), limit=limit)))
    elif chosen:
        text = render_history(
            chosen,
            Metric(metric),
            limit=limit,
            width=terminal_width(),
            levels=levels_for(sys.stdout.encoding),
        )
        echo(text, nl=False)
    else:
        echo("There are no baselines yet: memcap baseline accept")


def _document(chosen: list[CellHistory], history: History, metric: Metric, *, limit: int) -> dict[str, object]:
    from memcap.report.baselines import median_of

    return {
        "schema": JSON_SCHEMA,
        "metric": metric.value,
        "unreadable": list(history.unreadable),
        "cells": [
            {
                "id": cell.cell_id,
                "versions": [
                    {
                        "commit": each.commit,
                        "date": each.date,
                        "author": each.author,
                        "removed": each.baseline is None,
                        "median": median_of(each.baseline, metric) if each.baseline else None,
                        **(asdict(each.baseline.accepted) if each.baseline else {}),
                    }
                    for each in cell.versions[:limit]
                ],
            }
            for cell in chosen
        ],
    }
