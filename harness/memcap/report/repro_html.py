"""A reproduced kill as a page that needs nothing else, and leads to the files beside it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from memcap.model import Line, Measurement
from memcap.report.caveats import full_text
from memcap.report.charts import memory_over_time, missing
from memcap.report.profile import caveats_of
from memcap.report.repro import again_texts, inside_text, likelihood_text, recorder_text, stack_text, state_text
from memcap.report.svg import address, standalone
from memcap.report.text import NOTHING
from memcap.repro.parts import Attempt, Flight, Reproduction
from memcap.repro.verdict import place_of, seen_in, verdict
from memcap.units import format_bytes, format_seconds
from memcap.untrusted import printable, printable_lines

_FOLDER: Final = Path(__file__).parent / "templates"


def render_repro_html(found: Reproduction, *, top: int, artefacts: Mapping[str, str]) -> str:
    """Return the page; ``artefacts`` are the files beside it with what they are.

    Raises UsageError where the packages for it (the extra `report`) are not installed.
    """
    try:
        import jinja2  # noqa: PLC0415 - optional
    except ImportError as error:
        raise missing("HTML reports") from error
    environment = jinja2.Environment(autoescape=True, loader=jinja2.FileSystemLoader(_FOLDER), trim_blocks=True)
    flight = found.flight
    doubts = caveats_of(flight.profile) if flight else ()
    charts = {"without the recorder": found.killed_run or found.attempts[-1].measurement}
    if flight is not None:
        charts["with the recorder, in a cap raised for it"] = flight.measurement
    return environment.get_template("repro.html.jinja").render(
        id=found.id,
        subject=printable(found.subject),
        image=found.image,
        sentence=printable(verdict(found)),
        likelihood=likelihood_text(found),
        load=found.load.name if found.load else "",
        again=again_texts(found),
        last_words=printable_lines(found.last_words).splitlines(),
        attempts=[_attempt(each) for each in (*found.earlier, *found.attempts)],
        charts=[(name, address) for name, run in charts.items() if (address := chart_address(run))],
        phases=phases(found.attempts[-1].measurement),
        rows=[_row(flight, each) for each in flight.profile.own_lines()[:top]] if flight else [],
        stacks=[stack_text(each) for each in flight.newest] if flight else [],
        seen=printable(seen_in(flight)) if flight else "",
        states=[_state(each) for each in flight.states] if flight else [],
        processes=[
            (each.pid, format_bytes(each.vm_hwm_bytes), printable(each.name)) for each in found.largest_processes
        ],
        recorder=(recorder_text(found), *(printable(full_text(each)) for each in doubts)),
        artefacts=[(quote(name), printable(name), what) for name, what in artefacts.items()],
    )


def memory_svg(run: Measurement) -> str | None:
    """Return the container's memory over time as SVG; None without a series. Raises UsageError as above."""
    promised = run.cap_bytes - (run.supervisor_bytes or 0) if run.cap_bytes else None
    chart = memory_over_time(run.series, cap_bytes=run.cap_bytes, promised_bytes=promised, peak_bytes=run.peak_bytes)
    return None if chart is None else standalone(chart.drawing)


def chart_address(run: Measurement) -> str:
    """Return the chart as the address of an image, empty without one."""
    svg = memory_svg(run)
    return address(svg) if svg else ""


def phases(run: Measurement) -> str:
    """Return what the runner's process held on its way, as far as it got."""
    if run.phases is None:
        return ""
    named = {
        "before the import": run.phases.interpreter_bytes,
        "before the call": run.phases.imported_bytes,
        "after the call": run.phases.returned_bytes,
        "when all was dropped": run.phases.left_bytes,
    }
    return ", ".join(f"{format_bytes(size)} {name}" for name, size in named.items() if size is not None)


def _attempt(attempt: Attempt) -> dict[str, str]:
    run = attempt.measurement
    needed = run.unreclaimable_peak_bytes
    return {
        "cap": format_bytes(attempt.cap_bytes),
        "load": attempt.load.spelled if attempt.load else "",
        "ending": run.ending.value,
        "detail": printable(run.detail),
        "needed": NOTHING if needed is None else format_bytes(needed),
        "wall": NOTHING if run.wall_seconds is None else format_seconds(run.wall_seconds),
    }


def _row(flight: Flight, line: Line) -> dict[str, Any]:
    return {
        "size": format_bytes(line.size_bytes),
        "count": str(line.count),
        "place": printable(f"{place_of(line.frame)} {line.frame.function}") if line.frame else "(no line of Python)",
        "text": printable(flight.profile.source(line.frame)),
        "inside": [inside_text(each) for each in line.inside],
        "processes": ", ".join(str(each) for each in line.processes),
    }


def _state(state: Any) -> dict[str, Any]:
    return {
        "text": printable(state_text(state)),
        "types": [(count, printable(name)) for name, count in state.types],
        "files": [printable(each) for each in state.files],
    }
