"""`memcap compare` as a user calls it: two real images, measured in turns, against needs that are known beforehand."""

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

MIB = 1024 * 1024
LIMITS = """
[caps]
256m = "256MiB"

[profiles.quick]
runs = 5
warmups = 1

[tolerances.unreclaimable_peak]
relative = "1%"
absolute = "256KiB"

[time_limits]
run = "60s"
"""
SUITE = """
[benchmarks.fragments]
call = "work:fragments"
parameters = { mib = 64 }
caps = ["256m"]

[benchmarks.heavy]
call = "heavy:nothing"
caps = ["256m"]
"""
# bytes(223) is a block of 256 bytes for Python's allocator, of which 63 fit into a pool of 16 KiB beside its header:
# one kept of 63 keeps every pool, and so all of the memory, when the others are let go.
WORK = """
import time

kept = []

def fragments(mib):
    blocks = [bytes(223) for _ in range(mib * 4096)]
    kept.extend(blocks[::63])
    time.sleep(0.1)
"""
HEAVY = """
data = b"x" * (24 << 20)

def nothing():
    pass
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for image in ("py310", "py312"):
        shutil.copytree(ROOT / "images" / image, tmp_path / "images" / image)
    (tmp_path / "limits.toml").write_text(LIMITS)
    suite = tmp_path / "suites" / "known"
    suite.mkdir(parents=True)
    (suite / "suite.toml").write_text(SUITE)
    (suite / "work.py").write_text(WORK)
    (suite / "heavy.py").write_text(HEAVY)
    return tmp_path


def compare(project: Path, *arguments: str) -> Any:
    command = [sys.executable, "-m", "memcap", "compare", *arguments, "--base", "py310", "--against", "py312", "--json"]
    environ = {**os.environ, "COLUMNS": "80"}
    ended = subprocess.run(
        command, cwd=project, env=environ, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    assert ended.returncode == 0, ended.stderr + ended.stdout
    return json.loads(ended.stdout)


def test_the_parts_of_known_needs_on_two_versions_of_python(project: Path) -> None:
    found = compare(project, "--runs", "5")
    of = {each["name"]: each for each in found["benchmarks"]}
    fragments, heavy = of["known.fragments"]["parts"], of["known.heavy"]["parts"]
    for side in ("base_median", "against_median"):
        # 64 MiB of blocks with the headers of their pools, 2 MiB of list; the kernel's page tables
        assert 66 * MIB < fragments["workload"][side] < 70 * MIB
        assert 64 * MIB < fragments["slack"][side] < 67 * MIB
        assert fragments["imports"][side] < MIB
        assert 24 * MIB <= heavy["imports"][side] < 26 * MIB
        assert heavy["workload"][side] < MIB
        assert abs(heavy["slack"][side]) < MIB
        assert 2 * MIB < heavy["interpreter"][side] < 6 * MIB
    assert "py310" in found["answer"]
    assert "py312" in found["answer"]
    for benchmark in (fragments, heavy):
        assert all(part["verdict"] for part in benchmark.values())

    (result,) = (project / "results").glob("*.json")
    again = compare(project, "known.heavy", "--result", str(result))
    assert [each["name"] for each in again["benchmarks"]] == ["known.heavy"]
    assert again["benchmarks"][0]["parts"]["imports"]["base_values"] == heavy["imports"]["base_values"]
