"""Where the runner looks for a workload and for what that imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import memcap

RUNNER = Path(memcap.__file__).parent / "probe" / "runner.py"
SHOW_PATH = "import sys\n\n\ndef path():\n    print('\\n'.join(sys.path))\n"

pytestmark = pytest.mark.allow_processes


def called(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Call ``shop:path`` with ``folder`` as the working directory, and the suite's folder in it."""
    (folder / "shop.py").write_text(SHOW_PATH, encoding="utf-8")
    journal, suite = folder / "workload.jsonl", folder / "suite"
    command = [sys.executable, "-B", str(RUNNER), "--journal", str(journal), "--path", str(suite), "shop:path"]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environ}, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_working_directory_comes_after_the_suite_and_before_everything_else(tmp_path: Path) -> None:
    path = called(tmp_path, PYTHONPATH="/of/the/user").stdout.splitlines()
    assert path[:3] == [str(tmp_path / "suite"), str(tmp_path.resolve()), "/of/the/user"]
    assert str(RUNNER.parent) not in path


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.11 began with it")
def test_a_safe_path_has_no_working_directory(tmp_path: Path) -> None:
    ended = called(tmp_path, PYTHONSAFEPATH="1")
    assert ended.returncode == os.EX_SOFTWARE
    assert "No module named 'shop'" in ended.stderr
