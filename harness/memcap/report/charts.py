"""Charts: each is one Vega-Lite specification (``specs/``), drawn in the HTML report and written as SVG and PNG.

What differs from chart to chart is put into the specification as data and parameters, so that the browser and
``write_charts`` cannot draw two different things. Colours are tokens (``@ink``) that a theme fills in.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from memcap.errors import UsageError
from memcap.model import Measurement, Metric, Moment, VerdictState, limit_of, running
from memcap.report.view import CellView, MetricView, View
from memcap.units import counted, format_bytes
from memcap.untrusted import printable

SPECS = ("distribution", "memory", "summary")
MOST_MOMENTS = 128
MOST_ROWS = 24
MOST_CELLS = 20

_FOLDER = Path(__file__).parent / "specs"
_KIB, _MIB = 1024, 1024 * 1024
_FEW_ROWS = 8
_REACHED = 0.97  # of the cap
_CAP_IN_SIGHT = 4  # a cap that is further away than this many times the peak would flatten the curve
_FINE = frozenset({VerdictState.UNCHANGED, VerdictState.NEW, VerdictState.IMPROVED})
_SHIFTED = ("regressed", "undecided", "improved", "unchanged")
_EXPORT_WIDTH = 640
_PIXELS = 2.0

THEMES: Mapping[str, Mapping[str, str]] = {
    "light": {
        "background": "#ffffff", "ink": "#1d2126", "muted": "#5c646e", "grid": "#e6e7e4", "band": "#e9ecef",
        "base": "#7d8690", "head": "#2b5c8c", "anon": "#2b5c8c", "shmem": "#7967b3", "kernel": "#b9823f",
        "file": "#c6d0d9", "bad": "#b3261e", "warn": "#8a5a00", "good": "#1f6e3a",
    },
    "dark": {
        "background": "#1d2024", "ink": "#e7e8ea", "muted": "#a0a7b0", "grid": "#31363c", "band": "#2e343b",
        "base": "#939ba5", "head": "#7db1e3", "anon": "#6b9fd2", "shmem": "#a898dc", "kernel": "#d2a468",
        "file": "#4b5560", "bad": "#ff8f86", "warn": "#e5b55c", "good": "#7fca99",
    },
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Chart:
    """One chart: the name of its specification, what is put into it, and the same in words; ``height`` in pixels."""

    spec: str
    height: int
    params: Mapping[str, str | float]
    data: Mapping[str, Sequence[Mapping[str, Any]]]
    words: str


@lru_cache(maxsize=len(SPECS))
def specification(name: str) -> str:
    """Return the Vega-Lite specification of ``name`` as JSON, with tokens for colours and without data."""
    spec = json.loads((_FOLDER / f"{name}.vl.json").read_text(encoding="utf-8"))
    spec["config"] = json.loads((_FOLDER / "config.json").read_text(encoding="utf-8"))
    return json.dumps(spec)


def filled(chart: Chart, theme: str = "light", *, width: int = _EXPORT_WIDTH) -> dict[str, Any]:
    """Return the whole Vega-Lite specification of ``chart``, ``width`` pixels wide, as any Vega tool takes it."""
    text = coloured(specification(chart.spec), {**THEMES[theme], "font": "sans-serif"})
    spec: dict[str, Any] = json.loads(text)
    spec["width"], spec["height"] = width, chart.height
    spec["params"] = [{**each, "value": chart.params[each["name"]]} for each in spec["params"]]
    spec["datasets"] = {name: list(rows) for name, rows in chart.data.items()}
    return spec


def for_browser(chart: Chart) -> dict[str, Any]:
    """Return what the browser needs to fill in the specification of ``chart`` itself."""
    return {
        "spec": chart.spec,
        "height": chart.height,
        "params": chart.params,
        "data": chart.data,
        "words": chart.words,
    }


def coloured(text: str, theme: Mapping[str, str]) -> str:
    """Return a specification with its tokens replaced by what ``theme`` has for them."""
    return re.sub(r'"@(\w+)"', lambda match: json.dumps(theme[match[1]]), text)


def distribution(view: MetricView) -> Chart | None:
    """Return the values of one metric, base above measured, with the band that is tolerated around the base's median.

    None where there are no values.
    """
    found = view.verdict
    base = found.base_values if found else ()
    if not (base or view.values):
        return None
    scale, unit = _scale(view.metric, max(*base, *view.values, 0))
    band = None
    if found and base and found.base is not None and found.margin is not None:
        band = (found.base - found.margin, found.base + found.margin)
    return _strips(view.metric.value, unit, base, view.values, scale=scale, band=band)


def distribution_of_extra(name: str, unit: str, values: Sequence[float]) -> Chart | None:
    """Return the values of a metric that the workload itself returned. None where they are all the same."""
    return _strips(name, unit, (), values) if len(set(values)) > 1 else None


def _strips(
    name: str,
    unit: str,
    base: Sequence[float],
    new: Sequence[float],
    *,
    scale: float = 1,
    band: tuple[float, float] | None = None,
) -> Chart:
    sides = [(side, list(values)) for side, values in (("baseline", base), ("measured", new)) if values]
    told = "; ".join(
        f"{side}, {counted(len(values), 'value')} from {min(values) / scale:.6g} to {max(values) / scale:.6g}"
        for side, values in sides
    )
    low, high = band or (sides[0][1][0],) * 2  # a band of no width, as Vega complains of none at all
    return Chart(
        spec="distribution",
        height=30 * len(sides),
        params={"heading": f"{name} ({unit})" if unit else name, "scale": scale},
        data={
            "samples": [{"side": side, "value": values} for side, values in sides],
            "margin": [{"low": low, "high": high}],
        },
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
    )


def memory_over_time(
    series: Sequence[Moment],
    *,
    cap_bytes: int | None,
    promised_bytes: int | None,
    peak_bytes: int | None,
    cycle_tenths: Sequence[float] = (),
) -> Chart | None:
    """Return memory over time as ``memory`` does, of any run; the cap is drawn as it was, and named as promised.

    Only the time in which the main program ran is drawn: the fall at its exit is nothing that it gave back. A line
    marks where the cycles of a generator end, and its clean-up begins.
    """
    moments = _thinned(running(series))
    if len(moments) < 2:
        return None
    peak = max(peak_bytes or 0, *(moment.usage for moment in series))
    cap = limit_of(cap_bytes)
    line, top = _cap_line(cap, promised_bytes, peak)
    of_cap = f" of the cap of {format_bytes(promised_bytes or cap)}" if cap else ", without a cap"
    scale, unit = _scale(Metric.PEAK, peak)
    columns = ("seconds", "usage", "anon", "shmem", "kernel", "file")
    return Chart(
        spec="memory",
        height=220,
        params={"heading": f"memory of one run over time ({unit})", "scale": scale, "top": top},
        data={
            "moments": [{name: [getattr(moment, name) for moment in moments] for name in columns}],
            "lines": [line],
            # Vega warns of data without rows: where nothing is to be marked, the row without words is not drawn.
            "ends": [{"seconds": end, "label": "end of the cycles"} for end in cycle_tenths[-1:]]
            or [{"seconds": moments[-1].seconds, "label": ""}],
        },
        words=f"Memory over {moments[-1].seconds:.1f} seconds: at most {format_bytes(peak)}{of_cap}; "
        f"at the end {format_bytes(moments[-1].anon)} anonymous, "
        f"{format_bytes(moments[-1].file)} page cache.",
    )


def _cap_line(cap: int | None, promised_bytes: int | None, peak: int) -> tuple[dict[str, Any], float]:
    """Return the line of the cap, and where the chart ends: above both, or below a cap that is far away or not there.

    The line is at the upper end then, and its label says what there is.
    """
    if cap is not None and cap <= peak * _CAP_IN_SIGHT:
        label = f"cap {format_bytes(promised_bytes or cap)}"
        return {"bytes": cap, "label": label, "reached": peak >= _REACHED * cap}, 1.1 * max(cap, peak)
    label = f"↑ cap {format_bytes(promised_bytes or cap)}, {cap / peak:.0f} times the peak" if cap else "no cap"
    return {"bytes": 1.35 * peak, "label": label, "reached": False}, 1.35 * peak


def summary(view: View) -> Chart | None:
    """Return how far each cell's decisive metric lies from its baseline, worst first; few of those that did not change.

    None if nothing was compared.
    """
    rows = [row for cell in view.cells for row in _shift_row(cell)]
    changed = [row for row in rows if row["verdict"] != VerdictState.UNCHANGED.value]
    unchanged = [row for row in rows if row["verdict"] == VerdictState.UNCHANGED.value]
    shown = [*changed[:MOST_ROWS], *unchanged[: max(0, _FEW_ROWS - len(changed))]]
    if not shown:
        return None
    which = (
        f"{len(shown)} of {len(rows)} compared cells, worst first" if len(shown) < len(rows) else "All compared cells"
    )
    return Chart(
        spec="summary",
        height=34 * len(shown),
        params={"heading": "shift in % of the baseline"},
        data={"shifts": shown},
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

    Files of the same name are replaced. Raises UsageError where the packages for it are not installed.
    """
    try:
        import vl_convert  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise missing("charts") from error
    directory.mkdir(parents=True, exist_ok=True)
    charts = {"summary": summary(view)}
    wanted = [cell for cell in view.cells if cell.runs and cell.verdict and cell.verdict.state not in _FINE]
    for number, cell in enumerate(wanted[:most_cells], start=1):
        name = f"{number:02d}-{re.sub(r'[^A-Za-z0-9._-]', '_', cell.id)[:120]}"
        charts[f"{name}.memory"] = memory(cell)
        charts |= {f"{name}.{each.metric.value}": distribution(each) for each in cell.metrics if each.verdict}
    written = []
    for name, chart in charts.items():
        if chart is None:
            continue
        spec = filled(chart)
        svg, png = directory / f"{name}.svg", directory / f"{name}.png"
        svg.write_text(vl_convert.vegalite_to_svg(spec), encoding="utf-8", newline="\n")
        png.write_bytes(vl_convert.vegalite_to_png(spec, scale=_PIXELS))
        written += [svg, png]
    return tuple(written)


