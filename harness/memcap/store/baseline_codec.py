"""One baseline file: the accepted cells of a suite as JSON that people review and git merges.

A cell is one block that holds all there is to say of it, so that a change, and a conflict, stays within it: no line is
shared between cells, and what changes with every acceptance stands together at the top of the block. Blocks are in
order of the cells' ids. Nothing is said of the time or the host of a measurement, only about how long a run takes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from memcap.errors import FileFormatError
from memcap.model import Accepted, AcceptedGrowth, Baseline, Ending, Ends, Fingerprint, Metric
from memcap.model.names import is_stored_name, parse_cell_id
from memcap.stats import median
from memcap.store.files import check_schema
from memcap.store.validate import validate
from memcap.strict import describe, quote, read_object

# History of the schema of baseline files; it goes up when an older memcap would misread a newer file.
# 1 - first version: the environments apart from the cells, which name them
# 2 - each cell holds its environment, why it was accepted, by whom, and from which result
SCHEMA = 2

_EXPANDED_DEPTH = 4
_SIGNED = ("growth",)  # memory may shrink
# What changes most often stands first, next to the figures, which change then too: one hunk in a diff.
_VOLATILE = ("image_digest", "image_origin", "python_build")


@dataclass(frozen=True, kw_only=True)
class _MetricFile:
    # `int | float`, not `float`: bytes must come back as the whole numbers that they are.
    median: int | float
    values: tuple[int | float, ...]
    # Only where a value is in doubt; high is null where nothing bounds it.
    low: int | float | None = None
    high: int | float | None = None


@dataclass(frozen=True, kw_only=True)
class _CellFile:
    runs: int
    metrics: Mapping[Metric, _MetricFile]
    environment: Fingerprint
    ending: Ending
    cap_bytes: int
    growth: AcceptedGrowth | None = None
    seconds: float | None = None
    reason: str | None = None
    by: str | None = None
    source: str | None = None


@dataclass(frozen=True, kw_only=True)
class _SuiteFile:
    schema: int
    suite: str
    cells: Mapping[str, _CellFile]


def parse_suite(name: str, text: str) -> tuple[str, dict[str, Baseline]]:
    """Return the suite, and its cells by id, that the baseline file ``name`` with the content ``text`` holds.

    Raises FileFormatError naming ``name`` and the key, NewerSchemaError for a file of a newer memcap.
    """
    document = read_baseline_object(name, text)
    check_schema(name, "schema", document.get("schema"), supported=SCHEMA)
    if document["schema"] == 1:
        text = json.dumps(_from_schema_1(name, document))
    found = validate(_SuiteFile, name, text)
    if not is_stored_name(found.suite):
        raise FileFormatError(f"{name}: suite: expected a name of a-z, 0-9 and _, found {describe(found.suite)}")
    return found.suite, {cell_id: _baseline(name, found.suite, cell_id, cell) for cell_id, cell in found.cells.items()}


def read_baseline_object(name: str, text: str) -> dict[str, Any]:
    """Return the JSON object of the baseline file ``name``. Raises FileFormatError, also where git left a conflict."""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("<<<<<<< "):
            raise FileFormatError(
                f"{name}:{number}: git left a merge conflict here",
                remedy="Keep one side of each conflict, then measure those cells again and accept them.",
            )
    return read_object(name, text, signed=_SIGNED)


def suite_text(suite: str, baselines: Iterable[Baseline]) -> str:
    """Return the file of ``suite``; the same baselines always give the same text."""
    ordered = sorted(baselines, key=lambda each: each.cell_id)
    document = {"schema": SCHEMA, "suite": suite, "cells": {each.cell_id: _cell_document(each) for each in ordered}}
    return _lay_out(document) + "\n"


def _from_schema_1(name: str, document: dict[str, Any]) -> dict[str, Any]:
    """Put into each cell the environment that it names; what is malformed otherwise is left for the validation."""
    environments, cells = document.get("environments"), document.get("cells")
    if not isinstance(environments, dict):
        raise FileFormatError(f"{name}: environments: expected an object, found {describe(environments)}")
    if not isinstance(cells, dict):
        return document
    whole = {}
    for cell_id, cell in cells.items():
        if isinstance(cell, dict) and "environment" in cell:
            named = cell["environment"]
            if not isinstance(named, str) or named not in environments:
                raise FileFormatError(
                    f"{name}: cells.{cell_id}.environment: {named!r} is not among the environments of the file"
                )
            whole[cell_id] = {**cell, "environment": environments[named]}
        else:
            whole[cell_id] = cell
    return {**document, "cells": whole}


def _baseline(name: str, suite: str, cell_id: str, cell: _CellFile) -> Baseline:
    key = f"{name}: cells.{quote(cell_id)}"
    parts = parse_cell_id(cell_id)
    if parts is None or parts.suite != suite:
        raise FileFormatError(f"{key}: expected the id of a cell of the suite {suite!r}: {suite}.benchmark-image-cap")
    if cell.environment.image != parts.image:
        raise FileFormatError(
            f"{key}.environment.image: expected {parts.image!r} as in the id, found {describe(cell.environment.image)}"
        )
    for metric, figures in cell.metrics.items():
        if not figures.values or list(figures.values) != sorted(figures.values):
            raise FileFormatError(f"{key}.metrics.{metric.value}.values: expected one value or more, sorted")
        if figures.median != median(figures.values):
            raise FileFormatError(
                f"{key}.metrics.{metric.value}.median: expected {median(figures.values)}, the median of the values,"
                f" found {figures.median}",
                remedy="Baselines are made by `memcap baseline accept`, not by hand.",
            )
    return Baseline(
        cell_id=cell_id,
        suite=suite,
        ending=cell.ending,
        runs=cell.runs,
        cap_bytes=cell.cap_bytes,
        fingerprint=cell.environment,
        values={metric: figures.values for metric, figures in cell.metrics.items()},
        intervals={
            metric: Ends(low=figures.low, high=figures.high)
            for metric, figures in cell.metrics.items()
            if figures.low is not None
        },
        growth=cell.growth,
        accepted=Accepted(reason=cell.reason, by=cell.by, source=cell.source),
        seconds=cell.seconds,
    )


def _cell_document(baseline: Baseline) -> dict[str, Any]:
    said = {key: value for key, value in asdict(baseline.accepted).items() if value is not None}
    environment = asdict(baseline.fingerprint)
    return {
        **said,
        "runs": baseline.runs,
        "metrics": {
            metric.value: {"median": median(values), "values": sorted(values), **_ends(baseline, metric)}
            for metric in Metric
            if (values := baseline.values.get(metric))
        },
        **({} if baseline.growth is None else {"growth": asdict(baseline.growth)}),
        "environment": {key: environment[key] for key in dict.fromkeys((*_VOLATILE, *environment))},
        "ending": baseline.ending.value,
        "cap_bytes": baseline.cap_bytes,
        **({} if baseline.seconds is None else {"seconds": baseline.seconds}),
    }


def _ends(baseline: Baseline, metric: Metric) -> dict[str, float | None]:
    ends = baseline.intervals.get(metric)
    return {} if ends is None else {"low": ends.low, "high": ends.high}


def _lay_out(value: Any, depth: int = 0) -> str:
    """Return JSON for diffs: a line for each key of the outer objects, one line for each metric."""
    if not isinstance(value, dict) or not value or depth >= _EXPANDED_DEPTH:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = "  " * (depth + 1)
    lines = [
        f"{inner}{json.dumps(key, ensure_ascii=False)}: {_lay_out(each, depth + 1)}" for key, each in value.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"
