"""The part of a result file that pyperf reads: a benchmark per cell and metric, a pyperf run per container.

pyperf's own classes build it, because they refuse what its loader would refuse (values of 0, text with newlines);
one benchmark at a time, because adding to a ``BenchmarkSuite`` takes longer the more it holds.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any

from memcap.model import CampaignResult, CellResult, Measurement, Metric
from memcap.untrusted import escaped

# pyperf's file format 1.0 is that of pyperf 1.0 to 2.x; its history stands beside _JSON_VERSION in pyperf/_bench.py.
PYPERF_VERSION = "1.0"

_Metadata = dict[str, str | int | float]


def pyperf_document(result: CampaignResult) -> dict[str, Any]:
    """Return ``result`` as a pyperf suite, ready for JSON.

    Runs without a value, or with one that pyperf cannot hold (it must be above 0), are only counted, in the metadata
    ``memcap_runs_without_value``. A result without any value gives no benchmarks; pyperf refuses to load such a file.
    """
    return {"version": PYPERF_VERSION, "benchmarks": list(_benchmarks(result))}


def _benchmarks(result: CampaignResult) -> Iterator[dict[str, Any]]:
    for cell in result.cells:
        for metric in Metric:
            found = [(run, value) for run in cell.runs if (value := _value(cell, run, metric)) is not None]
            if found:
                metadata = _metadata(result, cell, metric)
                metadata["memcap_runs_without_value"] = len(cell.runs) - len(found)
                yield _benchmark(found, metadata)


def _value(cell: CellResult, run: Measurement, metric: Metric) -> float | None:
    """Return the value of ``run`` if it counts (it ended as expected) and pyperf can hold it."""
    value = run.value(metric)
    if value is None or run.ending is not cell.cell.expected_ending or not math.isfinite(value) or value <= 0:
        return None
    return value


def _benchmark(found: list[tuple[Measurement, float]], metadata: Mapping[str, str | int | float]) -> dict[str, Any]:
    from pyperf import Benchmark, Run  # noqa: PLC0415 - heavy

    runs = []
    for run, value in found:
        # Without a duration pyperf would add up bytes and call the sum seconds.
        duration = run.wall_seconds if run.wall_seconds is not None and math.isfinite(run.wall_seconds) else 0.0
        of_run = {**metadata, "duration": max(duration, 0.0)}
        runs.append(Run([value], metadata=of_run, collect_metadata=False))
    text = io.StringIO()
    Benchmark(runs).dump(text)
    suite = json.loads(text.getvalue())
    (benchmark,) = suite["benchmarks"]
    return {"metadata": {**suite["metadata"], **benchmark.get("metadata", {})}, "runs": benchmark["runs"]}


def _metadata(result: CampaignResult, cell: CellResult, metric: Metric) -> _Metadata:
    """Return what pyperf shows of a benchmark; its own names (hostname, unit, …) where it has one."""
    environment, image = result.environment, result.images.get(cell.cell.image)
    python = image.python if image else None
    metadata: dict[str, str | int | float | None] = {
        "name": f"{cell.cell.id}/{metric.value}",
        "unit": metric.unit,
        "hostname": result.policy.hostname,
        "platform": f"{environment.operating_system} {environment.kernel} {environment.architecture}",
        "cpu_count": environment.cpus,
        "python_implementation": python.implementation if python else None,
        "python_version": python.version if python else None,
        "memcap_version": environment.memcap_version,
        "memcap_campaign": result.id,
        "memcap_cell": cell.cell.id,
        "memcap_metric": metric.value,
        "memcap_cap_bytes": cell.cell.cap.limit_bytes,
        "memcap_cgroup_version": environment.cgroup_version,
        "memcap_image": image.reference if image else None,
        "memcap_image_digest": (image.digest or image.id) if image else None,
    }
    # pyperf allows no newlines, and no spaces at the ends.
    clean = {name: escaped(value).strip() if isinstance(value, str) else value for name, value in metadata.items()}
    return {name: value for name, value in clean.items() if value is not None and value != ""}
