"""``memcap baseline accept``: make baselines of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.output import echo
from memcap.cli.selection import project_option
from memcap.units import counted

if TYPE_CHECKING:
    from memcap.judge.acceptance import Refusal
    from memcap.store import Acceptance

_SHOWN = 5


@click.command("accept", short_help="Make baselines of measured cells.")
@click.argument("cells", nargs=-1)
@click.option("-m", "--reason", help="Why the figures changed; needed where a baseline changes.")
@click.option(
    "--from", "source", type=click.Path(dir_okay=False, path_type=Path), metavar="RESULT",
    help="The result; by default the newest run in results/.",
)  # fmt: skip
@click.option("--allow-undecided", is_flag=True, help="Accept what the figures leave open, too.")
@click.option("--allow-unlike", is_flag=True, help="Accept figures of an environment unlike the baseline's, too.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@project_option
def accept_command(  # noqa: PLR0913 - the options of the command line
    *,
    cells: tuple[str, ...],
    reason: str | None,
    source: Path | None,
    allow_undecided: bool,
    allow_unlike: bool,
    dry_run: bool,
    root: Path | None,
) -> None:
    """Make the measured CELLS (all, if none are named) the baselines, and print what changes.

    Baselines of version 0.1.0 whose ids hold the tag of an image (shop_prod_1_0) give way to those of the image
    (shop_prod).

    Other cells keep their baselines, and so do cells with the very same figures. The reason, git's user.name and the id
    of the result are kept with each baseline. Review the change with `git diff results/baselines`.

    A cell is refused if a run did not end as expected, if it has too few runs, if the comparison with its baseline is
    undecided, or if that is of another environment; the last two can be allowed. The others are accepted, and the exit
    code is 16.

    \b
    Examples:
      memcap baseline accept --dry-run
      memcap baseline accept                       the first time, or new cells alone
      memcap baseline accept agents.llm-py312-128m --reason "the crew keeps its tools"
      memcap baseline accept 'agents.*-py312-*' --reason "Python 3.12.8" --allow-unlike
      memcap baseline accept --from results/20260101T020304-quick-1a2b.json
    """
    from memcap.cli.first_baselines import warn_of_ignored
    from memcap.cli.selection import load_project
    from memcap.errors import BaselineRefused, UsageError
    from memcap.judge.acceptance import refusals
    from memcap.model import Accepted
    from memcap.store import (
        accept,
        latest_run,
        load_baselines,
        load_result,
        save_baselines,
        select_cells,
        user_name,
    )

    config = load_project(root)
    why = " ".join((reason or "").split())
    if reason is not None and not why:
        raise UsageError("the reason is empty", remedy='Say what changed: --reason "…"')
    path, result = (source, load_result(source)) if source else latest_run(config.results_directory)
    chosen = select_cells(cells, [cell.cell.id for cell in result.cells], what=str(path))
    known = load_baselines(config.baseline_directory)
    refused = refusals(
        result, known, config.rules, cells=chosen, allow_undecided=allow_undecided, allow_unlike=allow_unlike
    )
    good = {*chosen} - {each.cell_id for each in refused}
    accepted = Accepted(reason=why or None, by=user_name(config.root), source=result.id)
    done = accept(known, result, cells=good, accepted=accepted, images=config.images)
    if not (dry_run or why):
        _require_reason(done)
    echo(_told(done, path, dry_run=dry_run), nl=False)
    if not dry_run:
        files = save_baselines(done.baselines, config.baseline_directory)
        for written in files:
            echo(f"Wrote {written}")
        warn_of_ignored(files, config.root)
    if refused:
        raise BaselineRefused(_refused_text(refused, of=len(chosen)))


def _require_reason(done: Acceptance) -> None:
    from memcap.errors import UsageError

    changed = [each.new.cell_id for each in done.changes if each.old]
    if changed:
        listed = ", ".join(changed[:_SHOWN]) + (f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else "")
        raise UsageError(
            f"baselines would change ({listed}), and no reason was given; nothing was written",
            remedy='Say why for those who read the diff: --reason "…". What would change: --dry-run.',
        )


def _told(done: Acceptance, path: Path, *, dry_run: bool) -> str:
    """Return a line for each change of a metric of a cell, old -> new median, and a last line that counts."""
    from memcap.report.baselines import change_lines

    lines = [line for each in done.changes for line in change_lines(each.old, each.new)]
    lines += [f"{cell_id} is called {each.new.cell_id} now" for each in done.changes for cell_id in each.renamed]
    verb = "Would accept" if dry_run else "Accepted"
    cells = counted(len(done.changes), "cell")
    same = f"; {done.same} the same already" if done.same else ""
    return "\n".join([*lines, f"{verb} {cells} from {path}{same}."]) + "\n"


def _refused_text(refused: tuple[Refusal, ...], *, of: int) -> str:
    lines = "\n".join(f"  {each}" for each in refused)
    return f"{len(refused)} of {counted(of, 'cell')} cannot be a baseline:\n{lines}"
