"""The charts of a campaign: what is in them, and the same in words. ``svg`` draws them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from memcap.model import Measurement, Metric, Moment, PhaseName, ServerRun, VerdictState, limit_of, running
from memcap.report.answer import FINE
from memcap.report.document import Chart
from memcap.report.drawing import Band, IntervalMark, Intervals, Stack, Strips
from memcap.report.server_view import phase_names
from memcap.report.svg import standalone
from memcap.report.text import missing, shortened
from memcap.report.view import CellView, MetricView, View
from memcap.units import counted, format_bytes

MOST_MOMENTS: Final = 48
MOST_ROWS: Final = 24
MOST_CELLS: Final = 20

_KIB, _MIB = 1024, 1024 * 1024
_PARTS: Final = ("anon", "shmem", "kernel", "file")
_FEW_ROWS = 8
_REACHED = 0.97  # of the cap
_CAP_IN_SIGHT = 4  # a cap that is further away than this many times the peak would flatten the curve
_SHIFTED = ("regressed", "undecided", "improved", "unchanged")
_PIXELS = 2.0
_LABEL = 44


def distribution(view: MetricView) -> Chart | None:
    """Return the values of one metric, base above measured, with the band that is tolerated around the base's median.

    None where it was not judged, or there are no values.
    """
    found = view.verdict
    if found is None or not (found.base_values or view.values):
        return None
    base = found.base_values
    scale, unit = _scale(view.metric, max(*base, *view.values, 0))
    band = None
    if base and found.base is not None and found.margin is not None:
        band = ((found.base - found.margin) / scale, (found.base + found.margin) / scale)
    return _strips(
        view.metric.value, unit, [each / scale for each in base], [each / scale for each in view.values], band
    )


def distribution_of_extra(name: str, unit: str, values: Sequence[float]) -> Chart | None:
    """Return the values of a metric that the workload itself returned. None where they are all the same."""
    return _strips(name, unit, (), values) if len(set(values)) > 1 else None


def _strips(
    name: str, unit: str, base: Sequence[float], new: Sequence[float], band: tuple[float, float] | None = None
) -> Chart:
    sides = tuple((side, tuple(values)) for side, values in (("baseline", base), ("measured", new)) if values)
    told = "; ".join(
        f"{side}, {counted(len(values), 'value')} from {min(values):.6g} to {max(values):.6g}" for side, values in sides
    )
    return Chart(
        drawing=Strips(heading=f"{name} ({unit})" if unit else name, sides=sides, band=band),
        words=f"{name}{f' in {unit}' if unit else ''}, each run a point: {told}.",
    )


def memory(cell: CellView) -> Chart | None:
    """Return the memory of one run over time, split by what it is used for, with the cap. None without a series."""
    run = pictured(cell)
    if run is None:
        return None
    promised = cell.cell.cap.limit_bytes if cell.cell else limit_of(run.cap_bytes)
    return memory_over_time(
        run.series,
        cap_bytes=limit_of(run.cap_bytes) or promised,
        promised_bytes=promised,
        peak_bytes=run.peak_bytes,
        cycle_tenths=run.cycle_tenths,
        bands=tuple(_phases(run.server)) if run.server else (),
    )


def memory_over_time(
    series: Sequence[Moment],
    *,
    cap_bytes: int | None,
    promised_bytes: int | None,
    peak_bytes: int | None,
    cycle_tenths: Sequence[float] = (),
    bands: tuple[Band, ...] = (),
) -> Chart | None:
    """Return memory over time as ``memory`` does, of any run; the cap is drawn as it was, and named as promised.

    Only the time in which the main program ran is drawn: the fall at its exit is nothing that it gave back. A line
    marks where the cycles of a generator end, and its clean-up begins; ``bands`` are the phases of a server.
    """
    moments = _thinned(running(series))
    if len(moments) < 2:
        return None
    peak = max(peak_bytes or 0, *(moment.usage for moment in series))
    cap = limit_of(cap_bytes)
    line, label, top = _cap_line(cap, promised_bytes, peak)
    of_cap = f" of the cap of {format_bytes(promised_bytes or cap)}" if cap else ", without a cap"
    scale, unit = _scale(Metric.PEAK, peak)
    drawing = Stack(
        heading=f"memory of one run over time ({unit})",
        seconds=tuple(moment.seconds for moment in moments),
        parts=tuple((part, tuple(getattr(moment, part) / scale for moment in moments)) for part in _PARTS),
        whole=tuple(moment.usage / scale for moment in moments),
        top=top / scale,
        line=(line / scale, label),
        is_reached=cap == line and peak >= _REACHED * line,
        ends=(cycle_tenths[-1], "end of the cycles") if cycle_tenths else None,
        bands=tuple(each for each in bands if each.start < moments[-1].seconds),
    )
    words = (
        f"Memory over {moments[-1].seconds:.1f} seconds: at most {format_bytes(peak)}{of_cap}; at the end "
        f"{format_bytes(moments[-1].anon)} anonymous, {format_bytes(moments[-1].file)} page cache."
    )
    if bands:
        words += " Phases: " + "; ".join(f"{each.names[0]}, from {each.start:.1f} s" for each in bands) + "."
    return Chart(drawing=drawing, words=words)


def _phases(server: ServerRun) -> Iterator[Band]:
    """Yield the phases; loads are shaded, and named with how many requests a second were sent."""
    loads = iter(server.loads)
    for name, phase in zip(phase_names(server.phases), server.phases, strict=True):
        load = next(loads, None) if phase.name is PhaseName.LOAD else None
        rate = f"{name}, {load.achieved_rate:.0f}/s" if load and load.achieved_rate is not None else ""
        yield Band(
            start=phase.start_seconds,
            end=phase.end_seconds,
            names=tuple(filter(None, (rate, name, name.partition(" ")[0]))),
            is_shaded=phase.name is PhaseName.LOAD,
        )


def _cap_line(cap: int | None, promised_bytes: int | None, peak: int) -> tuple[float, str, float]:
    """Return the line of the cap, its label, and where the chart ends: above both, or below a cap that is far away.

    The line is at the upper end then, and its label says what there is.
    """
    if cap is not None and cap <= peak * _CAP_IN_SIGHT:
        return cap, f"cap {format_bytes(promised_bytes or cap)}", 1.1 * max(cap, peak)
    label = f"↑ cap {format_bytes(promised_bytes or cap)}, {cap / peak:.0f} times the peak" if cap else "no cap"
    return 1.35 * peak, label, 1.35 * peak


def summary(view: View) -> Chart | None:
    """Return how far each cell's decisive metric lies from its baseline, worst first; few of those that did not change.

    None if nothing was compared.
    """
    rows = [row for cell in view.cells for row in _shift(cell)]
    changed = [row for row in rows if row.state != VerdictState.UNCHANGED.value]
    unchanged = [row for row in rows if row.state == VerdictState.UNCHANGED.value]
    shown = [*changed[:MOST_ROWS], *unchanged[: max(0, _FEW_ROWS - len(changed))]]
    if not shown:
        return None
    which = (
        f"{len(shown)} of {len(rows)} compared cells, worst first" if len(shown) < len(rows) else "All compared cells"
    )
    return Chart(
        drawing=Intervals(heading="shift in % of the baseline", rows=tuple(shown)),
        words=f"{which}. A point is how far the measured values lie from the baseline's, its line the interval for "
        "that, the pale bar what is tolerated.",
    )


def pictured(cell: CellView) -> Measurement | None:
    """Return the run whose memory is drawn: the first that ended otherwise than expected, or just the first."""
    seen = [run for run in cell.runs if run.series]
    expected = cell.cell.expected_ending if cell.cell else None
    return next((run for run in seen if run.ending is not expected), seen[0] if seen else None)


def write_charts(view: View, directory: Path, *, most_cells: int = MOST_CELLS) -> tuple[Path, ...]:
    """Write the summary, and the charts of the worst ``most_cells`` cells that are not fine, each as SVG and PNG.

    Files of the same name are replaced. Raises UsageError where the package for PNG is not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise missing("charts") from error
    directory.mkdir(parents=True, exist_ok=True)
    charts = {"summary": summary(view)}
    wanted = [cell for cell in view.cells if cell.runs and cell.verdict and cell.verdict.state not in FINE]
    for number, cell in enumerate(wanted[:most_cells], start=1):
        name = f"{number:02d}-{re.sub(r'[^A-Za-z0-9._-]', '_', cell.id)[:120]}"
        charts[f"{name}.memory"] = memory(cell)
        charts |= {f"{name}.{each.metric.value}": distribution(each) for each in cell.metrics if each.verdict}
    written = []
    for name, chart in charts.items():
        if chart is None:
            continue
        drawn = standalone(chart.drawing)
        svg, png = directory / f"{name}.svg", directory / f"{name}.png"
        svg.write_text(drawn, encoding="utf-8", newline="\n")
        png.write_bytes(vl_convert.svg_to_png(drawn, scale=_PIXELS))
        written += [svg, png]
    return tuple(written)


