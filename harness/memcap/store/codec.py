"""Result files: one a campaign, lossless for memcap and readable by pyperf at the same time."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from memcap.errors import FileFormatError
from memcap.model import MOST_SHARDS, NO_NETWORK, CampaignResult, CellResult, CellSummary, Metric, Secret, ShardFacts
from memcap.model.names import is_campaign_id, is_stored_name, is_stored_variant, parse_cell_id
from memcap.store.files import check_schema, write_atomically
from memcap.store.pyperf_codec import pyperf_document
from memcap.store.result_stream import CELLS_HERE, stream_result
from memcap.store.validate import adapter, validate
from memcap.strict import (
    MOST_FIGURE,
    MOST_RESULT_BYTES,
    KeyPath,
    describe,
    key_text,
    parse_json,
    quote,
    read_text,
    refuse,
    refuse_wrong,
    wrong_numbers,
)

# History of the schema of "memcap" in a result file. It goes up when an older memcap would misread a newer file:
# a key that changes its meaning, a new value of an enumeration. A key that may be ignored needs no new schema.
# 1 - first version
# 2 - further caveats (kernel_unexplained, huge_pages, mapped_elsewhere, not_waited_for); an interval of the
#     unreclaimable peak; moments say whether the main process ran
# 3 - `quiet.pin_cpus` (was `quiet.cpus`); the endings limit_exceeded and incomplete; `policy.network` is a name (was a
#     boolean), variables may be hashes; a policy of cells that have one of their own
# 4 - what a run of a server yielded (`server`); budgets of phases, and the phase in which a cell should end; the
#     endings not_ready and service_failed; the caveats load_missed_rate, load_client_slow and load_errors
# 5 - a result may be a shard, with a part of the plan (`shard`), or merged of shards (`merged_from`); the host
SCHEMA = 5
# Below these keys a number may be negative: exit codes, what a workload measured itself and its limits, flags and
# counters of interpreters, and ulimits, of which -1 is none.
SIGNED = frozenset({"exit_code", "signal", "extra", "thresholds", "alerts", "flags", "gc", "ulimits"})
PYPERF_LISTS = ("values", "warmups", "runs")  # a run or a benchmark of pyperf has one of them beside its metadata
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
    document, streamed = _read(path)
    if not isinstance(document, dict):
        raise FileFormatError(f"{path}: expected a JSON object, found {describe(document)}")
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
    refuse_wrong(path, wrong_numbers(ours, signed=SIGNED, at=("memcap",)))
    if streamed:
        return _checked(path, ours, streamed)
    cells = ours.get("cells")
    if not isinstance(cells, list):
        return validate(CampaignResult, path, _text(ours), where=("memcap",))  # says what is wrong
    for index, cell in enumerate(cells):
        if not isinstance(cell, CellResult):
            validate(CellResult, path, _text(cell), where=("memcap", "cells", index))
    return _checked(path, ours, tuple(cells))


def _read(path: Path) -> tuple[Any, tuple[CellResult, ...]]:
    """Return the JSON in ``path``, and its cells apart from it if they were read one by one."""
    streamed = stream_result(path, signed=SIGNED)
    if streamed:
        try:
            document = parse_json(path, streamed.skeleton, hook=_shrink)
        except FileFormatError:  # it names a place of the skeleton
            document = None
        ours = document.get("memcap") if isinstance(document, dict) else None
        if isinstance(ours, dict) and ours.get("cells") == [CELLS_HERE]:
            return document, streamed.cells
    return parse_json(path, read_text(path, most_bytes=MOST_RESULT_BYTES), hook=_shrink), ()


def _checked(path: Path, ours: Mapping[str, Any], cells: tuple[CellResult, ...]) -> CampaignResult:
    result = replace(parse_campaign(path, {**ours, "cells": []}, where="memcap"), cells=cells)
    check_names(path, result)
    return result


def parse_campaign(path: Path, found: Mapping[str, Any], *, where: str) -> CampaignResult:
    """Return the campaign that ``found`` holds, the object under ``where`` in ``path``; its numbers were checked.

    Raises FileFormatError naming each key that is malformed.
    """
    return validate(CampaignResult, path, _text(found), where=(where,))


def _shrink(read: dict[str, Any]) -> Any:
    """Make a cell of a JSON object that is one, and nothing of what is pyperf's, as soon as it is read.

    Old names of keys become the new ones.

    All of a large campaign as JSON's objects would take five times the memory of the campaign itself. What is wrong
    with a cell is left for `load_result` to say, which knows where it is.
    """
    if "metadata" in read and any(isinstance(read.get(name), list) for name in PYPERF_LISTS):
        return None  # an image or a metric may have these names, too, but no list under them
    if read.keys() >= {"cpus", "thp", "aslr"}:  # `quiet` of schema 2 and earlier
        return {"pin_cpus": read.pop("cpus"), **read}
    if "extra" in read:
        _drop_odd_metrics(read)
    return _as_cell(read) if "cell" in read and "runs" in read else with_network_name(read)


def with_network_name(read: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON object; a policy of earlier versions, which said whether there was a network, with its name."""
    if isinstance(read.get("network"), bool) and "pids" in read:
        return {**read, "network": "bridge" if read["network"] else NO_NETWORK}
    return read


