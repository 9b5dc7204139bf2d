"""``memcap selftest`` on real runs: the issue's goals for a deterministic workload, with half the runs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from integration.measuring import ROOT

pytestmark = pytest.mark.docker


def test_the_gate_on_a_steady_workload(tmp_path: Path) -> None:
    saved = tmp_path / "aa.json"
    words = ["selftest", "--image", "py312", "--runs", "10", "--sample", "5", "--resamplings", "100"]
    measured = subprocess.run(
        [sys.executable, "-m", "memcap", *words, "--output", str(saved), "--json"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert measured.returncode == 0, measured.stderr

    found = json.loads(measured.stdout)
    assert found["false_alarm_rate"] <= 0.01
    need = found["metrics"]["unreclaimable_peak"]
    assert need["median"] > 64 << 20
    assert need["power"]["3%"] == 1

    drawn = subprocess.run(
        [sys.executable, "-m", "memcap", "selftest", "--from", str(saved), "--sample", "5", "--resamplings", "100"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert drawn.returncode == 0, drawn.stderr
    assert f"False alarms: {found['false_alarm_rate'] * 100:.0f} of 100 suites" in drawn.stdout
