"""The folder of baselines: one file a suite."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from memcap.errors import FileFormatError, MemcapError
from memcap.model import Baseline, Baselines
from memcap.store.baseline_codec import parse_suite, read_baseline_object, suite_text
from memcap.store.files import write_atomically
from memcap.strict import MOST_BASELINE_BYTES, MOST_RESULT_BYTES, read_text


def load_baselines(directory: Path) -> Baselines:
    """Return the baselines of all ``*.json`` files in ``directory``; none if there is no such folder.

    Raises FileFormatError for a malformed file, NewerSchemaError for one of a newer memcap.
    """
    return parse_baselines(
        {str(path): read_text(path, most_bytes=MOST_BASELINE_BYTES) for path in baseline_files(directory)}
    )


def load_baseline_file(path: Path) -> Baselines | None:
    """Return the baselines of one file, whatever it is named; None if it holds something else, such as a result.

    Raises as `load_baselines` does.
    """
    text = read_text(path, most_bytes=MOST_RESULT_BYTES)
    if '"memcap":' in text:  # a key: within a string of JSON the quotes are escaped. Large results are not parsed twice
        return None
    document = read_baseline_object(str(path), text)
    if "suite" not in document or "cells" not in document:
        return None
    return Baselines(cells=parse_suite(str(path), text)[1])


def parse_baselines(texts: Mapping[str, str]) -> Baselines:
    """Return the baselines of files given as path -> content. Raises as `load_baselines` does."""
    cells: dict[str, Baseline] = {}
    for name, text in texts.items():
        suite, found = parse_suite(name, text)
        if suite != Path(name).stem:
            raise FileFormatError(f"{name}: suite: expected {Path(name).stem!r} as the file is named, found {suite!r}")
        cells.update(found)
    return Baselines(cells=cells)


def baseline_files(directory: Path) -> tuple[Path, ...]:
    """Return the baseline files of ``directory`` in order of their names."""
    return tuple(sorted(directory.glob("[!.]*.json")))


def save_baselines(baselines: Baselines, directory: Path) -> tuple[Path, ...]:
    """Write one file a suite into ``directory`` and return those that changed.

    Suites without a cell in ``baselines`` keep their files. The same baselines always give the same bytes.
    """
    suites = sorted({baseline.suite for baseline in baselines.cells.values()})
    written = []
    for suite in suites:
        path = directory / f"{suite}.json"
        text = suite_text(suite, [each for each in baselines.cells.values() if each.suite == suite])
        # git may check files out with the line ends of Windows.
        if not path.exists() or path.read_bytes().replace(b"\r\n", b"\n") != text.encode():
            write_atomically(path, text, overwrite=True)
            written.append(path)
    return tuple(written)


def remove_baselines(cells: Collection[str], directory: Path) -> tuple[Path, ...]:
    """Remove the baselines of ``cells`` (ids), and a file with its last one; return the files that changed."""
    known = load_baselines(directory)
    kept = Baselines(cells={cell_id: each for cell_id, each in known.cells.items() if cell_id not in cells})
    touched = {each.suite for cell_id, each in known.cells.items() if cell_id in cells}
    emptied = sorted(touched - {each.suite for each in kept.cells.values()})
    changed = Baselines(cells={cell_id: each for cell_id, each in kept.cells.items() if each.suite in touched})
    removed = [directory / f"{suite}.json" for suite in emptied]
    for path in removed:
        try:
            path.unlink()
        except OSError as error:
            raise MemcapError(f"{path} could not be removed: {error.strerror or error}") from error
    return (*save_baselines(changed, directory), *removed)
