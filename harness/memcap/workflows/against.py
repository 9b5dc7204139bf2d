"""What a result is compared with: the project's baselines, a file, a folder, or the baselines of a git revision."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from memcap.errors import SelectionError, UsageError
from memcap.model import Baselines, CampaignResult, Config
from memcap.store import (
    as_baselines,
    baselines_at,
    find_commit,
    load_baseline_file,
    load_baselines,
    load_result,
)
from memcap.units import counted, few
from memcap.workflows.caller import Tell, ignore

_SHOWN = 5


def load_against(config: Config, text: str | None, *, measured: CampaignResult, tell: Tell = ignore) -> Baselines:
    """Return the baselines that ``text`` names: a result or baseline file, a folder of baselines, or a git revision.

    None means those of the project. What a file and a revision have both as a name is the file. ``tell`` hears
    what was taken. Raises UsageError if there is no such thing, SelectionError for files without any cell that was
    ``measured`` (a revision may be older than all of them), FileFormatError, NewerSchemaError.
    """
    if text is None:
        return load_baselines(config.baseline_directory)
    path = Path(text)
    if not os.path.exists(text):  # noqa: PTH110 - Path.exists raises for what no file can be named
        found = _of_revision(config, text)
    else:
        found = _of_folder(path) if path.is_dir() else _of_file(path, tell)
        _check_common(measured, found, text)
        if _is_revision(config, text):
            tell(f"{text} is a git revision too; what was taken is the {'folder' if path.is_dir() else 'file'}.")
    count = len(found.cells)
    tell(f"compared with {counted(count, 'baseline')} of {text}")
    return replace(found, origin=text)


def _check_common(measured: CampaignResult, found: Baselines, text: str) -> None:
    if not any(cell.cell.id in found.cells for cell in measured.cells):
        raise SelectionError(
            f"{text} has a good measurement of no cell of {measured.id}, so nothing can be judged by it",
            remedy="Cells are matched by their ids, which hold benchmark, image and cap. `memcap compare` compares two "
            "images, or two forms of benchmarks.",
        )


def _of_folder(path: Path) -> Baselines:
    found = load_baselines(path)
    if found.cells:
        return found
    inner = path / "results" / "baselines"
    hint = f"Did you mean {inner}?" if inner.is_dir() else "A folder of baselines holds one <suite>.json a suite."
    raise UsageError(f"there are no baselines in {path}", remedy=hint)


def _of_file(path: Path, tell: Tell) -> Baselines:
    as_baseline_file = load_baseline_file(path)
    if as_baseline_file is not None:
        return as_baseline_file
    found, left_out = as_baselines(load_result(path))
    if left_out:
        tell("\n  ".join(("left out of the comparison:", *few(left_out, _SHOWN))))
    return found


def _of_revision(config: Config, text: str) -> Baselines:
    try:
        commit = find_commit(config.root, text)
    except UsageError as error:
        raise UsageError(f"there is no file or folder {text!r}, and {error.message}", remedy=error.remedy) from error
    if commit is None:
        near = f"origin/{text}"
        hint = (
            f"Did you mean {near!r}?"
            if find_commit(config.root, near)
            else "In a shallow clone, as in CI, fetch it first: git fetch --depth=1 origin NAME, then name FETCH_HEAD."
        )
        raise UsageError(f"there is no file, folder or git revision {text!r}", remedy=hint)
    return baselines_at(config.root, config.baseline_directory, commit, revision=text)


def _is_revision(config: Config, text: str) -> bool:
    try:
        return find_commit(config.root, text) is not None
    except UsageError:  # no repository, or no git
        return False
