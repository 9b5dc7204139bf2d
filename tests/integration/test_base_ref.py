"""`memcap run --base-ref` as a user calls it, in a git repository of its own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT, scaled

if TYPE_CHECKING:
    from docker import DockerClient

LIMITS = """
[caps]
128m = "128MiB"

[profiles.quick]
runs = 5
warmups = 1

[tolerances.unreclaimable_peak]
relative = "5%"
absolute = "1MiB"
"""

SUITE = """
[suite]
description = "what is compared"

[benchmarks.hold]
call = "work:hold"
caps = ["128m"]

[benchmarks.base]
call = "work:rest"
caps = ["128m"]
"""

WORK = """
import time

def hold():
    data = b"x" * (20 << 20)
    time.sleep(0.05)
    return {"bytes": len(data)}

def rest():
    time.sleep(0.05)
"""

HOLD, REST = "small.hold-py312-128m", "small.base-py312-128m"


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    done = subprocess.run(["git", "-C", str(folder), *identity, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project that is committed; temporary folders are made in `tmp` beside it."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "images" / "py312", root / "images" / "py312")
    for name, text in {
        "limits.toml": LIMITS,
        ".gitignore": "results/\n",
        "suites/small/suite.toml": SUITE,
        "suites/small/work.py": WORK,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    git(root, "init", "--quiet", "--initial-branch=main")
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message=twenty")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return root


def memcap(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memcap", *arguments], cwd=project, capture_output=True, text=True, check=False
    )


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {cell["id"]: cell["verdict"] for cell in json.loads(done.stdout)["cells"]}


def assert_nothing_is_left(project: Path) -> None:
    assert git(project, "worktree", "list").count("\n") == 0
    assert list((project.parent / "tmp").iterdir()) == []
    assert git(project, "branch", "--list") == "* main"


def grow(project: Path) -> None:
    work = project / "suites" / "small" / "work.py"
    work.write_text(WORK.replace("20 << 20", "40 << 20"))


def runs_in(path: Path) -> dict[str, int]:
    return {cell["cell"]["id"]: len(cell["runs"]) for cell in json.loads(path.read_text())["memcap"]["cells"]}


@pytest.mark.docker
def test_a_change_is_found_beside_its_base(docker_client: DockerClient, project: Path) -> None:
    grow(project)

    worse = memcap(project, "run", "--base-ref", "main", "--until-decided", "--max-runs", "12", "--json")

    assert worse.returncode == 99, worse.stderr
    assert verdicts(worse) == {HOLD: "regressed", REST: "unchanged"}
    assert f"base: main is {git(project, 'rev-parse', 'main')[:12]} (twenty)" in worse.stderr
    assert_nothing_is_left(project)
    head, older = sorted((project / "results").glob("*.json"), key=lambda path: len(path.name))
    assert older.name == f"{head.stem}.base.json"
    assert runs_in(head) == runs_in(older), "each extra run has one beside it"
    assert min(runs_in(head).values()) == 6

    # The folder's newest result is the head's, and it can be judged again against what was measured beside it.
    again = memcap(project, "check", "--against", str(older), "--json")
    assert again.returncode == 99, again.stderr
    assert verdicts(again) == verdicts(worse)
    refused = memcap(project, "run", "--resume", str(head))
    assert refused.returncode == 2
    assert "side by side" in refused.stderr


@pytest.mark.docker
def test_the_same_code_is_unchanged_and_makes_no_second_layer(docker_client: DockerClient, project: Path) -> None:
    same = memcap(project, "run", "small.base", "--base-ref", "HEAD", "--json")
    assert same.returncode == 0, same.stderr
    assert verdicts(same) == {REST: "unchanged"}
    assert "base: layer of" not in same.stderr
    assert_nothing_is_left(project)


@pytest.mark.docker
def test_stopping_leaves_no_worktree_and_keeps_both_sides(docker_client: DockerClient, project: Path) -> None:
    work = project / "suites" / "small" / "work.py"
    work.write_text(WORK.replace("def rest():\n    time.sleep(0.05)", "def rest():\n    time.sleep(30)"))
    running = subprocess.Popen(
        [sys.executable, "-m", "memcap", "run", "--base-ref", "main"],
        cwd=project, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stderr is not None
    for line in running.stderr:  # the first benchmark is finished on both sides, the second sleeps
        if f"{HOLD}: 5 runs" in line:
            break
    assert git(project, "worktree", "list").count("\n") == 1
    time.sleep(1 if scaled(1) == 1 else 25)  # the base's last run may be going on
    os.killpg(running.pid, signal.SIGINT)  # as the terminal does it: whatever git is running hears it too
    _, rest = running.communicate(timeout=60)

    assert running.returncode == 130, rest
    assert_nothing_is_left(project)
    assert "their base beside it" in rest
    assert "--resume" not in rest
    paths = sorted((project / "results").glob("*.json"))
    assert [set(runs_in(path)) for path in paths] == [{HOLD}, {HOLD}]
    campaign = paths[-1].stem
    assert docker_client.containers.list(all=True, filters={"label": f"memcap.campaign={campaign}"}) == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are measured on Linux only")
def test_without_containers_the_base_runs_its_own_code_too(project: Path) -> None:
    grow(project)
    worse = memcap(project, "run", "small.hold", "--engine", "process", "--runs", "6", "--base-ref", "main", "--json")
    assert worse.returncode == 99, worse.stderr
    assert verdicts(worse) == {"small.hold-host-128m": "regressed"}
    assert_nothing_is_left(project)


def test_a_revision_that_does_not_exist_is_told_before_anything_else(project: Path) -> None:
    refused = memcap(project, "run", "--base-ref", "origin/main")
    assert refused.returncode == 2
    assert "has no revision 'origin/main'" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not (project / "results").exists()
