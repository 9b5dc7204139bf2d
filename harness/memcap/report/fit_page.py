"""A fit as a folder: fit.json, fit.md, the curves as SVG, and a page of it all that needs nothing else."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from memcap.errors import UsageError
from memcap.fitting import Comfort, Fit, Point, PointState, Trial
from memcap.report.charts import Chart, to_svg
from memcap.report.fit import FitReport, advice_in_words, median_of, render_fit_json, render_fit_markdown, table_of
from memcap.report.fit_words import answer, pasted
from memcap.untrusted import printable

_MIB = 1024 * 1024
_STATES = {PointState.FAILED: "failed", PointState.SLOW: "too slow"}
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1d2126}"
    "pre,table{overflow-x:auto;display:block}pre{background:#f2f3f1;padding:.75rem}td,th{padding:.15rem .6rem;"
    "text-align:right}td:last-child{text-align:left}svg{max-width:100%;height:auto}"
)


def fit_charts(fit: Fit) -> dict[str, Chart]:
    """Return the curves that there are figures for, by their names: each value against the cap."""
    charts = {
        "survival": _curve(fit, "runs that survived, in %, with the 95 % interval", _survived, _interval),
        "time": _curve(fit, "time, as a multiple of the time without a cap", lambda point: point.slowdown),
        "read-again": _curve(fit, "pages read again, and major faults", _read_again),
        "stalled": _curve(fit, "seconds stalled for memory (PSI)", lambda point: _median(point, _stalled)),
    }
    return {name: chart for name, chart in charts.items() if chart is not None}


def write_fit(report: FitReport, folder: Path) -> tuple[Path, ...]:
    """Write the files, replacing older ones, and return their paths; without the extra `report` there are no charts."""
    folder.mkdir(parents=True, exist_ok=True)
    charts = fit_charts(report.fit)
    drawn = _drawn(charts)
    named = [(f"{name}.svg", charts[name].words) for name in drawn]
    files = {
        "fit.json": render_fit_json(report),
        "fit.md": render_fit_markdown(report, charts=named),
        "index.html": _page(report, {name: (svg, charts[name].words) for name, svg in drawn.items()}),
        **{f"{name}.svg": svg for name, svg in drawn.items()},
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(folder / name for name in files)


def _curve(
    fit: Fit,
    heading: str,
    figure: Callable[[Point], float | None],
    interval: Callable[[Point], tuple[float, float]] | None = None,
) -> Chart | None:
    rows = []
    for point in fit.curve:
        value = figure(point)
        if value is None:
            continue
        low, high = interval(point) if interval else (value, value)
        rows.append(
            {
                "cap": point.cap_bytes / _MIB,
                "value": value,
                "low": low,
                "high": high,
                "state": _STATES.get(
                    point.state, "comfortable" if fit.clock.comfort(point) is Comfort.YES else "viable"
                ),
                "runs": len(point.trials),
            }
        )
    if not rows:
        return None
    widest = max(point.cap_bytes for point in fit.curve) / _MIB
    lines: list[dict[str, Any]] = [{"cap": fit.minimum.cap_bytes / _MIB, "label": "minimum", "row": 0}]
    if fit.comfortable and fit.comfortable is not fit.minimum:
        lines.append({"cap": fit.comfortable.cap_bytes / _MIB, "label": "comfortable", "row": 1})
    told = "; ".join(f"{row['cap']:g} MiB: {row['value']:.4g}" for row in rows)
    return Chart(
        spec="fit",
        height=160,
        params={"heading": heading},
        data={"points": rows, "lines": [each for each in lines if each["cap"] <= widest]},
        words=f"{heading[:1].upper()}{heading[1:]}, by cap. {told}.",
    )


def _survived(point: Point) -> float:
    return 100 * point.survived / len(point.trials)


def _interval(point: Point) -> tuple[float, float]:
    return 100 * point.survival.low, 100 * point.survival.high


def _read_again(point: Point) -> float | None:
    return _median(point, lambda trial: None if trial.refaults is None else trial.refaults + (trial.major_faults or 0))


def _stalled(trial: Trial) -> float | None:
    return trial.stall_seconds


def _median(point: Point, figure: Callable[[Trial], float | None]) -> float | None:
    return median_of(point.trials, figure)


def _drawn(charts: Mapping[str, Chart]) -> dict[str, str]:
    try:
        return {name: to_svg(chart) for name, chart in charts.items()}
    except UsageError:  # the packages for it are not installed; the figures are there without
        return {}


def _page(report: FitReport, charts: Mapping[str, tuple[str, str]]) -> str:
    """Return the page; everything that was named by somebody else is escaped."""
    headers, *rows = table_of(report.fit)
    head = "".join(f"<th>{html.escape(each)}</th>" for each in headers)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(each)}</td>" for each in row) + "</tr>" for row in rows)
    figures = "".join(f'<figure aria-label="{html.escape(words)}">{svg}</figure>' for svg, words in charts.values())
    advice = "".join(f"<p>{html.escape(text)}</p>" for text in advice_in_words(report))
    snippets = "".join(f"<h3>{name}</h3><pre>{html.escape(text)}</pre>" for name, text in pasted(report.recommendation))
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
        'img-src data:">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>How small can the cap be? · memcap</title><style>{_STYLE}</style>"
        f"<h1>How small can the cap be?</h1><pre>{html.escape(printable(report.subject))}</pre>"
        f"<p>{html.escape(answer(report.fit, ''))}</p>{advice}"
        f"{snippets}<h2>The curve</h2>{figures}<table><tr>{head}</tr>{body}</table>"
        f"<p>{html.escape(report.image.reference)}, {html.escape(report.started)}</p></html>\n"
    )
