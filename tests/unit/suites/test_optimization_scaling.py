"""What one more agent needs, read from a result as memcap saves it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from factories import make_cell, make_oom, make_result, make_runs
from memcap.model import Cap
from memcap.store import save_result

Import = Callable[[str, str], ModuleType]
MIB = 1024 * 1024


def _saved(folder: Path) -> Path:
    """Save agents that need 1 MiB each and 30 MiB without any; runs scatter by 0.1 MiB."""
    cells = []
    for count, cap in ((1, "128m"), (10, "128m"), (50, "128m"), (50, "2g")):
        runs = make_runs([31 + count + off + (5 if cap == "128m" and count == 50 else 0) for off in (0, 0.1, -0.1)])
        cell = make_cell(f"optimization.agents_{count}_after-py312-{cap}", [*runs, make_oom()])
        size = 128 * MIB if cap == "128m" else 2048 * MIB
        cells.append(replace(cell, cell=replace(cell.cell, cap=Cap(name=cap, bytes=size))))
    cells.append(make_cell("optimization.float32_after-py312-128m"))
    path = folder / "result.json"
    save_result(make_result(*cells), path, overwrite=False)
    return path


def test_needs_are_those_of_completed_runs_under_the_largest_cap(suite_module: Import, tmp_path: Path) -> None:
    scaling = suite_module("optimization", "scaling")
    document = json.loads(_saved(tmp_path).read_text())
    found = scaling.needs(document, "after", "py312")
    assert {count: round(values[0] / MIB) for count, values in found.items()} == {1: 31, 10: 40, 50: 80}
    assert [len(values) for values in found.values()] == [3, 3, 3]
    assert scaling.needs(document, "before", "py312") == scaling.needs(document, "after", "py310") == {}


def test_one_more_agent(suite_module: Import, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    scaling = suite_module("optimization", "scaling")
    scaling.main(str(_saved(tmp_path)))
    printed = capsys.readouterr().out
    assert printed.startswith("py312, after\n")
    assert "one more 1.049 MB [1.049, 1.049]" in printed
    assert "without any 31.5 MB" in printed


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(start=st.integers(0, 1000), slopes=st.lists(st.integers(1, 50), min_size=2, max_size=9))
def test_the_slope_of_each_round_is_found(suite_module: Import, start: int, slopes: list[int]) -> None:
    scaling = suite_module("optimization", "scaling")
    found = {count: [start + slope * count for slope in slopes] for count in (1, 10, 50, 200)}
    middle, low, high, confidence = scaling.marginal(found)
    assert (low, high) == pytest.approx((min(slopes), max(slopes)))
    assert low <= middle <= high
    assert confidence == 1 - 2.0 ** (1 - len(slopes))
