"""The README's commands do what the README says, in its order, in a copy of this project."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, console_commands

pytestmark = pytest.mark.docker

# These run this very test: that their targets exist is all that can be tested from inside.
SET_UP = ("make bench", "make test", "python -m ci bench")
EXIT_CODES = {"memcap measure py312 --cap 24m --cap 64m": 97}


def test_readme_commands(tmp_path: Path) -> None:
    for name in ("limits.toml", "images", "suites"):
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    ran = 0
    for command in console_commands("README.md"):
        if command in SET_UP:
            continue
        results = sorted(tmp_path.glob("results/*.json"))
        words = [str(results[-1]) if word == "results/RESULT.json" else word for word in shlex.split(command)]
        program = [sys.executable, *words[1:]] if words[0] == "python" else [sys.executable, "-m", *words]
        ended = subprocess.run(program, cwd=tmp_path, capture_output=True, text=True, check=False)
        expected = next((code for start, code in EXIT_CODES.items() if command.startswith(start)), 0)
        assert ended.returncode == expected, f"{command}\n{ended.stdout}\n{ended.stderr}"
        ran += 1
    assert ran >= 7


def test_make_and_ci_know_what_the_readme_names() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    listed = subprocess.run(
        [sys.executable, "-m", "ci", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for command in SET_UP:
        name = command.split()[-1]
        assert name in (targets if command.startswith("make") else listed)
