"""A fit as a folder: fit.json, fit.md, the curves as SVG, and a page of it all."""

from __future__ import annotations

from pathlib import Path

from memcap.report.fit import FitReport, fit_document
from memcap.report.fit_charts import fit_charts
from memcap.report.fit_json import render_fit_json
from memcap.report.svg import standalone
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown


def write_fit(report: FitReport, folder: Path) -> tuple[Path, ...]:
    """Write the files, replacing older ones, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    document = fit_document(report, has_files=True)
    files = {
        "fit.json": render_fit_json(report),
        "fit.md": to_markdown(document),
        "index.html": to_html(document),
        **{name: standalone(chart.drawing) for name, chart in fit_charts(report.fit).items()},
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(folder / name for name in files)
