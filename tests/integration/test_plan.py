"""``memcap plan`` asks the real daemon how much memory its machine has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

FILES = {
    "limits.toml": '[caps]\n128m = "128m"\nhuge = "1000TiB"\n[profiles.quick]\n',
    "suites/demo/suite.toml": '[benchmarks.b]\ncommand = ["true"]\ncaps = ["128m", "huge"]\n',
    "images/any/Dockerfile": "FROM scratch\n",
}


def plan(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    for name, text in FILES.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text, encoding="utf-8")
    arguments = [sys.executable, "-m", "memcap", "plan", "--project", str(project), *words]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)


def test_a_cap_above_its_memory_is_said_before_anything_runs(tmp_path: Path) -> None:
    found = plan(tmp_path)
    assert found.returncode == 24, found.stderr
    assert "demo.b-any-huge" in found.stdout
    assert "cap huge: " in found.stderr
    assert "is more than the" in found.stderr
    assert "Resources" in found.stderr


def test_caps_that_fit_are_fine(tmp_path: Path) -> None:
    found = plan(tmp_path, "--cap", "128m")
    assert (found.returncode, found.stderr) == (0, "")
    assert "Not checked" not in found.stdout
