"""A PYTHONPATH of the project's own leaves the suite's folders and the recorder's where they are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT

from memcap.store import load_profile

pytestmark = pytest.mark.docker

LIMITS = """
[caps]
128m = "128MiB"
[profiles.quick]
[container.env]
PYTHONPATH = "/usr/share"
"""
SUITE = """
[benchmarks.called]
call = "work:grow"
[benchmarks.typed]
command = ["python3", "-m", "work"]
env = { PYTHONPATH = "/usr/lib" }
"""
WORK = """
import sys
import time


def grow():
    print(sys.path)
    kept = [b"x" * 2**20 for _ in range(32)]
    time.sleep(0.5)  # tracemalloc has no hook for a peak: the recorder looks every 20 ms
    assert {"/usr/share", "/usr/lib"} & set(sys.path)


if __name__ == "__main__":
    grow()
"""


@pytest.mark.parametrize("tool", ["memray", "tracemalloc"])
@pytest.mark.parametrize("benchmark", ["called", "typed"])
def test_profiles(tmp_path: Path, benchmark: str, tool: str) -> None:
    shutil.copytree(ROOT / "images" / "py312", tmp_path / "images" / "py312")
    suite = tmp_path / "suites" / "demo"
    suite.mkdir(parents=True)
    (tmp_path / "limits.toml").write_text(LIMITS, encoding="utf-8")
    (suite / "suite.toml").write_text(SUITE, encoding="utf-8")
    (suite / "work.py").write_text(WORK, encoding="utf-8")
    option = ["--tracemalloc"] if tool == "tracemalloc" else []
    command = [sys.executable, "-m", "memcap", "profile", f"demo.{benchmark}-py312-128m", *option, "-o", "there"]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    largest = max(load_profile(tmp_path / "there" / "profile.json").sites, key=lambda site: site.size_bytes)
    assert largest.stack[0].file == "/memcap/suite/work.py"
