"""`memcap diff` and `--explain` with real profiles of real containers, whose changes are known to the byte."""

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
CELL = "small.hold-py312-128m"
LIMITS = """
[caps]
128m = "128MiB"

[profiles.quick]
runs = 5
warmups = 0

[tolerances.unreclaimable_peak]
relative = "5%"
absolute = "1MiB"
"""
SUITE = """
[benchmarks.hold]
call = "work:hold"
caps = ["128m"]
"""
BEFORE = """\
import time

def cache():
    return bytearray(3 << 20)

def rows():
    return [bytearray(1 << 16) for _ in range(64)]

def hold():
    data = b"x" * (4 << 20)
    kept = rows(), cache()
    time.sleep(0.05)
"""
# One line allocates 16 MiB more, one moved down by ten lines, one is gone.
AFTER = """\
import time

def rows():
    # what
    # was
    # in
    # line
    # seven
    # is
    # in
    # line
    # seventeen
    # by
    # now

    #
    return [bytearray(1 << 16) for _ in range(64)]

def hold():
    data = b"x" * (20 << 20)
    kept = rows()
    time.sleep(0.05)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a project that is committed, with what `hold` needs as its baseline."""
    root = tmp_path / "project"
    for image in ("py310", "py312", "py313"):
        shutil.copytree(ROOT / "images" / image, root / "images" / image)
    files = {"limits.toml": LIMITS, ".gitignore": "/results/2*\n", "suites/small/suite.toml": SUITE}
    for name, text in {**files, "suites/small/work.py": BEFORE}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def memcap(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "COLUMNS": "80"}
    command = [sys.executable, "-m", "memcap", *arguments]
    return subprocess.run(command, cwd=project, env=environ, capture_output=True, text=True, check=False)


def lines_of(diff: dict[str, Any], *, least: int = MIB) -> dict[str, tuple[str, int]]:
    """Return what changed by at least so many bytes, by function."""
    return {
        (line["after"] or line["before"] or {"function": ""})["function"]: (line["change"], line["delta_bytes"])
        for line in diff["lines"]
        if abs(line["delta_bytes"]) >= least
    }


def test_a_regression_is_explained_by_the_line_that_made_it(project: Path) -> None:
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=before")
    assert memcap(project, "run", "--image", "py312").returncode == 0
    assert memcap(project, "baseline", "accept", "--reason", "the first").returncode == 0
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=accepted")
    (project / "suites" / "small" / "work.py").write_text(AFTER)

    worse = memcap(project, "run", "--image", "py312", "--explain", "--json", "--report", "markdown=memory.md")

    assert worse.returncode == 99, worse.stderr
    (explained,) = json.loads(worse.stdout)["explained"]
    assert (explained["cell"], explained["why_not"]) == (CELL, None)
    commit = git(project, "rev-parse", "HEAD")[:12]
    assert explained["base"] == f"{commit}, where its baseline was committed: accepted"
    # Exactly these: what moved is no change.
    diff = explained["diff"]
    assert lines_of(diff, least=MIB // 4) == {"hold": ("grew", 16 * MIB), "cache": ("gone", -3 * MIB - 1)}
    grew = next(line for line in diff["lines"] if line["delta_bytes"] == 16 * MIB)
    assert (grew["before"]["line"], grew["after"]["line"]) == (10, 20)
    assert grew["edited"]
    assert f"what changed by line: <code>{CELL}</code>" in (project / "memory.md").read_text()
    folder = project / explained["folder"]
    assert {path.name for path in folder.iterdir()} >= {"base", "head", "diff.html", "diff.sarif"}
    assert git(project, "worktree", "list").count("\n") == 0
    # The profiles are there to be compared again.
    again = memcap(project, "diff", str(folder / "base"), str(folder / "head"), "--json")
    assert json.loads(again.stdout)["lines"] == diff["lines"]


def test_two_pythons_are_compared_by_the_same_lines(project: Path) -> None:
    for image in ("py310", "py313"):
        done = memcap(project, "profile", f"small.hold-{image}-128m", "--output", f"profiles/{image}", "--json")
        assert done.returncode == 0, done.stderr

    done = memcap(project, "diff", "profiles/py310", "profiles/py313", "--json")

    assert done.returncode == 0, done.stderr
    diff = json.loads(done.stdout)
    assert [diff[side]["python"][:12] for side in ("before", "after")] == ["CPython 3.10", "CPython 3.13"]
    assert diff["total_before_bytes"] > 11 * MIB
    # The program is the same, and so are its lines: also the comprehension, a function of its own in 3.10 alone.
    assert lines_of(diff, least=MIB // 16) == {}
