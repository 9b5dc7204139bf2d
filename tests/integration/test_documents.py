"""The commands of the README and of images/README.md do what these say, in their order, in a copy of this project."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT, console_commands, memcap_commands

pytestmark = pytest.mark.docker

# These run this very test: that their targets exist is all that can be tested from inside.
SET_UP = ("make bench", "make test", "python -m ci bench")
# What takes minutes as it stands is tried on one benchmark.
ON_ONE_BENCHMARK = {"memcap compare --base py310 --against py312": "streams.output_buffer_fixed"}
# Typed in a repository of one's own, with images of one's own: test_stranger.py.
OF_A_STRANGER = re.compile(r"pip install|git |memcap init|memcap run --accept|.*(my/app|my/api|shop/prod):")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("limits.toml", "images", "suites"):
        source, target = ROOT / name, tmp_path / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    return tmp_path


def run(command: str, project: Path) -> None:
    """Run ``command`` in ``project`` and check its exit code; RESULT is the newest result."""
    results = sorted(project.glob("results/*.json"))
    words = [str(results[-1]) if word == "results/RESULT.json" else word for word in shlex.split(command)]
    program = [sys.executable, *words[1:]] if words[0] == "python" else [sys.executable, "-m", *words]
    ended = subprocess.run(program, cwd=project, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, f"{command}\n{ended.stdout}\n{ended.stderr}"


def test_readme_commands(project: Path) -> None:
    commands = [
        command
        for command in console_commands("README.md")
        if command not in SET_UP and not OF_A_STRANGER.match(command)
    ]
    assert len(commands) >= 5
    for command in commands:
        run(f"{command} {ON_ONE_BENCHMARK.get(command, '')}".rstrip(), project)


def test_an_image_of_ones_own(project: Path) -> None:
    text = (ROOT / "images" / "README.md").read_text(encoding="utf-8")
    example = re.search(r"`images/(py312_prod)/`.*?```dockerfile\n(.*?)```", text, re.DOTALL)
    assert example is not None
    name, dockerfile = example.groups()
    (project / "images" / name).mkdir()
    (project / "images" / name / "Dockerfile").write_text(dockerfile)
    commands = [command for command in memcap_commands("images/README.md") if name in command]
    assert commands == [f"memcap images build {name}", f"memcap run --image {name}", f"memcap images rm {name}"]
    for command in commands:
        run(command, project)


def test_make_and_ci_know_what_the_readme_names() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    listed = subprocess.run(
        [sys.executable, "-m", "ci", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    for command in SET_UP:
        name = command.split()[-1]
        assert name in (targets if command.startswith("make") else listed)
