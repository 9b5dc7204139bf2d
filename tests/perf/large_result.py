"""A large result: reading, judging, the HTML report, and opening that in Chromium."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from integration.chromium import Chromium, find_chromium
from perf.figures import Row, Scale
from perf.scale import measure_stage, prepare

_GOALS = {"read": "<= 4 s", "judge": "<= 2 s", "html": "<= 4 s, <= 500 MB"}
_PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def rows(scale: Scale) -> Iterator[Row]:
    """Yield what each stage takes, the size of the page, and how long the browser needs to show it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, scale.cells, scale.runs)
        what = f"{scale.cells} x {scale.runs}"
        yield Row(what=what, command="size of the result", measured=f"{size(folder / 'head.json'):.0f} MB")
        for stage, goal in _GOALS.items():
            found = measure_stage(stage, folder)
            measured = f"{found.seconds:.1f} s CPU, peak {found.peak_bytes / 1e6:.0f} MB"
            yield Row(what=what, command=stage, measured=measured, goal=goal)
        page = folder / "report.html"
        yield Row(what=what, command="size of the page", measured=f"{size(page):.1f} MB", goal="<= 30 MB")
        executable = find_chromium()
        if executable is None:
            yield Row(what=what, command="open in Chromium", measured="no Chromium here", goal="<= 2 s")
            return
        with Chromium(executable, folder / "profile") as browser:
            loaded = browser.open(page.as_uri())
            painted = browser.evaluate(_PAINTED)
        first = "not told" if painted is None else f"{painted / 1000:.2f} s"
        measured = f"loaded in {loaded:.2f} s, first contentful paint {first}"
        yield Row(what=what, command="open in Chromium", measured=measured, goal="<= 2 s")


def size(path: Path) -> float:
    """Return the size of a file in MB."""
    return path.stat().st_size / 1e6
