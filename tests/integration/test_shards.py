"""`memcap run --shard` and `memcap merge` as jobs of a CI matrix call them: one process each, on a project in git."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.measuring import ROOT
from repository import Repository, make_repository

from memcap.store import load_result

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

FILES = {
    "limits.toml": """
[caps]
128m = "128MiB"
256m = "256MiB"

[profiles.quick]
runs = 5
warmups = 0

[tolerances.unreclaimable_peak]
relative = "5%"
absolute = "1MiB"
""",
    "suites/small/suite.toml": """
[benchmarks.hold]
call = "work:hold"
caps = ["128m", "256m"]

[benchmarks.rest]
call = "work:rest"
caps = ["128m"]

[benchmarks.slow]
call = "work:slow"
caps = ["128m"]
""",
    ".gitignore": "results/\nshards/\n",
}
WORK = """
import time

def hold():
    return {"bytes": len(b"x" * (20 << 20))}

def rest():
    time.sleep(0.05)

def slow():
    time.sleep(2)
"""
HOLD, HOLD_256 = "small.hold-py312-128m", "small.hold-py312-256m"
REST, SLOW = "small.rest-py312-128m", "small.slow-py312-128m"


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """Return a project that is committed."""
    root = tmp_path / "project"
    shutil.copytree(ROOT / "images" / "py312", root / "images" / "py312")
    for name, text in {**FILES, "suites/small/work.py": WORK}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    repository = make_repository(root, monkeypatch)
    repository.commit("hold 20 MiB")
    return repository


def memcap(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memcap", *arguments], cwd=project, capture_output=True, text=True, check=False
    )


def measured(project: Path, *words: str) -> list[subprocess.CompletedProcess[str]]:
    """Measure three shards, as three jobs."""
    return [
        memcap(project, "run", "--shard", f"{number}/3", "--output", f"shards/{number}.json", *words)
        for number in (1, 2, 3)
    ]


def verdicts(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    return {cell["id"]: cell["verdict"] for cell in json.loads(done.stdout)["cells"]}


def grow(project: Path) -> None:
    (project / "suites" / "small" / "work.py").write_text(WORK.replace("20 << 20", "40 << 20"), encoding="utf-8")


def test_shards_have_the_cells_and_the_verdicts_of_the_whole_plan(
    docker_client: DockerClient, repository: Repository
) -> None:
    project = repository.root
    whole = memcap(project, "run", "--output", "whole.json", "--accept")
    assert whole.returncode == 0, whole.stderr
    grow(project)

    jobs = measured(project)

    assert [job.returncode for job in jobs] == [0, 0, 0], [job.stderr for job in jobs]
    assert "shard 1/3: 1 of 4 cells (about " in jobs[0].stderr
    assert "guessed" not in jobs[0].stderr, "the baselines say how long each cell takes"
    files = [project / "shards" / f"{number}.json" for number in (1, 2, 3)]
    assert [cell.cell.id for cell in load_result(files[0]).cells] == [SLOW]
    cells = [cell.cell.id for path in files for cell in load_result(path).cells]
    assert sorted(cells) == sorted(cell.cell.id for cell in load_result(project / "whole.json").cells)

    merged = memcap(project, "merge", "shards", "--output", "all.json", "--json", "--report", "html=all.html")

    assert merged.returncode == 99, merged.stderr
    assert verdicts(merged) == {HOLD: "regressed", HOLD_256: "regressed", REST: "unchanged", SLOW: "unchanged"}
    assert (project / "all.html").stat().st_size > 10_000
    result = load_result(project / "all.json")
    assert result.complete
    assert result.environment.host == docker_client.info()["Name"]
    checked = memcap(project, "check", "all.json", "--json")
    assert (checked.returncode, checked.stdout) == (merged.returncode, merged.stdout)
    accepted = memcap(project, "baseline", "accept", "--from", "all.json", "--reason", "holds more")
    assert accepted.returncode == 0, accepted.stderr
    assert memcap(project, "check", "all.json").returncode == 0
    refused = memcap(project, "run", "--resume", "all.json")
    assert refused.returncode == 2
    assert "was merged of 3 shards" in refused.stderr

    lost = memcap(project, "merge", "shards/1.json", "shards/3.json", "--output", "lost.json")
    assert lost.returncode == 95
    assert "1 of 3 shards is missing: 2/3" in lost.stderr
    assert not (project / "lost.json").exists()


def test_bases_stay_with_their_cells_and_judge_the_whole(docker_client: DockerClient, repository: Repository) -> None:
    project = repository.root
    grow(project)
    repository.commit("hold 40 MiB")

    jobs = measured(project, "--base-ref", "HEAD^1")

    assert [job.returncode for job in jobs] == [0, 0, 0], [job.stderr for job in jobs]
    assert "only HEAD^1 has it" not in jobs[0].stderr, "cells of other shards are not gone"
    for number in (1, 2, 3):
        head, base = (load_result(project / "shards" / f"{number}{end}") for end in (".json", ".base.json"))
        assert [cell.cell.id for cell in head.cells] == [cell.cell.id for cell in base.cells]
    files = sorted(str(path) for path in (project / "shards").glob("*.json"))  # as a shell names them
    merged = memcap(project, "merge", *files, "--output", "all.json", "--json")
    assert merged.returncode == 99, merged.stderr
    assert verdicts(merged) == {HOLD: "regressed", HOLD_256: "regressed", REST: "unchanged", SLOW: "unchanged"}
    assert json.loads(merged.stdout)["against"].startswith("HEAD^1 (")
    again = memcap(project, "check", "all.json", "--against", "all.base.json", "--json")
    assert (again.returncode, verdicts(again)) == (99, verdicts(merged))

    (project / "shards" / "2.base.json").unlink()
    refused = memcap(project, "merge", "shards", "--output", "other.json")
    assert refused.returncode == 2
    assert "the result of a base is missing" in refused.stderr
