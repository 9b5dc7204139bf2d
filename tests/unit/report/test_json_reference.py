"""docs/reference-json.md names every key of `--json` of measure and check, and of a soak, and no other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from profiles import frame, make_profile, site
from served import CACHE, make_served_cell
from soaks import GROWN, make_calls, recorded
from views import view_of_every_verdict

from factories import make_cell, make_measurement, make_oom, make_result
from memcap.leaks import Collection, Garbage
from memcap.model import (
    Alert,
    AlertKind,
    Caveat,
    CaveatKind,
    CellResult,
    Ending,
    Grade,
    Graded,
    Metric,
    Moment,
    PhaseName,
    SoakRules,
    VerdictState,
)
from memcap.profile_diff import Explanation, diff_profiles
from memcap.report.json import render_check_json, render_measure_json
from memcap.report.soak_json import soak_json

DOCUMENT = Path(__file__).parents[3] / "docs" / "reference-json.md"
PLACEHOLDERS = {
    **{metric.value: "METRIC" for metric in Metric},
    **{ending.value: "ENDING" for ending in Ending},
    **{state.value: "STATE" for state in VerdictState},
    **dict.fromkeys(("sessions", "hit_rate"), "NAME"),  # of the workload's own
}
CAVEAT = Caveat(kind=CaveatKind.COLD_PAGE_CACHE, detail="9.1 MiB of file pages were charged")

SOAK = make_cell(
    "agents.crew-py313-128m",
    [
        make_measurement(
            series=tuple(
                Moment(seconds=place, usage=place, anon=0, file=0, shmem=0, kernel=0, low=place) for place in range(40)
            )
        )
    ],
    is_soak=True,
)


def _measure() -> str:
    cell = make_cell(runs=[make_measurement(caveats=(CAVEAT,)), make_oom()])
    return render_measure_json(
        make_result(cell, SOAK, _collected(make_served_cell(2)), _collected(make_served_cell(2, (1,))))
    )


def _collected(cell: CellResult) -> CellResult:
    """Return a server whose garbage is collected after the rest."""
    runs = []
    for run in cell.runs:
        assert run.server
        *phases, stop = run.server.phases
        collect = replace(phases[-1], name=PhaseName.COLLECT)
        runs.append(replace(run, server=replace(run.server, phases=(*phases, collect, stop))))
    return replace(cell, runs=tuple(runs))


def _check() -> str:
    view = view_of_every_verdict()
    alert = Alert(kind=AlertKind.NEAR_CAP, detail="x")
    graded = Graded(name="rows", unit="count", value=1.0, grade=Grade.POOR)
    cells = [
        replace(cell, verdict=replace(cell.verdict, caveats=(CAVEAT,), alerts=(alert,), graded=(graded,)))
        if cell.verdict
        else cell
        for cell in view.cells
    ]
    server = _collected(make_served_cell(3))
    cells[0] = replace(cells[0], cell=server.cell, runs=server.runs)
    cells[1] = replace(cells[1], cell=SOAK.cell, runs=SOAK.runs)
    diff = diff_profiles(make_profile(), make_profile(site(1, frame(8))))
    return render_check_json(
        replace(view, cells=tuple(cells), explained=(Explanation(cell_id="x", diff=diff, grown=GROWN, cycles=9.0),))
    )


def _soak() -> str:
    rules = SoakRules(duration_seconds=120.0, explain_seconds=24.0)
    outcome = make_calls(
        recorded("leak_bytes"),
        services=(CACHE,),
        measurement=make_measurement(caveats=(CAVEAT,)),
        rules=rules,
        grown=(GROWN,),
        garbage=Garbage(
            counts=[(1.0, 9000)], collections=[Collection(seconds=60.0, objects=80)], freed_objects=900, freed_bytes=0
        ),
    )
    return soak_json(outcome)


def _paths(value: Any, at: str = "") -> Iterator[str]:
    """Yield the path of each value that is neither an object nor a list of objects."""
    if isinstance(value, dict) and value and not at.endswith(".diff"):
        for key, inner in value.items():
            name = key if at.endswith(".work") else PLACEHOLDERS.get(key, key)  # requests fail, too
            yield from _paths(inner, f"{at}.{name}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from _paths(each, f"{at}[]")
    else:
        yield at


def _found(document: str) -> set[str]:
    found = set(_paths(json.loads(document)))
    # What is null or empty here and an object there is told by its keys.
    return {path for path in found if not any(other.startswith((f"{path}.", f"{path}[]")) for other in found)}


@pytest.mark.parametrize(
    ("heading", "document"),
    [("`memcap measure --json`", _measure()), ("`memcap check --json`", _check()), ("`soak.json`", _soak())],
)
def test_every_key_is_in_the_reference(heading: str, document: str) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition(f"## {heading}")[2].partition("\n## ")[0]
    told = re.findall(r"^\| `([^`]+)` \| [^|]+ \| [^|]+ \|$", section, re.MULTILINE)
    assert len(set(told)) == len(told)
    assert set(told) == _found(document)