def to_svg(chart: Chart) -> str:
    """Return ``chart`` as SVG. Raises UsageError where vl-convert is not installed."""
    try:
        import vl_convert  # noqa: PLC0415 - optional, and heavy
    except ImportError as error:
        raise missing("charts") from error
    return str(vl_convert.vegalite_to_svg(filled(chart)))


def as_address(svg: str) -> str:
    """Return ``svg`` as the address of an image within a page."""
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


def missing(what: str) -> UsageError:
    """Return the error for a machine without the packages of the extra `report`."""
    return UsageError(f"{what} need packages that are not installed", remedy="Run: pip install 'memcap[report]'")


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


def _shift_row(cell: CellView) -> list[dict[str, Any]]:
    """Return the row of the metric that decided on ``cell``; none if no metric was compared."""
    verdicts = [each.verdict for each in cell.metrics if each.verdict and each.verdict.shift and each.verdict.base]
    worst = sorted((each for each in verdicts if each.state.value in _SHIFTED), key=lambda each: _rank(each.state))
    if not worst or worst[0].shift is None or not worst[0].base:
        return []
    found, moved, base = worst[0], worst[0].shift, worst[0].base
    within = 100 * (found.margin or 0) / base
    return [
        {
            "cell": f"{printable(cell.id)} · {found.metric.value}",
            "verdict": found.state.value,
            "estimate": 100 * moved.estimate / base,
            "low": 100 * moved.low / base,
            "high": 100 * moved.high / base,
            "within_low": -within,
            "within_high": within,
        }
    ]


def _rank(state: VerdictState) -> int:
    return _SHIFTED.index(state.value)
