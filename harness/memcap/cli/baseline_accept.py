"""``memcap baseline accept``: make baselines of what was measured."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from memcap.cli.option_groups import filled
from memcap.cli.output import echo
from memcap.cli.progress import say
from memcap.cli.quantities import FILE
from memcap.cli.selection import project_option
from memcap.errors import BaselineRefused
from memcap.units import counted
from memcap.workflows.options import AcceptOptions

if TYPE_CHECKING:
    from memcap.judge.acceptance import Refusal
    from memcap.store import Acceptance


@click.command("accept", short_help="Make baselines of measured cells.")
@click.argument("cells", nargs=-1)
@click.option("-m", "--reason", help="Why the figures changed; needed where a baseline changes.")
@click.option(
    "--from", "source", type=FILE, metavar="RESULT",
    help="The result; by default the newest run in results/.",
)  # fmt: skip
@click.option("--allow-undecided", is_flag=True, help="Accept what the figures leave open, too.")
@click.option("--allow-unlike", is_flag=True, help="Accept figures of an environment unlike the baseline's, too.")
@click.option("--dry-run", is_flag=True, help="Print what would change, and change nothing.")
@project_option
@filled(options=AcceptOptions)
def accept_command(options: AcceptOptions) -> None:
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
    from memcap.workflows.accept import accept_cells

    done = accept_cells(options, say)
    echo(_told(done.acceptance, done.path, dry_run=options.dry_run), nl=False)
    for written in done.files:
        echo(f"Wrote {written}")
    if done.refused:
        raise BaselineRefused(_refused_text(done.refused, of=done.chosen))


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
