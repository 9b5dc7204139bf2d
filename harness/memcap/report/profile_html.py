"""An allocation profile as a page that needs nothing else, and leads to the tool's own reports beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from memcap.model import AllocationProfile, ProfiledProcess
from memcap.report.caveats import full_text
from memcap.report.charts import memory_over_time, missing
from memcap.report.profile import caveats_of, facts, heading, render_tree, rows_of, told
from memcap.report.svg import address, standalone
from memcap.units import format_bytes
from memcap.untrusted import printable, printable_lines

_FOLDER: Final = Path(__file__).parent / "templates"
_REPORTS: Final = (
    ("flamegraph", "flamegraph.html"),
    ("flamegraph over time", "temporal.html"),
    ("table", "table.html"),
    ("statistics", "stats.json"),
)


def render_profile_html(profile: AllocationProfile, *, top: int, folder: Path, artefacts: str) -> str:
    """Return the page for ``folder``, in which the tool's reports are under ``artefacts``.

    Raises UsageError where the packages for it (the extra `report`) are not installed.
    """
    try:
        import jinja2  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing("HTML reports") from error
    environment = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(_FOLDER), trim_blocks=True)
    chart, words = _chart(profile)
    return environment.get_template("profile.html.jinja").render(
        id=profile.id,
        subject=printable(profile.subject),
        sentence=told(profile),
        heading=heading(profile),
        facts=facts(profile),
        output=printable_lines(profile.output_tail),
        caveats=[printable(full_text(each)) for each in caveats_of(profile)],
        rows=rows_of(profile, profile.lines()[:top]),
        chart=chart,
        chart_words=words,
        processes=[_process(process, folder, artefacts) for process in profile.processes],
        tree=render_tree(profile),
    )


def memory_svg(profile: AllocationProfile) -> str | None:
    """Return the container's memory over time as SVG; None without a series. Raises UsageError as above."""
    cap = profile.cap_bytes + profile.raised_bytes
    chart = memory_over_time(profile.series, cap_bytes=cap, promised_bytes=cap, peak_bytes=None)
    return None if chart is None else standalone(chart.drawing)


def _chart(profile: AllocationProfile) -> tuple[str, str]:
    """Return the chart as the address of an image, and what it shows."""
    svg = memory_svg(profile)
    if svg is None:
        return "", ""
    words = f"Memory of the container over time, {profile.tool.value} included; the line is the raised cap."
    return address(svg), words


def _process(process: ProfiledProcess, folder: Path, artefacts: str) -> dict[str, Any]:
    files = [(name, f"{artefacts}/{process.pid}-{file}") for name, file in _REPORTS]
    return {
        "pid": process.pid,
        "peak": format_bytes(process.peak_bytes),
        "command": printable(process.command),
        "files": [(name, file) for name, file in files if (folder / file).is_file()],
    }
