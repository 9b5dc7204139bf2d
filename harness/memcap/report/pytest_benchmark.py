"""pytest-benchmark's JSON, for its own `pytest-benchmark compare` and for pytest-benchmem's.

Times are where pytest-benchmark looks for them, memory is in `extra_info`. Source: pytest-benchmark's `stats.py`.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from memcap.json_text import json_text
from memcap.model import Measurement, Metric
from memcap.report.view import CellView, View
from memcap.untrusted import printable


def render_pytest_benchmark(view: View) -> str:
    """Return an entry for each cell with at least one run that ended as expected and has a time.

    The format has no place for a run that was killed: such runs are counted in `extra_info.endings`.
    """
    where = view.result.environment
    document = {
        "machine_info": {
            "node": "",
            "processor": where.architecture,
            "machine": where.architecture,
            "python_implementation": "",
            "python_version": "",
            "release": printable(where.kernel),
            "system": "Linux",
            "cpu": {"count": where.cpus},
        },
        "commit_info": {},
        "benchmarks": [_benchmark(cell) for cell in view.cells if cell.metric(Metric.WALL).values],
        "datetime": view.result.started,
        "version": f"memcap {where.memcap_version}",
    }
    return json_text(document)


def _benchmark(cell: CellView) -> dict[str, Any]:
    assert cell.cell is not None  # it has values
    known = cell.cell
    return {
        "group": printable(f"{known.suite}.{known.benchmark}"),
        "name": printable(cell.id),
        "fullname": printable(cell.id),
        "params": {"image": printable(known.image), "cap": printable(known.cap.name)},
        "param": None,
        "extra_info": {
            "benchmem": _memory(cell),
            "cap_bytes": known.cap.limit_bytes,
            "endings": {ending.value: count for ending, count in cell.endings},
            "verdict": cell.verdict.state.value if cell.verdict else None,
        },
        "options": {"warmup": True, "timer": "wall clock of the run"},
        "stats": _stats(cell.metric(Metric.WALL).values),
    }


def _memory(cell: CellView) -> dict[str, list[int]]:
    """Return what pytest-benchmem reads, a number a run: the peak of the container, and the resident sets.

    It requires the number of allocations and their sum, which a container does not tell: they are 0.
    """
    assert cell.cell is not None
    runs = [run for run in cell.runs if run.ending is cell.cell.expected_ending and run.peak_bytes is not None]
    memory = {"peak_bytes": _bytes(runs, Metric.PEAK), "allocations": [0] * len(runs), "total_bytes": [0] * len(runs)}
    optional = {"rss_bytes": Metric.RSS_PEAK, "unreclaimable_peak_bytes": Metric.UNRECLAIMABLE_PEAK}
    series = {name: _bytes(runs, metric) for name, metric in optional.items()}
    return memory | {name: values for name, values in series.items() if len(values) == len(runs)}


def _bytes(runs: Sequence[Measurement], metric: Metric) -> list[int]:
    return [int(value) for run in runs if (value := run.value(metric)) is not None]


def _stats(seconds: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(seconds)
    mean, deviation = statistics.fmean(ordered), statistics.stdev(ordered) if len(ordered) > 1 else 0.0
    quartiles = statistics.quantiles(ordered, n=4, method="inclusive") if len(ordered) > 1 else [ordered[0]] * 3
    low, _, high = quartiles
    spread = high - low
    within = [value for value in ordered if low - 1.5 * spread <= value <= high + 1.5 * spread]
    far = sum(abs(value - mean) > deviation for value in ordered)
    return {
        "min": ordered[0],
        "max": ordered[-1],
        "mean": mean,
        "stddev": deviation,
        "rounds": len(ordered),
        "median": statistics.median(ordered),
        "iqr": spread,
        "q1": low,
        "q3": high,
        "iqr_outliers": len(ordered) - len(within),
        "stddev_outliers": far,
        "outliers": f"{far};{len(ordered) - len(within)}",
        "ld15iqr": within[0],
        "hd15iqr": within[-1],
        "ops": 1 / mean if mean else 0,
        "total": sum(ordered),
        "data": list(seconds),
        "iterations": 1,
    }
