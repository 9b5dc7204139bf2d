"""Every figure of every run as CSV (RFC 4180 with plain line ends): a row a run and metric, in bytes and seconds."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from memcap.model import Measurement, Metric
from memcap.report.server_view import phase_names
from memcap.report.view import CellView, View
from memcap.untrusted import printable

_COLUMNS = (
    "campaign", "started", "cell", "suite", "benchmark", "variant", "image", "cap_bytes", "verdict", "run", "ending",
    "oom_kills", "metric", "unit", "value",
)  # fmt: skip
# What makes a spreadsheet take a cell for a formula: https://owasp.org/www-community/attacks/CSV_Injection, which
# counts tabs, line ends and the wide forms as well.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def render_csv(view: View) -> str:
    """Return a table of all runs, cells in the view's order; a metric that was not measured has an empty value.

    Where the unreclaimable peak of a run is an interval, all runs of the cell have a row for each of its ends. A server
    has a row for each phase.
    """
    file = io.StringIO(newline="")
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for cell in view.cells:
        writer.writerows(_rows(view, cell))
    return file.getvalue()


def _rows(view: View, cell: CellView) -> Iterator[list[str | float | None]]:
    if cell.cell is None:
        return
    known = cell.cell
    verdict = cell.verdict.state.value if cell.verdict else ""
    names = (view.result.id, view.result.started, cell.id, known.suite, known.benchmark, known.variant, known.image)
    shared: list[str | float | None] = [*map(spreadsheet_safe, names), known.cap.limit_bytes, verdict]
    for number, run in enumerate(cell.runs, start=1):
        for name, unit, value in _figures(cell, run):
            yield [
                *shared,
                number,
                run.ending.value,
                run.oom.kills,
                spreadsheet_safe(name),
                spreadsheet_safe(unit),
                value,
            ]


def _figures(cell: CellView, run: Measurement) -> Iterator[tuple[str, str, float | None]]:
    for each in cell.metrics:
        yield each.metric.value, each.metric.unit, run.value(each.metric)
    if any(each.unreclaimable_peak_low_bytes != each.unreclaimable_peak_high_bytes for each in cell.runs):
        name, unit = Metric.UNRECLAIMABLE_PEAK.value, Metric.UNRECLAIMABLE_PEAK.unit
        yield f"{name}_low", unit, run.unreclaimable_peak_low_bytes
        yield f"{name}_high", unit, run.unreclaimable_peak_high_bytes
    phases = run.server.phases if run.server else ()
    for phase, told in zip(phases, phase_names(phases), strict=True):
        yield f"{Metric.UNRECLAIMABLE_PEAK.value}: {told}", "byte", phase.unreclaimable_peak_bytes
    units = cell.cell.extra_metrics if cell.cell else {}
    for name, value in run.extra.items():
        yield name, units.get(name, ""), value


def spreadsheet_safe(text: str) -> str:
    """Return ``text`` so that no spreadsheet takes it for a formula, and no terminal obeys it."""
    shown = f"'{text}" if text.startswith(_FORMULA) else text
    return printable(shown)