def _as_cell(read: dict[str, Any]) -> Any:
    """Return the cell that ``read`` is; ``read`` itself if it is none."""
    from pydantic import ValidationError  # noqa: PLC0415 - heavy

    if wrong_numbers(read, signed=SIGNED):
        return read
    try:
        return adapter(CellResult).validate_json(_text(read), strict=True)
    except ValidationError:
        return read


def _drop_odd_metrics(run: dict[str, Any]) -> None:
    """Take from a run the metrics of its workload that are not finite, or absurd; older versions stored them."""
    extra = run["extra"]
    if isinstance(extra, dict):
        for name in [name for name, value in extra.items() if _is_odd(value)]:
            del extra[name]


def _is_odd(value: object) -> bool:
    return isinstance(value, int | float) and not abs(value) <= MOST_FIGURE  # also true for NaN


def _text(read: Any) -> str:
    """Return JSON for pydantic. A cell where none belongs was made one already; it is nothing there."""
    return json.dumps(read, default=lambda _: None)


def plain(value: Any) -> Any:
    """Return ``value`` in JSON's types. Not pydantic's serializer: it knows no Mapping but dict, and drops infinity."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Secret):
        return value.digest
    if isinstance(value, Mapping):
        return {plain(key): plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    if is_dataclass(value):
        found = ((each, getattr(value, each.name)) for each in fields(value))
        # What is absent stays absent: most of a large file would be nulls.
        return {each.name: plain(own) for each, own in found if own is not None or each.default is not None}
    return value


def check_names(path: Path, result: CampaignResult) -> None:
    """Raise unless ids and names are what they are made of: paths are built from them."""
    complaints = []
    if not is_campaign_id(result.id):
        complaints.append(f"memcap.id: expected the id of a campaign, found {describe(result.id)}")
    complaints += _plan_complaints(("memcap", "plan_cells"), result.plan_cells)
    if result.shard is not None:
        complaints += _shard_complaints(result.shard)
    seen: set[str] = set()
    for index, cell in enumerate(result.cells):
        place: KeyPath = ("memcap", "cells", index)
        complaints += _name_complaints(cell.cell, place)
        if cell.cell.id in seen:
            complaints.append(f"{key_text(place)}: the cell {cell.cell.id!r} is there twice")
        seen.add(cell.cell.id)
    if complaints:
        refuse(path, complaints)


def _plan_complaints(place: KeyPath, plan_cells: Sequence[str]) -> list[str]:
    return [
        f"{key_text((*place, index))}: expected the id of a cell, found {describe(cell_id)}"
        for index, cell_id in enumerate(plan_cells)
        if parse_cell_id(cell_id) is None
    ]


def _shard_complaints(facts: ShardFacts) -> list[str]:
    shard = facts.shard
    complaints = _plan_complaints(("memcap", "shard", "plan_cells"), facts.plan_cells)
    if not 1 <= shard.number <= shard.count <= MOST_SHARDS:
        complaints.append(f"memcap.shard.shard: expected a number from 1 to `count`, found {shard}")
    return complaints


def _name_complaints(cell: CellSummary, place: KeyPath) -> list[str]:
    names = {"suite": cell.suite, "benchmark": cell.benchmark, "image": cell.image, "cap.name": cell.cap.name}
    key = f"{key_text(place)}.cell"
    complaints = [
        f"{key}.{part}: expected a name of a-z, 0-9 and _, found {describe(name)}"
        for part, name in names.items()
        if not is_stored_name(name)
    ]
    if not is_stored_variant(cell.variant):
        complaints.append(f"{key}.variant: expected a name of a-z, 0-9 and _, found {describe(cell.variant)}")
    variant = f".{cell.variant}" if cell.variant else ""
    expected = f"{cell.suite}.{cell.benchmark}{variant}-{cell.image}-{cell.cap.name}"
    measured = {*cell.extra_metrics, *(metric.value for metric in Metric)}
    for part, limits in (("thresholds", cell.thresholds), ("alerts", cell.alerts)):
        complaints += [
            f"{key}.{part}.{quote(name)}: the cell has no metric of that name"
            for name in limits
            if name not in measured
        ]
    if not complaints and cell.id != expected:
        complaints.append(f"{key}.id: expected {describe(expected)}, found {describe(cell.id)}")
    return complaints
