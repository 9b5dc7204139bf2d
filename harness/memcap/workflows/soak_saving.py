"""The folder of files that a soak leaves."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from memcap.errors import MemcapError
from memcap.report.soak_files import soak_files
from memcap.soaking import SoakOutcome
from memcap.store.files import write_atomically

FOLDER = Path("results") / "soaks"  # of all soaks
_ANOTHER: Final = "Choose another --output."


def refuse_unfit_folder(folder: Path) -> None:
    """Raise MemcapError if no file could be written to ``folder`` when a soak is over."""
    nearest = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    if not nearest.is_dir():
        raise MemcapError(f"the folder {folder} cannot be made: {nearest} is a file", remedy=_ANOTHER)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise MemcapError(f"the folder {folder} cannot be written to: {nearest} is read-only", remedy=_ANOTHER)


def save_soak(outcome: SoakOutcome, folder: Path) -> None:
    """Write report, samples and page of ``outcome`` to ``folder``; files of the same names are replaced.

    Raises MemcapError if one cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MemcapError(f"the folder {folder} could not be made: {error.strerror}", remedy=_ANOTHER) from error
    files = soak_files(outcome)
    if outcome.measurement is not None and outcome.measurement.output_tail:
        files["output.txt"] = outcome.measurement.output_tail + "\n"
    for name, text in files.items():
        write_atomically(folder / name, text, overwrite=True)
