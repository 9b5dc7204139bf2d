"""The samples of a soak as CSV (RFC 4180 with plain line ends): a row a sample, in bytes and seconds."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from typing import Final

from memcap.model import MemoryLook, PythonLook, SoakSample, WorkLook
from memcap.report.csv import spreadsheet_safe
from memcap.soaking import SoakOutcome

_Cell = str | float | None
MEMORY: Final = tuple(field.name for field in fields(MemoryLook) if field.name != "seconds")
WORK: Final = tuple(field.name for field in fields(WorkLook) if field.name not in ("seconds", "metrics"))
_PYTHON: Final = ("gc_objects", "tracemalloc_bytes", "tracemalloc_peak_bytes")
_GENERATIONS: Final = 3


def soak_csv(outcome: SoakOutcome) -> str:
    """Return a row for each sample; what was not measured is empty. Figures of Python are sums over its processes.

    The workload's own metrics are the last columns, with their names behind ``metric:``.
    """
    metrics = sorted({name for sample in outcome.samples if sample.work for name in sample.work.metrics})
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    collections = (f"gc_collections_{number}" for number in range(_GENERATIONS))
    named = (spreadsheet_safe(f"metric:{name}") for name in metrics)
    writer.writerow(["time", "seconds", *MEMORY, *(_work_title(name) for name in WORK), *_PYTHON, *collections, *named])
    writer.writerows(_row(sample, outcome.started, metrics) for sample in outcome.samples)
    return file.getvalue()


def sample_time(started: str, seconds: float) -> str:
    """Return the time ``seconds`` after an ISO 8601 time, as one."""
    return (datetime.fromisoformat(started) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")


def _work_title(name: str) -> str:
    return f"work_{name}" if name in ("done", "failed") else name


def _row(sample: SoakSample, started: str, metrics: Sequence[str]) -> list[_Cell]:
    memory, work = sample.memory, sample.work
    return [
        sample_time(started, memory.seconds),
        round(memory.seconds, 3),
        *(getattr(memory, name) for name in MEMORY),
        *(getattr(work, name) if work else None for name in WORK),
        *(_total([getattr(look, name) for look in sample.python]) for name in _PYTHON),
        *(_total([_collections(look, number) for look in sample.python]) for number in range(_GENERATIONS)),
        *(work.metrics.get(name) if work else None for name in metrics),
    ]


def _collections(look: PythonLook, generation: int) -> int | None:
    return look.gc_collections[generation] if generation < len(look.gc_collections) else None


def _total(values: Sequence[int | None]) -> int | None:
    """Return the sum of what is known; None where nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
