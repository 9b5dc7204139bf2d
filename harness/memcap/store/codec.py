"""Result files: one a campaign, lossless for memcap and readable by pyperf at the same time."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memcap.errors import FileFormatError
from memcap.model import CampaignResult, CellResult
from memcap.store.files import check_schema, describe, read_object, read_text, write_atomically
from memcap.store.pyperf_codec import pyperf_document
from memcap.store.validate import validate

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# History of the schema of "memcap" in a result file. It goes up when an older memcap would misread a newer file:
# a key that changes its meaning, a new value of an enumeration. A key that may be ignored needs no new schema.
# 1 - first version
# 2 - further caveats (kernel_unexplained, huge_pages, mapped_elsewhere, not_waited_for); an interval of the
#     unreclaimable peak; moments say whether the main process ran
# 3 - `quiet.pin_cpus` (was `quiet.cpus`); the ending limit_exceeded
SCHEMA = 3
PROFILE_KEY = "memcap_profile"  # under which a file of store/profiles.py has all of it


def save_result(result: CampaignResult, path: Path, *, overwrite: bool) -> None:
    """Write ``result`` to ``path`` atomically: all of it under "memcap", what pyperf can hold as its benchmarks.

    Raises FileExistsAlready unless ``overwrite``.
    """
    document = pyperf_document(result)
    document["memcap"] = {"schema": SCHEMA, **plain(result)}
    write_atomically(path, json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n", overwrite=overwrite)


def load_result(path: Path) -> CampaignResult:
    """Return the campaign stored in ``path``; only its "memcap" part is read, pyperf's part follows from it.

    Raises FileFormatError for a file that is not one of ours, NewerSchemaError for one of a newer memcap.
    """
    document = read_object(path, read_text(path), hook=_shrink)
    ours = document.get("memcap")
    if ours is None and PROFILE_KEY in document:
        raise FileFormatError(
            f"{path} is an allocation profile: its figures are of a run with an instrument in the container, and are "
            "neither judged nor accepted as baselines",
            remedy="Measure without one: memcap run, or memcap measure.",
        )
    if ours is None:
        kind = "a pyperf file without memcap's part" if "benchmarks" in document else "no result of memcap"
        raise FileFormatError(
            f'{path} is {kind}: it has no "memcap" key',
            remedy="pyperf drops that part when it rewrites a file; use the file that memcap wrote.",
        )
    if not isinstance(ours, dict):
        raise FileFormatError(f"{path}: memcap: expected an object, found {describe(ours)}")
    check_schema(path, "memcap.schema", ours.get("schema"), supported=SCHEMA)
    cells = ours.get("cells")
    if not isinstance(cells, list):
        return validate(_adapter(), path, json.dumps(ours), where="memcap")  # says what is wrong
    for index, cell in enumerate(cells):
        if not isinstance(cell, CellResult):
            validate(_cell_adapter(), path, json.dumps(cell), where=f"memcap.cells[{index}]")
    result = validate(_adapter(), path, json.dumps({**ours, "cells": []}), where="memcap")
    result = replace(result, cells=tuple(cells))
    _check_cells(path, result)
    return result


def _shrink(read: dict[str, Any]) -> Any:
    """Make a cell of a JSON object that is one, and nothing of what is pyperf's, as soon as it is read.

    Old names of keys become the new ones.

    All of a large campaign as JSON's objects would take five times the memory of the campaign itself.
    """
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    if "metadata" in read and "benchmarks" not in read:
        return None
    if read.keys() >= {"cpus", "thp", "aslr"}:  # `quiet` of schema 2 and earlier
        return {"pin_cpus": read.pop("cpus"), **read}
    if "cell" not in read or "runs" not in read:
        return read
    try:
        return _cell_adapter().validate_json(json.dumps(read), strict=True)
    except ValidationError:
        return read


def plain(value: Any) -> Any:
    """Return ``value`` in JSON's types. Not pydantic's serializer: it knows no Mapping but dict, and drops infinity."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if is_dataclass(value):
        found = ((each, getattr(value, each.name)) for each in fields(value))
        # What is absent stays absent: most of a large file would be nulls.
        return {each.name: plain(own) for each, own in found if own is not None or each.default is not None}
    return value


def _check_cells(path: Path, result: CampaignResult) -> None:
    seen: set[str] = set()
    for index, cell in enumerate(result.cells):
        if cell.cell.id in seen:
            raise FileFormatError(f"{path}: memcap.cells[{index}]: the cell {cell.cell.id!r} is there twice")
        seen.add(cell.cell.id)


@functools.cache
def _cell_adapter() -> TypeAdapter[CellResult]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - heavy

    return TypeAdapter(CellResult)


@functools.cache
def _adapter() -> TypeAdapter[CampaignResult]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - heavy

    return TypeAdapter(CampaignResult)
