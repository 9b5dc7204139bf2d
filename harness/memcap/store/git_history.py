"""The baselines as git remembers them: at one revision, and over time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from memcap.errors import FileFormatError, UsageError
from memcap.model import Baseline, Baselines, BaselineVersion, CellHistory, History
from memcap.store.baseline_codec import parse_suite
from memcap.store.baselines import baseline_files, parse_baselines
from memcap.store.git import contents_of, is_shallow, texts_at, versions
from memcap.strict import MOST_BASELINE_BYTES, decode, read_text

if TYPE_CHECKING:
    from memcap.store.git import FileVersion

_ABBREVIATED = 7


def baselines_at(root: Path, directory: Path, commit: str, *, revision: str) -> Baselines:
    """Return the baselines that the folder ``directory`` of the project at ``root`` had at ``commit``.

    ``revision`` is what the user calls it. Raises UsageError if there are none, and as `load_baselines` does.
    """
    below = directory.relative_to(root).as_posix()
    contents = texts_at(root, commit, below)
    texts = {
        f"{revision}:{path}": decode(f"{revision}:{path}", content)
        for path, content in sorted(contents.items())
        if path.endswith(".json")
    }
    if not texts:
        raise UsageError(
            f"there are no baselines at {revision}: {below} is missing or empty there",
            remedy="Name a revision with baselines, a file or a folder.",
        )
    return parse_baselines(texts)


def baseline_history(root: Path, directory: Path) -> History:
    """Return what became of each cell that the baseline files in ``directory`` hold, or held at any time.

    A version is told where the figures changed; what cannot be read is told and passed over. Raises UsageError if there
    is no git repository around ``root``.
    """
    cells: list[CellHistory] = []
    unreadable = []
    for path in baseline_files(directory):
        noted: dict[str, list[BaselineVersion]] = {}
        for version, found in _states(root, path):
            if isinstance(found, FileFormatError):
                unreadable.append(found.message.partition("\n")[0])
            else:
                _note(noted, version, found)
        cells += [CellHistory(cell_id=cell_id, versions=tuple(reversed(noted[cell_id]))) for cell_id in sorted(noted)]
    if is_shallow(root):
        unreadable.append("this clone is shallow, so what is older is not here: git fetch --unshallow")
    return History(cells=tuple(cells), unreadable=tuple(unreadable))


def _states(root: Path, path: Path) -> Iterator[tuple[FileVersion | None, dict[str, Baseline] | FileFormatError]]:
    """Yield the versions of a file, the oldest first, and at last (as None) what is in the folder now."""
    name = path.relative_to(root).as_posix()
    committed = tuple(reversed(versions(root, name)))
    for version, content in zip(committed, contents_of(root, committed), strict=True):
        place = f"{version.commit[:_ABBREVIATED]}:{version.path}"
        yield version, {} if content is None else _parsed(place, content)
    yield None, _parsed(name, read_text(path, most_bytes=MOST_BASELINE_BYTES).encode())


def _parsed(name: str, content: bytes) -> dict[str, Baseline] | FileFormatError:
    try:
        return parse_suite(name, decode(name, content))[1]
    except FileFormatError as error:
        return error


def _note(noted: dict[str, list[BaselineVersion]], version: FileVersion | None, found: Mapping[str, Baseline]) -> None:
    """Add a version to each cell that is not what it was before."""
    for cell_id in dict.fromkeys((*noted, *found)):
        before = noted[cell_id][-1].baseline if cell_id in noted else None
        now = found.get(cell_id)
        if (before is None and now is None) or (before and now and now.says_the_same_as(before)):
            continue
        noted.setdefault(cell_id, []).append(
            BaselineVersion(
                commit=version.commit[:_ABBREVIATED] if version else None,
                date=version.date if version else None,
                author=version.author if version else None,
                baseline=now,
            )
        )
