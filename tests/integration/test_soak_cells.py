"""A soak of a suite on real runs: it is run once, and a leak that its baseline does not have fails the check."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from integration.measuring import ROOT

pytestmark = pytest.mark.docker

LIMITS = """
[caps]
256m = "256MiB"

[profiles.quick]
runs = 3
warmups = 1

[time_limits]
run = "2min"
"""

SUITE = """
[benchmarks.night]
call = "work:night"
duration = "5s"
soak = true

[benchmarks.job]
command = ["python", "/memcap/suite/work.py"]
soak = true
"""

WORK = """
import time

LEAKS = False


def night():
    kept, cache = [], []
    while True:
        if len(cache) < 20:
            cache.append(b"x" * (1 << 20))
        if LEAKS:
            kept.append(b"x" * (1 << 19))
        time.sleep(0.04)
        yield


if __name__ == "__main__":
    cycles = night()
    for _ in range(100):
        next(cycles)
"""


def memcap(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memcap", *words],
        cwd=project,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )


def cells(ended: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {cell["id"].split(".")[1].split("-")[0]: cell for cell in json.loads(ended.stdout)["cells"]}


def test_a_leak_that_the_baseline_does_not_have_fails_the_check(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "images" / "py312", tmp_path / "images" / "py312")
    (tmp_path / "limits.toml").write_text(LIMITS)
    suite = tmp_path / "suites" / "shop"
    suite.mkdir(parents=True)
    (suite / "suite.toml").write_text(SUITE)
    (suite / "work.py").write_text(WORK)

    first = memcap(tmp_path, "run", "--accept", "--json")
    assert first.returncode == 0, first.stderr
    assert [cell["endings"] for cell in cells(first).values()] == [{"completed": 1}] * 2
    assert [cell["growth"]["leak"] for cell in cells(first).values()] == [False] * 2
    stored = json.loads((tmp_path / "results" / "baselines" / "shop.json").read_text())["cells"].values()
    assert [(cell["metrics"], cell["growth"]["leak"]) for cell in stored] == [({}, False)] * 2

    (suite / "work.py").write_text(WORK.replace("LEAKS = False", "LEAKS = True"))
    leaking = memcap(tmp_path, "run", "--json")
    assert leaking.returncode == 99, leaking.stderr
    found = cells(leaking)
    assert {name: (cell["verdict"], cell["growth"]["unit"]) for name, cell in found.items()} == {
        "night": ("regressed", "cycle"),
        "job": ("regressed", "hour"),
    }
    assert found["night"]["growth"]["rate_bytes"] == pytest.approx(1 << 19, rel=0.1)

    accepted = memcap(tmp_path, "baseline", "accept", "--reason", "it has to remember")
    assert accepted.returncode == 0, accepted.stderr
    assert "-> linear leak, " in accepted.stdout
    assert memcap(tmp_path, "check").returncode == 0
