"""A history of results for Apache Otava, which finds change points: a CSV file a cell, and the configuration for it.

Source: https://otava.apache.org/docs/csv. Otava reads no row with an empty value in a column that it looks at, so its
configuration names only columns without gaps.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from memcap.model import CampaignResult, CellResult, Metric
from memcap.report.csv import spreadsheet_safe
from memcap.stats import median
from memcap.untrusted import printable

CONFIG_FILE: Final = "otava.yaml"
_ATTRIBUTES: Final = ("campaign", "memcap", "image_digest", "python", "kernel")
_LOWER_IS_BETTER: Final = -1


@dataclass(frozen=True, kw_only=True)
class FigureHistory:
    """The figures of one cell over time; ``columns`` has a value, or None, for each of ``times``.

    ``attributes`` are what Otava shows beside a change. ``declared`` are the columns that memcap measures, for which
    less is better; of the workload's own that is not known. ``left_out`` are results with the cell, but without figures
    that can be compared.
    """

    cell_id: str
    times: tuple[str, ...]
    attributes: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, tuple[float | None, ...]]
    declared: frozenset[str]
    left_out: tuple[str, ...]

    @property
    def file(self) -> str:
        """Return the name of its CSV file; ids of cells are safe, as the reader of results checks them."""
        return f"{self.cell_id}.csv"

    @property
    def whole(self) -> tuple[str, ...]:
        """Return the columns that have a value at each time."""
        return tuple(name for name, values in self.columns.items() if None not in values)

    @property
    def gaps(self) -> tuple[str, ...]:
        """Return the columns that lack a value, which Otava could not read."""
        return tuple(name for name in self.columns if name not in self.whole)


def histories(results: Iterable[CampaignResult]) -> tuple[FigureHistory, ...]:
    """Return the history of each cell that has figures in any of ``results``, in the order of time.

    A result that is there twice counts once. Figures count of runs that ended as expected, and only if they are of the
    same kind as the newest: containers are not compared with plain processes, nor metrics with an older meaning.
    """
    ordered = sorted({each.id: each for each in results}.values(), key=lambda each: (each.started, each.id))
    found: dict[str, list[tuple[CampaignResult, CellResult]]] = {}
    for result in ordered:
        for cell in result.cells:
            found.setdefault(cell.cell.id, []).append((result, cell))
    built = (_history(cell_id, rows) for cell_id, rows in sorted(found.items()))
    return tuple(each for each in built if each.times)


def history_csv(history: FigureHistory) -> str:
    """Return a row for each result: its time, what Otava shows, and the medians; unknown is empty."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["time", *_ATTRIBUTES, *map(spreadsheet_safe, history.columns)])
    for number, time in enumerate(history.times):
        shown = (spreadsheet_safe(history.attributes[name][number]) for name in _ATTRIBUTES)
        writer.writerow([spreadsheet_safe(time), *shown, *(values[number] for values in history.columns.values())])
    return file.getvalue()


def otava_config(found: Sequence[FigureHistory], folder: str) -> str:
    """Return Otava's configuration: a test a cell, whose file is in ``folder`` as seen from where Otava is started."""
    lines = ["# For: otava analyze --config-file THIS_FILE CELL. Written by memcap report --format otava.", "tests:"]
    for each in found:
        lines += _test(each, folder)
    return "".join(f"{line}\n" for line in lines)


def _test(history: FigureHistory, folder: str) -> Iterator[str]:
    yield f"  {_quoted(history.cell_id)}:"
    yield "    type: csv"
    yield f"    file: {_quoted(f'{folder}/{history.file}')}"
    yield "    time_column: time"
    yield f"    attributes: [{', '.join(_ATTRIBUTES)}]"
    yield "    metrics:"
    for name in history.whole:
        yield f"      {_quoted(printable(name))}:"
        yield f"        column: {_quoted(spreadsheet_safe(name))}"
        if name in history.declared:
            yield f"        direction: {_LOWER_IS_BETTER}"


def _quoted(text: str) -> str:
    """Return ``text`` as YAML's double-quoted scalar, which has JSON's escapes."""
    return json.dumps(text)


def _history(cell_id: str, rows: Sequence[tuple[CampaignResult, CellResult]]) -> FigureHistory:
    measured = [(result, cell) for result, cell in rows if any(map(cell.values, Metric))]
    kind = _kind(*measured[-1]) if measured else None
    kept = [(result, cell) for result, cell in measured if _kind(result, cell) == kind]
    ids = {result.id for result, _ in kept}
    own = {_column(each): tuple(_median(cell.values(each)) for _, cell in kept) for each in Metric}
    names = dict.fromkeys(name for _, cell in kept for run in cell.runs for name in run.extra)
    extra = {f"metric:{name}": tuple(_median(cell.extra_values(name)) for _, cell in kept) for name in names}
    attributes = [_attributes(result, cell) for result, cell in kept]
    columns = {name: values for name, values in {**own, **extra}.items() if any(each is not None for each in values)}
    return FigureHistory(
        cell_id=cell_id,
        times=tuple(result.started for result, _ in kept),
        attributes={name: tuple(each[name] for each in attributes) for name in _ATTRIBUTES},
        columns=columns,
        declared=frozenset(own),
        left_out=tuple(result.id for result, _ in rows if result.id not in ids),
    )


def _kind(result: CampaignResult, cell: CellResult) -> tuple[int, str]:
    return result.metrics_version, result.fingerprint(cell.cell.image).isolation


def _column(metric: Metric) -> str:
    return f"{metric.value}_{metric.unit}s"


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _attributes(result: CampaignResult, cell: CellResult) -> dict[str, str]:
    alike = result.fingerprint(cell.cell.image)
    return {
        "campaign": result.id,
        "memcap": result.environment.memcap_version,
        "image_digest": alike.image_digest or "",
        "python": alike.python_version or "",
        "kernel": result.environment.kernel,
    }
