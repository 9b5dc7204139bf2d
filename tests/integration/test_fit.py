"""`memcap fit` as a user calls it, on the real engine: programs whose smallest cap is known beforehand."""

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
TOUCHED = 48
# As many MiB of anonymous memory as it is told, each page touched, held long enough to be sampled.
ANONYMOUS = """
import mmap, time
def touch(mib):
    if mib:
        memory = mmap.mmap(-1, mib << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for place in range(0, mib << 20, 4096):
            memory[place] = 1
    time.sleep(0.05)
"""
# A file that is read twice: the program lives with less, but reads again. Beside it it holds what a container's start
# surely fits into: runc's own beginning takes up to 12 MiB on cgroup v2, and is what decides about smaller caps. Each
# MiB is written to the disk at once: cgroup v1 does not slow down who writes, and kills it if the disk is slower.
READ_TWICE = """
import os, time
held = b"x" * (24 << 20)
with open("/tmp/file", "wb") as file:
    for _ in range(24):
        file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())
for _ in range(2):
    with open("/tmp/file", "rb", buffering=0) as file:
        while file.read(1 << 18):
            pass
"""
LIMITS = '[caps]\n128m = "128MiB"\n[profiles.quick]\nruns = 1\nwarmups = 1\n[time_limits]\nrun = "60s"\n'
SUITE = '[benchmarks.anonymous]\ncall = "known:touch"\nparameters = { mib = 48 }\ncaps = ["128m"]\n'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "images" / "py310", tmp_path / "images" / "py310")
    shutil.copytree(ROOT / "images" / "py313", tmp_path / "images" / "py313")
    (tmp_path / "limits.toml").write_text(LIMITS)
    suite = tmp_path / "suites" / "known"
    suite.mkdir(parents=True)
    (suite / "suite.toml").write_text(SUITE)
    (suite / "known.py").write_text(ANONYMOUS)
    return tmp_path


def memcap(project: Path, *arguments: str, expected: int = 0) -> Any:
    command = [sys.executable, "-m", "memcap", *arguments]
    environ = {**os.environ, "COLUMNS": "80"}
    ended = subprocess.run(
        command, cwd=project, env=environ, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    assert ended.returncode == expected, ended.stderr + ended.stdout
    return json.loads(ended.stdout) if "--json" in arguments else ended.stdout


def test_the_smallest_cap_of_a_command_is_what_it_touches_and_what_python_needs(project: Path) -> None:
    idle = memcap(
        project, "measure", "py313", "-n1", "--warmups=0", "--json", "--", "python", "-c", f"{ANONYMOUS}touch(0)"
    )
    overhead = idle["cells"][0]["summary"]["unreclaimable_peak"]["median"]
    program = ("python", "-c", f"{ANONYMOUS}touch({TOUCHED})")

    found = memcap(project, "fit", "py313", "--json", "--output", "fitted", "--", *program)

    truth = TOUCHED * MIB + overhead
    assert abs(found["minimum_cap_bytes"] - truth) <= 2 * MIB
    assert sum(point["runs"] for point in found["curve"]) <= 12 + 4 or found["noisy"]
    assert found["survival"]["survived"] >= 3
    below = [point for point in found["curve"] if point["cap_bytes"] < found["minimum_cap_bytes"]]
    assert below[-1]["endings"].get("oom_killed")
    assert found["minimum_cap_bytes"] <= found["comfortable_cap_bytes"] <= truth + 4 * MIB
    assert found["recommendation"]["limit_bytes"] >= 1.15 * found["minimum_cap_bytes"]
    assert json.loads((project / "fitted" / "fit.json").read_text()) == found
    assert (project / "fitted" / "index.html").is_file()

    # What is recommended is enough, and what is below the minimum is not, for whoever sets it.
    caps = [f"{found['recommendation']['limit_bytes'] // MIB}m", f"{found['minimum_cap_bytes'] // MIB - 3}m"]
    again = memcap(project, "measure", "py313", *(f"--cap={cap}" for cap in caps), "-n1", "--warmups=0", "--json", "--",
                   *program,                   expected=97)  # fmt: skip
    assert [[run["ending"] for run in cell["runs"]] for cell in again["cells"]] == [["completed"], ["oom_killed"]]


def test_the_smallest_cap_of_a_cell_does_not_depend_on_its_own(project: Path) -> None:
    told = memcap(project, "fit", "known.anonymous-py310-128m", "--resolution", "2MiB")
    assert "known.anonymous-py310-128m needs 5" in told
    assert "ended as oom_killed" in " ".join(told.split())
    assert "docker run --memory" in told


def test_page_cache_that_is_read_again_is_not_needed_but_comfortable(project: Path) -> None:
    options = ("--slowdown", "20", "--resolution", "4MiB", "--json")
    found = memcap(project, "fit", "py313", *options, "--", "python", "-c", READ_TWICE)
    minimum, comfortable = found["minimum_cap_bytes"], found["comfortable_cap_bytes"]
    assert 24 * MIB <= minimum <= 44 * MIB
    assert comfortable >= minimum + 8 * MIB, "the file does not fit beside the program"
    of = {point["cap_bytes"]: point for point in found["curve"]}
    assert of[minimum]["refaults"] > 1000
    assert of[minimum]["comfort"] == "no"
    if of[minimum]["stall_seconds"] is not None:  # PSI: cgroup v2
        assert of[minimum]["stall_seconds"] > 0
    if comfortable in of:
        assert of[comfortable]["comfort"] == "yes"
        assert of[comfortable]["refaults"] < of[minimum]["refaults"] // 4


def test_what_does_not_end_well_without_a_cap_is_said_first(project: Path) -> None:
    told = memcap(project, "fit", "py313", "--cap", "128m", "--", "python", "-c", "raise SystemExit(3)", expected=96)
    assert "the workload ended with an error of its own" in " ".join(told.split())
