"""``memcap baseline``: show the committed baselines, or make baselines of what was measured."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from memcap.model import Baseline, Metric
    from memcap.store import Acceptance, BaselineChange

JSON_SCHEMA = 1

_PROJECT = click.option(
    "-C", "--project", "root", type=click.Path(exists=True, file_okay=False, path_type=Path), metavar="DIR",
    help="The project; by default the nearest folder upwards with a limits.toml.",
)  # fmt: skip


@click.group("baseline", short_help="Show or accept baselines.")
def command() -> None:
    """Show the committed baselines in results/baselines/, or accept measured cells as new ones.

    CELLS are cell ids or globs of them: 'agents.*', '*-py312-*'. Quote globs, so that the shell leaves them alone.
    """


@command.command("accept", short_help="Make baselines of measured cells.")
@click.argument("cells", nargs=-1)
@click.option(
    "--from", "source", type=click.Path(dir_okay=False, path_type=Path), metavar="RESULT",
    help="The result; by default the newest in results/.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@_PROJECT
def accept_command(*, cells: tuple[str, ...], source: Path | None, dry_run: bool, root: Path | None) -> None:
    """Make the measured CELLS (all, if none are named) the baselines, and print what changes.

    Other cells keep their baselines. A cell is refused if a run did not end as expected or if it has too few runs;
    the others are accepted, and the exit code is 16. Review the change with `git diff results/baselines`.

    \b
    Examples:
      memcap baseline accept --dry-run
      memcap baseline accept 'agents.*-py312-*'
      memcap baseline accept agents.llm-py312-128m --from results/20260101T020304-quick-1a2b.json
    """
    from memcap.cli.selection import load_project
    from memcap.errors import BaselineRefused
    from memcap.store import accept, latest_result, load_baselines, load_result, save_baselines, select_cells

    config = load_project(root)
    path = source or latest_result(config.results_directory)
    result = load_result(path)
    chosen = select_cells(cells, [cell.cell.id for cell in result.cells], what=str(path))
    old, minimum_runs = load_baselines(config.baseline_directory), config.rules.minimum_runs
    done = accept(old, result, cells=chosen, minimum_runs=minimum_runs)
    click.echo(_told(done, path, dry_run=dry_run), nl=False)
    if not dry_run:
        for written in save_baselines(done.baselines, config.baseline_directory):
            click.echo(f"Wrote {written}")
    if done.refusals:
        lines = "\n".join(f"  {refusal}" for refusal in done.refusals)
        raise BaselineRefused(f"{len(done.refusals)} of {len(chosen)} cells cannot be a baseline:\n{lines}")


@command.command("show", short_help="Print the committed baselines.")
@click.argument("cells", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_PROJECT
def show_command(*, cells: tuple[str, ...], as_json: bool, root: Path | None) -> None:
    """Print the baselines of CELLS (all, if none are named): their median figures and how they end.

    \b
    Examples:
      memcap baseline show
      memcap baseline show 'agents.*-py312-*' --json
    """
    from memcap.cli.selection import load_project
    from memcap.store import load_baselines, select_cells

    config = load_project(root)
    known = load_baselines(config.baseline_directory).cells
    chosen = [known[each] for each in select_cells(cells, sorted(known), what=str(config.baseline_directory))]
    if as_json:
        click.echo(json.dumps({"schema": JSON_SCHEMA, "cells": [_entry(each) for each in chosen]}, indent=2))
    elif chosen:
        click.echo(_table(chosen))
    else:
        click.echo("There are no baselines yet: memcap baseline accept")


def _told(done: Acceptance, path: Path, *, dry_run: bool) -> str:
    """Return a line for each change of a metric of a cell, old -> new median, and a last line that counts."""
    changes = [each for each in done.changes if each.is_change]
    lines = [line for each in changes for line in _change_lines(each)]
    same = len(done.changes) - len(changes)
    verb = "Would accept" if dry_run else "Accepted"
    cells = "1 cell" if len(changes) == 1 else f"{len(changes)} cells"
    unchanged = f"; {same} the same already" if same else ""
    return "\n".join([*lines, f"{verb} {cells} from {path}{unchanged}."]) + "\n"


def _change_lines(change: BaselineChange) -> list[str]:
    from memcap.model import Metric
    from memcap.report.text import figure, percent, printable
    from memcap.stats import relative_change

    old, new = change.old, change.new
    lines = [f"{printable(new.cell_id)}{'' if old else ' (new)'}"]
    if old and old.ending is not new.ending:
        lines.append(f"  ending: {old.ending.value} -> {new.ending.value}")
    for metric in Metric:
        before, after = (_median(old, metric) if old else None), _median(new, metric)
        if before is None and after is None:
            continue
        moved = relative_change(before, after) if before is not None and after is not None else None
        earlier = f"{figure(metric, before)} -> " if old else ""
        rest = f" ({percent(moved)})" if moved is not None else ""
        lines.append(f"  {metric.value}: {earlier}{figure(metric, after)}{rest}")
    if old and (old.fingerprint, old.cap_bytes) != (new.fingerprint, new.cap_bytes):
        lines += [f"  {line}" for line in _environment_lines(old, new)]
    return lines


def _environment_lines(old: Baseline, new: Baseline) -> list[str]:
    from dataclasses import asdict

    from memcap.report.text import printable

    before = {"cap_bytes": old.cap_bytes, **asdict(old.fingerprint)}
    after = {"cap_bytes": new.cap_bytes, **asdict(new.fingerprint)}
    return [printable(f"{key}: {before[key]} -> {after[key]}") for key in before if before[key] != after[key]]


def _table(baselines: list[Baseline]) -> str:
    from tabulate import tabulate

    from memcap.model import Metric
    from memcap.report.text import figure, printable

    shown = (Metric.PEAK, Metric.UNRECLAIMABLE_PEAK, Metric.RSS_PEAK)
    rows = [
        [printable(each.cell_id), each.ending.value, str(each.runs), *(figure(m, _median(each, m)) for m in shown)]
        for each in baselines
    ]
    return tabulate(
        rows,
        headers=["cell", "ending", "runs", "peak", "unreclaim-\nable peak", "rss peak"],
        disable_numparse=True,
        colalign=["left", "left", "right", "right", "right", "right"],
    )


def _entry(baseline: Baseline) -> dict[str, object]:
    from dataclasses import asdict

    return {
        "id": baseline.cell_id,
        "ending": baseline.ending.value,
        "runs": baseline.runs,
        "cap_bytes": baseline.cap_bytes,
        "environment": asdict(baseline.fingerprint),
        "metrics": {
            metric.value: {"median": _median(baseline, metric), "values": values}
            for metric, values in baseline.values.items()
        },
    }


def _median(baseline: Baseline, metric: Metric) -> float | None:
    from memcap.stats import median

    values = baseline.values.get(metric)
    return median(values) if values else None
