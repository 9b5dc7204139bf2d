"""The GitHub action: its steps, run by bash on a clone of a pull request, with a runner's files and variables."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from integration.actions import Job
from repository import make_repository

pytestmark = [pytest.mark.docker, pytest.mark.skipif(sys.platform == "win32", reason="bash of Windows is another one")]

ROOT = Path(__file__).resolve().parents[2]
ACTION = ROOT / "ci" / "action" / "action.yml"
FILES = {
    "limits.toml": """\
[caps]
128m = "128MiB"
[profiles.ci]
runs = 5
warmups = 0
[tolerances.unreclaimable_peak]
relative = "1%"
absolute = "256KiB"
""",
    "suites/demo/suite.toml": '[benchmarks.hold]\ncall = "workloads:hold"\n',
    "images/py312/Dockerfile": (ROOT / "images/py312/Dockerfile").read_text(encoding="utf-8"),
}
WORKLOAD = "def hold():\n    return {{'bytes': len(b'x' * {size})}}\n"
INPUTS = {"directory": "memory", "arguments": "demo\n  --image py312\n"}  # a list over two lines


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what actions/checkout makes of a pull request that holds more: its merge with main, and the parents."""
    origin = tmp_path / "origin"
    project = origin / "memory"
    project.mkdir(parents=True)
    repository = make_repository(origin, monkeypatch)
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    workload = project / "suites/demo/workloads.py"
    workload.write_text(WORKLOAD.format(size=8_000_000), encoding="utf-8")
    repository.commit("hold 8 MB")
    repository.git("switch", "--quiet", "--create", "feature")
    workload.write_text(WORKLOAD.format(size=24_000_000), encoding="utf-8")
    repository.commit("hold more")
    repository.git("switch", "--quiet", "main")
    (origin / "README").touch()
    repository.commit("somebody else's")
    repository.git("switch", "--quiet", "--create", "merged")
    repository.git("merge", "--quiet", "--no-ff", "--no-edit", "feature")
    repository.git("clone", "--quiet", "--depth=2", "--branch=merged", origin.as_uri(), str(tmp_path / "clone"))
    return tmp_path / "clone"


def job(clone: Path, **inputs: str) -> Job:
    """Return a job on a fresh runner, whose cache outlives it."""
    home = clone.parent / f"home-{len(list(clone.parent.iterdir()))}"
    home.mkdir()
    (home / "summary").touch()
    return Job(path=ACTION, workspace=clone, kept=clone.parent / "kept", inputs=INPUTS | inputs, home=home)


def test_a_pull_request_is_judged_by_its_base_and_the_next_job_has_the_images(clone: Path) -> None:
    first = job(clone, **{"base-ref": "HEAD^1"})
    outputs = first.run()

    assert outputs == {"exit-code": "99", "verdict": "regressed"}, first.printed
    assert first.ran == ["Name the images", "Measure", "Keep the images"]
    assert "::error file=" in first.printed
    assert "demo.hold-py312-128m" in first.summary
    results = clone / "memory" / "results"
    assert {path.suffix for path in results.iterdir()} == {".json", ".xml", ".html", ".md"}
    assert ElementTree.parse(results / "memcap-junit.xml").find(".//failure") is not None
    shutil.rmtree(results)

    second = job(clone)
    outputs = second.run()

    assert outputs == {"exit-code": "0", "verdict": "new"}, second.printed
    assert second.ran == ["Name the images", "Load the images", "Measure"]
    assert "loaded memcap/py312:" in second.printed
    shutil.rmtree(clone.parent / "kept")  # hundreds of megabytes


def test_a_mistake_is_told_in_the_summary_and_no_images_are_kept(clone: Path) -> None:
    with (clone / "memory/limits.toml").open("a") as file:
        file.write("mistake = 1\n")
    run = job(clone)

    assert run.run() == {"exit-code": "10", "verdict": ""}
    assert run.failed
    assert run.summary == "memcap ended before it had a report: exit code 10\n"
    assert run.ran == ["Name the images", "Measure"]
    assert not run.kept.exists()
