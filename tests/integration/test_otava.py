"""A planted change, found by Apache Otava itself where it is installed: `pip install apache-otava`, best on its own."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from integration.promises import require

from factories import make_cell, make_result, make_runs
from memcap.store import save_result

CELL = "agents.crew_backed-py312-128m"
STEADY = (62.0, 62.1, 61.9, 62.0, 62.2, 62.1, 61.9, 62.0, 62.1, 62.0)
GROWN = (64.0, 64.1, 63.9, 64.0, 64.2, 64.1, 63.9, 64.0, 64.1, 64.0)


@pytest.fixture
def otava() -> str:
    found = shutil.which("otava")
    require("otava", available=found is not None)
    assert found is not None
    return found


def analyze(otava: str, folder: Path, levels: tuple[float, ...]) -> str:
    """Return what Otava says of a history with a result a day, whose medians are ``levels`` in MiB."""
    for day, level in enumerate(levels, start=1):
        result = make_result(
            make_cell(CELL, make_runs((level - 0.1, level, level + 0.1))),
            id=f"202611{day:02}T090000-quick-beef",
            started=f"2026-11-{day:02}T09:00:00+00:00",
        )
        save_result(result, folder / "results" / f"{result.id}.json", overwrite=False)
    words = ["report", "results", "--format", "otava", "--output", "history"]
    subprocess.run([sys.executable, "-m", "memcap", *words], cwd=folder, check=True)
    words = ["analyze", "--config-file", "history/otava.yaml", CELL, "--since", "2026-01-01"]
    return subprocess.run([otava, *words], cwd=folder, check=True, capture_output=True, text=True).stdout


def test_the_planted_change_is_found_where_it_is(otava: str, tmp_path: Path) -> None:
    lines = analyze(otava, tmp_path, (*STEADY, *GROWN)).splitlines()
    (change,) = [number for number, line in enumerate(lines) if "%" in line]

    assert lines[change - 2].startswith("2026-11-10 09:00:00")  # a line of dots is on either side
    assert lines[change + 2].startswith("2026-11-11 09:00:00")
    assert set(re.findall(r"[+-]\d+\.\d%", lines[change])) == {"+3.2%", "+3.3%", "+2.9%"}


def test_a_steady_history_has_no_change(otava: str, tmp_path: Path) -> None:
    assert "%" not in analyze(otava, tmp_path, (*STEADY, *STEADY))
