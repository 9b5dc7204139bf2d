"""``memcap baseline accept``: make baselines of what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from memcap.errors import UsageError
from memcap.judge.acceptance import Refusal, refusals
from memcap.model import Accepted
from memcap.store import (
    Acceptance,
    accept,
    latest_run,
    load_baselines,
    save_baselines,
    select_cells,
    user_name,
)
from memcap.units import listed
from memcap.workflows.caller import Tell
from memcap.workflows.first_baselines import warn_of_ignored
from memcap.workflows.options import AcceptOptions
from memcap.workflows.selection import load_project

_SHOWN = 5


@dataclass(frozen=True, kw_only=True)
class AcceptedCells:
    """What became a baseline of the ``chosen`` cells of the result in ``path``, the files, and what was refused."""

    acceptance: Acceptance
    path: Path
    chosen: int
    files: tuple[Path, ...]
    refused: tuple[Refusal, ...]


def accept_cells(options: AcceptOptions, tell: Tell) -> AcceptedCells:
    """Make the measured cells that ``options`` name the baselines; with ``dry_run`` find out only what would change.

    Raises UsageError where a baseline would change and no reason is given, ConfigError, FileFormatError, NotWritten.
    """
    options.validate()
    config = load_project(options.root)
    path, result = latest_run(config.results_directory, named=options.source)
    chosen = select_cells(options.cells, [cell.cell.id for cell in result.cells], what=str(path))
    known = load_baselines(config.baseline_directory)
    refused = refusals(
        result,
        known,
        config.rules,
        cells=chosen,
        allow_undecided=options.allow_undecided,
        allow_unlike=options.allow_unlike,
    )
    good = {*chosen} - {each.cell_id for each in refused}
    accepted = Accepted(reason=options.why or None, by=user_name(config.root), source=result.id)
    done = accept(known, result, cells=good, accepted=accepted, images=config.images)
    if not (options.dry_run or options.why):
        _require_reason(done)
    files = () if options.dry_run else save_baselines(done.baselines, config.baseline_directory)
    warn_of_ignored(files, config.root, tell=tell)
    return AcceptedCells(acceptance=done, path=path, chosen=len(chosen), files=files, refused=refused)


def _require_reason(done: Acceptance) -> None:
    changed = [each.new.cell_id for each in done.changes if each.old]
    if changed:
        raise UsageError(
            f"baselines would change ({listed(changed, _SHOWN)}), and no reason was given; nothing was written",
            remedy='Say why for those who read the diff: --reason "…". What would change: --dry-run.',
        )
