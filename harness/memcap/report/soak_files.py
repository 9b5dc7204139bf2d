"""A soak as a folder: soak.json, samples.csv, soak.md with its chart, and a page of it all."""

from __future__ import annotations

from pathlib import Path

from memcap.report.document import Chart
from memcap.report.soak import soak_document
from memcap.report.soak_csv import soak_csv
from memcap.report.soak_json import soak_json
from memcap.report.svg import standalone
from memcap.report.to_html import to_html
from memcap.report.to_markdown import to_markdown
from memcap.soaking import SoakOutcome


def write_soak(outcome: SoakOutcome, folder: Path) -> tuple[Path, ...]:
    """Write the files, the samples first, and return their paths. Older ones are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    document = soak_document(outcome)
    charts = [block for block in document.blocks if isinstance(block, Chart)]
    files = {
        "samples.csv": soak_csv(outcome),
        "soak.json": soak_json(outcome),
        "soak.md": to_markdown(document),
        "index.html": to_html(document),
        **{chart.file: standalone(chart.drawing) for chart in charts},
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    return tuple(folder / name for name in files)
