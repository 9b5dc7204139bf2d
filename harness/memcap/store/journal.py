"""The journal of a campaign: a line for each run as soon as it is over, beside the result that it is folded into.

The first line is the result without its cells; every other line is one run, whole in itself. A line that was cut off
by a kill or a full disk is dropped, so at most the runs that were under way are lost.
"""

from __future__ import annotations

import json
import os
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

from memcap.errors import FileFormatError, UsageError
from memcap.model import CampaignResult, CellResult, CellSummary, Measurement
from memcap.store.codec import SCHEMA as RESULT_SCHEMA
from memcap.store.codec import SIGNED, check_names, load_result, parse_campaign, plain, with_network_name
from memcap.store.files import check_schema, not_written, write_atomically
from memcap.store.validate import validate
from memcap.strict import decode, parse_json, read_object, refuse_wrong, wrong_numbers

# History of the schema of journals; what its lines hold has the schema of results.
# 1 - first version
SCHEMA = 1
KEY = "memcap_journal"


def journal_path(result: Path) -> Path:
    """Return where the journal of the campaign belongs whose result is ``result``."""
    return result.with_name(f"{result.name}.journal")


class Journal:
    """The journal beside the result file ``result``, open for more runs; several threads may add some."""

    def __init__(self, result: Path) -> None:
        self._path = journal_path(result)
        self._file: int | None = None
        self._lock = threading.Lock()
        self._lines: dict[str, list[str]] = {}  # by the cells' ids
        self._is_begun = False  # if not, what may be there is of an earlier part of the campaign

    def begin(self, result: CampaignResult, unfinished: Iterable[CellResult]) -> None:
        """Replace the journal by one of the ``unfinished`` cells, which ``result``, saved already, does not have.

        Raises NotWritten; the journal is as it was then.
        """
        with self._lock:
            self._write(result, {cell.cell.id: list(_lines(cell)) for cell in unfinished})

    def fold(self, result: CampaignResult, finished: Collection[str]) -> None:
        """Leave out the runs of the cells ``finished`` (ids), all of which ``result``, saved already, has.

        Raises NotWritten; the journal is as it was then.
        """
        with self._lock:
            self._write(result, {name: lines for name, lines in self._lines.items() if name not in finished})

    def _write(self, result: CampaignResult, lines: dict[str, list[str]]) -> None:
        header = {KEY: {"schema": SCHEMA, "result_schema": RESULT_SCHEMA, **plain(replace(result, cells=()))}}
        write_atomically(self._path, "".join([_encoded(header), *chain(*lines.values())]), overwrite=True)
        self._shut()
        self._lines, self._is_begun = lines, True

    def add(self, cell: CellSummary, measurement: Measurement, *, number: int, is_warmup: bool) -> None:
        """Write down a run; when this returns, it is on disk. ``number`` counts the runs of the cell from 0.

        Raises NotWritten; what was there before is kept.
        """
        line = _encoded(plain(_Line(cell=cell, number=number, is_warmup=is_warmup, measurement=measurement)))
        with self._lock:
            self._append(line.encode("utf-8", "replace"))
            self._lines.setdefault(cell.id, []).append(line)

    def close(self) -> None:
        """Remove the journal if all its runs are in the result; otherwise leave it for `--resume`."""
        with self._lock:
            self._shut()
            if self._is_begun and not any(self._lines.values()):
                with suppress(OSError):  # it says nothing that the result does not
                    self._path.unlink(missing_ok=True)

    def _append(self, line: bytes) -> None:
        whole = None
        try:
            if self._file is None:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_BINARY", 0))
            whole = os.fstat(self._file).st_size
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            os.fsync(self._file)
        except OSError as error:
            if self._file is not None and whole is not None:
                with suppress(OSError):  # a line that was cut off is dropped when the journal is read
                    os.ftruncate(self._file, whole)
            raise not_written(self._path, error) from error

    def _shut(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def load_interrupted(path: Path) -> CampaignResult:
    """Return the campaign of the result file ``path`` with the runs of its journal; either file may be missing.

    Cells may have fewer runs than were planned. Raises UsageError where there is neither file, or the two are of
    different campaigns, and FileFormatError, NewerSchemaError as `load_result` does.
    """
    journal = journal_path(path)
    if not journal.exists():
        if not path.exists():
            raise UsageError(f"there is neither {path} nor {journal}", remedy="Name the result file of the campaign.")
        return load_result(path)
    begun, lines = _read(journal)
    result = load_result(path) if path.exists() else begun
    if result.id != begun.id:
        raise UsageError(
            f"{journal} is of another campaign ({begun.id}) than {path} ({result.id})",
            remedy="Move away the one that you do not need.",
        )
    whole = _with_lines(result, lines)
    check_names(journal, whole)
    return whole


@dataclass(frozen=True, kw_only=True)
class _Line:
    cell: CellSummary
    number: int
    is_warmup: bool
    measurement: Measurement


def _lines(cell: CellResult) -> Iterable[str]:
    for is_warmup, runs in ((True, cell.warmups), (False, cell.runs)):
        for number, run in enumerate(runs):
            yield _encoded(plain(_Line(cell=cell.cell, number=number, is_warmup=is_warmup, measurement=run)))


def _encoded(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


def _read(path: Path) -> tuple[CampaignResult, list[_Line]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path} could not be read: {error.strerror or error}") from error
    first, *others = content.split(b"\n")[:-1] or [content]  # what is behind the last newline was cut off
    named = parse_json(f"{path}:1", decode(f"{path}:1", first), hook=with_network_name)
    header = named.get(KEY) if isinstance(named, dict) else None
    if not isinstance(header, dict):
        raise FileFormatError(f'{path} is no journal of memcap: its first line has no object "{KEY}"')
    check_schema(path, f"{KEY}.schema", header.get("schema"), supported=SCHEMA)
    check_schema(path, f"{KEY}.result_schema", header.get("result_schema"), supported=RESULT_SCHEMA)
    refuse_wrong(path, wrong_numbers(header, signed=SIGNED, at=(KEY,)))
    begun = parse_campaign(path, header, where=KEY)
    return begun, [_parsed(f"{path}:{number}", line) for number, line in enumerate(others, start=2)]


def _parsed(name: str, line: bytes) -> _Line:
    text = decode(name, line)
    read_object(name, text, signed=SIGNED)
    return validate(_Line, name, text)


def _with_lines(result: CampaignResult, lines: Iterable[_Line]) -> CampaignResult:
    """Return ``result`` with the runs of ``lines`` that it does not have.

    A kill between the writing of the result and that of the journal leaves runs in both; their numbers tell.
    """
    cells = {cell.cell.id: cell for cell in result.cells}
    added: dict[tuple[str, bool], dict[int, Measurement]] = defaultdict(dict)
    for line in lines:
        cell = cells.setdefault(line.cell.id, CellResult(cell=line.cell, runs=()))
        if line.number >= len(cell.warmups if line.is_warmup else cell.runs):
            added[line.cell.id, line.is_warmup][line.number] = line.measurement
    for (cell_id, is_warmup), found in added.items():
        cell, more = cells[cell_id], tuple(found[number] for number in sorted(found))
        if is_warmup:
            cells[cell_id] = replace(cell, warmups=(*cell.warmups, *more))
        else:
            cells[cell_id] = replace(cell, runs=(*cell.runs, *more))
    return replace(result, cells=tuple(cells.values()))
