"""A soak as a folder: soak.json, samples.csv, soak.md with its chart, a page of it all, metrics and a trace."""

from __future__ import annotations

from memcap.report.document import Chart
from memcap.report.openmetrics import openmetrics_text
from memcap.report.soak import soak_document
from memcap.report.soak_csv import soak_csv
from memcap.report.soak_json import soak_json
from memcap.report.soak_metrics import soak_metrics
from memcap.report.soak_trace import soak_trace
from memcap.report.svg import standalone
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.soaking import SoakOutcome


def soak_files(outcome: SoakOutcome) -> dict[str, str]:
    """Return the files by their names, the samples first."""
    document = soak_document(outcome)
    charts = [block for block in document.blocks if isinstance(block, Chart)]
    return {
        "samples.csv": soak_csv(outcome),
        "soak.json": soak_json(outcome),
        "soak.md": to_markdown(document),
        "index.html": to_html(document),
        "openmetrics.txt": openmetrics_text(soak_metrics(outcome)),
        "trace.json": soak_trace(outcome),
        **{chart.file: standalone(chart.drawing) for chart in charts},
    }
