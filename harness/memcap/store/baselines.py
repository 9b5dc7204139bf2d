"""Baselines: one small file a suite that people review in a diff. No times, no hosts; everything sorted."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memcap.errors import FileFormatError
from memcap.model import Baseline, Baselines, Ending, Fingerprint, Metric
from memcap.stats import median
from memcap.store.files import check_schema, read_object, read_text, write_atomically
from memcap.store.validate import validate

if TYPE_CHECKING:
    from pydantic import TypeAdapter

# History of the schema of baseline files; it goes up when an older memcap would misread a newer file.
# 1 - first version
SCHEMA = 1

_EXPANDED_DEPTH = 4


@dataclass(frozen=True, kw_only=True)
class _MetricFile:
    # `int | float`, not `float`: bytes must come back as the whole numbers that they are.
    median: int | float
    values: tuple[int | float, ...]


@dataclass(frozen=True, kw_only=True)
class _CellFile:
    environment: str
    ending: Ending
    runs: int
    cap_bytes: int
    metrics: Mapping[Metric, _MetricFile]


@dataclass(frozen=True, kw_only=True)
class _SuiteFile:
    schema: int
    suite: str
    environments: Mapping[str, Fingerprint]
    cells: Mapping[str, _CellFile]


def load_baselines(directory: Path) -> Baselines:
    """Return the baselines of all ``*.json`` files in ``directory``; none if there is no such folder.

    Raises FileFormatError for a malformed file, NewerSchemaError for one of a newer memcap.
    """
    cells: dict[str, Baseline] = {}
    for path in sorted(directory.glob("[!.]*.json")):
        cells.update(_load_suite(path))
    return Baselines(cells=cells)


def save_baselines(baselines: Baselines, directory: Path) -> tuple[Path, ...]:
    """Write one file a suite into ``directory`` and return those that changed.

    Suites without a cell in ``baselines`` keep their files. The same baselines always give the same bytes.
    """
    suites = sorted({baseline.suite for baseline in baselines.cells.values()})
    written = []
    for suite in suites:
        path = directory / f"{suite}.json"
        text = _suite_text(suite, [each for each in baselines.cells.values() if each.suite == suite])
        if not path.exists() or path.read_bytes() != text.encode():
            write_atomically(path, text, overwrite=True)
            written.append(path)
    return tuple(written)


def _load_suite(path: Path) -> dict[str, Baseline]:
    text = read_text(path)
    check_schema(path, "schema", read_object(path, text).get("schema"), supported=SCHEMA)
    found = validate(_adapter(), path, text)
    if found.suite != path.stem:
        raise FileFormatError(f"{path}: suite: expected {path.stem!r} as the file is named, found {found.suite!r}")
    return {cell_id: _baseline(path, found, cell_id, cell) for cell_id, cell in found.cells.items()}


def _baseline(path: Path, found: _SuiteFile, cell_id: str, cell: _CellFile) -> Baseline:
    key = f"{path}: cells.{cell_id}"
    if not cell_id.startswith(f"{found.suite}."):
        raise FileFormatError(f"{key}: expected a cell of the suite {found.suite!r}")
    if cell.environment not in found.environments:
        raise FileFormatError(f"{key}.environment: {cell.environment!r} is not among the environments of the file")
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
        suite=found.suite,
        ending=cell.ending,
        runs=cell.runs,
        cap_bytes=cell.cap_bytes,
        fingerprint=found.environments[cell.environment],
        values={metric: figures.values for metric, figures in cell.metrics.items()},
    )


def _suite_text(suite: str, baselines: Iterable[Baseline]) -> str:
    ordered = sorted(baselines, key=lambda each: each.cell_id)
    names = _environment_names({each.fingerprint for each in ordered})
    document = {
        "schema": SCHEMA,
        "suite": suite,
        "environments": {name: asdict(fingerprint) for fingerprint, name in names.items()},
        "cells": {each.cell_id: _cell_document(each, names[each.fingerprint]) for each in ordered},
    }
    return _lay_out(document) + "\n"


def _environment_names(fingerprints: set[Fingerprint]) -> dict[Fingerprint, str]:
    """Name each environment after its image, and by a hash too where an image was accepted in several."""
    images = [fingerprint.image for fingerprint in fingerprints]
    named = {}
    for fingerprint in fingerprints:
        canonical = json.dumps(asdict(fingerprint), sort_keys=True).encode()
        several = images.count(fingerprint.image) > 1
        suffix = f"@{hashlib.sha256(canonical).hexdigest()[:8]}" if several else ""
        named[fingerprint] = fingerprint.image + suffix
    return dict(sorted(named.items(), key=lambda item: item[1]))


def _cell_document(baseline: Baseline, environment: str) -> dict[str, Any]:
    return {
        "environment": environment,
        "ending": baseline.ending.value,
        "runs": baseline.runs,
        "cap_bytes": baseline.cap_bytes,
        "metrics": {
            metric.value: {"median": median(values), "values": sorted(values)}
            for metric in Metric
            if (values := baseline.values.get(metric))
        },
    }


def _lay_out(value: Any, depth: int = 0) -> str:
    """Return JSON for diffs: a line for each key of the outer objects, one line for each metric."""
    if not isinstance(value, dict) or not value or depth >= _EXPANDED_DEPTH:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    inner = "  " * (depth + 1)
    lines = [
        f"{inner}{json.dumps(key, ensure_ascii=False)}: {_lay_out(each, depth + 1)}" for key, each in value.items()
    ]
    return "{\n" + ",\n".join(lines) + "\n" + "  " * depth + "}"


@functools.cache
def _adapter() -> TypeAdapter[_SuiteFile]:
    from pydantic import TypeAdapter  # noqa: PLC0415 - heavy

    return TypeAdapter(_SuiteFile)