def _scale(metric: Metric, largest: float) -> tuple[float, str]:
    """Return how much one unit of the chart is, in the metric's own, and the unit's name."""
    if metric.unit == "byte":
        return (_MIB, "MiB") if largest >= _MIB else (_KIB, "KiB")
    return (1, "s") if largest >= 1 else (0.001, "ms")


def _thinned(series: Sequence[Moment]) -> Sequence[Moment]:
    """Return at most MOST_MOMENTS of ``series``: of neighbours the one with more memory, so that no peak is lost."""
    while len(series) > MOST_MOMENTS:
        pairs = [series[i : i + 2] for i in range(0, len(series), 2)]
        series = [max(pair, key=lambda moment: moment.usage) for pair in pairs]
    return series


def _shift(cell: CellView) -> Iterator[IntervalMark]:
    """Yield the row of the metric that decided on ``cell``; none if no metric was compared."""
    verdicts = [each.verdict for each in cell.metrics if each.verdict and each.verdict.shift and each.verdict.base]
    shifted = (each for each in verdicts if each.state.value in _SHIFTED)
    worst = sorted(shifted, key=lambda each: _SHIFTED.index(each.state.value))
    if worst and worst[0].shift and worst[0].base:
        found, moved, base = worst[0], worst[0].shift, worst[0].base
        yield IntervalMark(
            label=f"{shortened(cell.id, _LABEL)} · {found.metric.value}",
            state=found.state.value,
            estimate=100 * moved.estimate / base,
            low=100 * moved.low / base,
            high=100 * moved.high / base,
            within=100 * (found.margin or 0) / base,
        )
