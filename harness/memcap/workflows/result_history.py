"""``memcap report --format otava``: several results as the history of each cell."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from memcap.errors import UsageError
from memcap.model import CampaignResult
from memcap.report.otava import CONFIG_FILE, FigureHistory, histories, history_csv, otava_config
from memcap.store import load_result, newest_files
from memcap.store.files import write_atomically
from memcap.units import counted, listed
from memcap.workflows.caller import Tell
from memcap.workflows.selection import load_project

_NAMED: Final = 3
_MEASURE_FIRST: Final = "Measure first (memcap run), or name results or folders of them."


def load_histories(named: Sequence[Path], root: Path | None, tell: Tell) -> tuple[FigureHistory, ...]:
    """Return the history of each cell in the ``named`` results and folders; with none, of the project's runs.

    Raises UsageError if there are no figures, ConfigError, and FileFormatError for a file that is no result.
    """
    if named:
        results = [load_result(path) for each in named for path in _files(each)]
        where = listed([str(each) for each in named], _NAMED)
    else:
        folder = load_project(root).results_directory
        results, where = list(_runs(folder)), str(folder)
    found = histories(results)
    if not found:
        what = "no figures in" if results else "no results in"
        raise UsageError(f"there are {what} {where}", remedy=_MEASURE_FIRST)
    for each in found:
        _tell_of_gaps(each, tell)
    measured = {cell.cell.id for result in results for cell in result.cells}
    if bare := sorted(measured - {each.cell_id for each in found}):
        tell(f"left out, as no run ended as expected: {listed(bare, _NAMED)}")
    return found


def history_text(found: Sequence[FigureHistory]) -> str:
    """Return the history of the only cell as CSV. Raises UsageError if there are several."""
    if len(found) > 1:
        raise UsageError(
            f"the results have {len(found)} cells, and Otava reads a file for each",
            remedy="Write them to a folder: --output DIR",
        )
    return history_csv(found[0])


def write_histories(found: Sequence[FigureHistory], folder: Path, *, overwrite: bool) -> tuple[Path, ...]:
    """Write the CSV files and Otava's configuration to ``folder``, and return their paths, the configuration last.

    Raises FileExistsAlready unless ``overwrite``, NotWritten if the system refuses.
    """
    texts = {each.file: history_csv(each) for each in found}
    texts[CONFIG_FILE] = otava_config(found, folder.as_posix())
    for name, text in texts.items():
        write_atomically(folder / name, text, overwrite=overwrite)
    return tuple(folder / name for name in texts)


def _files(named: Path) -> Iterator[Path]:
    if named.is_dir():
        yield from newest_files(named)
    else:
        yield named


def _runs(folder: Path) -> Iterator[CampaignResult]:
    """Yield the results of `memcap run` in ``folder``: comparisons, shards and single commands are no history."""
    results = map(load_result, newest_files(folder))
    yield from (result for result in results if result.is_run and result.shard is None)


def _tell_of_gaps(history: FigureHistory, tell: Tell) -> None:
    if history.left_out:
        names, number = listed(history.left_out, _NAMED), counted(len(history.left_out), "result")
        tell(f"{history.cell_id}: {number} left out without comparable figures: {names}")
    if history.gaps:
        names = listed(history.gaps, _NAMED)
        tell(f"{history.cell_id}: not in Otava's configuration, as a result lacks it: {names}")
