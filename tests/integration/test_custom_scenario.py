"""The worked example of docs/custom-scenarios.md: typed in as it stands there, and run with its own commands."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, console_commands

from memcap.model import Ending
from memcap.store import load_result

pytestmark = pytest.mark.docker

DOCUMENT = "docs/custom-scenarios.md"
FILE = re.compile(r"`(suites/orders/[\w.]+)`:\n\n```\w+\n(.*?)^```", re.DOTALL | re.MULTILINE)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "images" / "py312", tmp_path / "images" / "py312")
    shutil.copy(ROOT / "limits.toml", tmp_path)
    files = dict(FILE.findall((ROOT / DOCUMENT).read_text(encoding="utf-8")))
    assert set(files) == {"suites/orders/scenario.py", "suites/orders/suite.toml"}
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    limits = (tmp_path / "limits.toml").read_text(encoding="utf-8")
    (tmp_path / "limits.toml").write_text(limits.replace('"py310", "py311", "py312", "py313"', '"py312"'))
    return tmp_path


def test_a_custom_scenario_runs_as_it_is_documented(project: Path) -> None:
    planned, ran = [
        subprocess.run(
            [sys.executable, "-m", *shlex.split(command)], cwd=project, capture_output=True, text=True, check=False
        )
        for command in console_commands(DOCUMENT)
    ]
    assert planned.returncode == 0, planned.stderr
    assert "orders.peak_hour-py312-256m" in planned.stdout
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "error_rate: 0 %, excellent" in ran.stdout

    [path] = (project / "results").glob("*.json")
    cells = {cell.cell.id: cell.runs[0] for cell in load_result(path).cells}
    assert set(cells) == {"orders.peak_hour.2s-py312-256m", "orders.peak_hour_twin.2s-py312-256m"}
    scenario, twin = (cells[name] for name in sorted(cells))
    assert scenario.ending is Ending.COMPLETED
    assert scenario.extra["cycles"] > 1
    assert scenario.extra["kept_orders"] == 500
    assert twin.ending is Ending.FAILED
    assert "orders are kept, at most 1000 may be" in twin.detail
