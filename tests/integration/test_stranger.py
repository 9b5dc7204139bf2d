"""The first hour of a stranger: memcap's wheel in a fresh environment, and nothing but the commands of the documents.

``pytest tests/integration/test_stranger.py -s`` says how many commands and seconds each use takes to its answer.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import uuid
import venv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from documents import console_commands
from integration.measuring import build_image
from integration.promises import require
from repository import make_repository

from memcap.images.registry import IMAGE_LABEL, SUITE_LABEL
from memcap.images.wheels import resolve_dependencies
from memcap.model import ImageFacts, ImageSource

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = [pytest.mark.docker, pytest.mark.skipif(sys.platform == "win32", reason="paths of a virtual environment")]

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTED = {command for document in ("README.md", "docs/start.md") for command in console_commands(document)}
PYPROJECT = """\
[build-system]
requires = ["setuptools>=61"]
build-backend = "setuptools.build_meta"

[project]
name = "{name}"
version = "1.0"
requires-python = ">=3.10"
dependencies = ["fastapi"]

[tool.setuptools]
packages = ["shop"]
"""
SERVICE = """\
from fastapi import FastAPI

app = FastAPI()
CATALOGUE = [{{"id": number, "name": f"product {{number}}"}} for number in range({products})]


@app.get("/")
def home() -> dict[str, int]:
    return {{"products": len(CATALOGUE)}}
"""
JOB = """\
import json

def read_orders(count):
    for number in range(count):
        yield json.loads('{"id": %d, "customer": "c%d", "total": %d}' % (number, number % 1000, number % 90))

orders = list(read_orders(500_000))
print(sum(order["total"] for order in orders))
"""


@dataclass(kw_only=True)
class Stranger:
    """Someone who types what the documents say, in ``folder``; ``names`` stand in for names of the documents."""

    program: Path
    folder: Path
    names: dict[str, str] = field(default_factory=dict)
    _commands: int = 0
    _began: float = 0.0

    def begins(self, folder: Path) -> None:
        """Start the clock, in the folder of a new use."""
        self.folder, self._commands, self._began = folder, 0, time.monotonic()

    def has_an_answer(self, use: str) -> None:
        """Stop the clock: this is the first answer of ``use``."""
        print(f"{use}: {self._commands} commands, {time.monotonic() - self._began:.0f} s")

    def types(self, command: str, *, ends: int = 0) -> str:
        """Run a command of the documents; return what it printed, and check its exit code."""
        assert command in DOCUMENTED, f"no document says {command!r}"
        self._commands += 1
        for name, own in self.names.items():
            command = command.replace(name, own)
        words = shlex.split(command)
        environ = {**os.environ, "PYTHONPATH": "", "PATH": f"{self.program.parent}{os.pathsep}{os.environ['PATH']}"}
        done = subprocess.run(words, cwd=self.folder, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == ends, f"$ {command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return `memcap` of a fresh environment, in which its built wheel is installed."""
    folder = tmp_path_factory.mktemp("environment")
    pip: Sequence[str | Path] = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet")
    built = subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, ROOT], capture_output=True, check=False)
    require("package-index", available=built.returncode == 0, reason=f"no wheel of memcap: {built.stderr.decode()}")
    venv.create(folder / "env", with_pip=True)
    [wheel] = folder.glob("*.whl")
    own = (folder / "env/bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", wheel)
    installed = subprocess.run(own, capture_output=True, check=False)
    require("package-index", available=installed.returncode == 0, reason=installed.stderr.decode())
    return folder / "env" / "bin" / "memcap"


@pytest.fixture
def tag(docker_client: DockerClient) -> Iterator[str]:
    """Return what is in the names of all images and suites that are made here; they and their layers are removed."""
    tag = f"stranger{uuid.uuid4().hex[:8]}"
    yield tag
    for image in docker_client.images.list():
        labels = (image.labels.get(label, "") for label in (IMAGE_LABEL, SUITE_LABEL, "of"))
        if any(tag in name for name in (*image.tags, *labels)):
            docker_client.images.remove(str(image.id), force=True)


@pytest.fixture
def stranger(program: Path, tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch) -> Stranger:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # as on a machine that never saw memcap
    return Stranger(program=program, folder=tmp_path, names={"my/app:": f"my/{tag}:", "shop/prod:": f"{tag}/prod:"})


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def build(client: DockerClient, context: Path, name: str, dockerfile: str) -> None:
    """Build an image as a stranger's own pipeline does."""
    (context / "Dockerfile").write_text(dockerfile)
    client.images.build(path=str(context), tag=name, rm=True, labels={"of": name.replace("/", "-")})


@pytest.fixture
def base(docker_client: DockerClient) -> ImageFacts:
    """Return an image with Python that is on the daemon."""
    return build_image(docker_client, ImageSource(name="py312", directory=ROOT / "images" / "py312"), say=print)


def test_a_job_that_is_killed(
    stranger: Stranger, docker_client: DockerClient, tmp_path: Path, tag: str, base: ImageFacts
) -> None:
    folder = write(tmp_path / "job", {"job.py": JOB})
    dockerfile = f"FROM {base.reference}\nWORKDIR /srv\nCOPY job.py .\nUSER 1000\n"
    build(docker_client, folder, f"my/{tag}:latest", dockerfile)
    stranger.begins(tmp_path)
    answer = stranger.types("memcap measure my/app:latest --cap 128m -- python job.py", ends=97)
    stranger.has_an_answer("a gate for any command")
    assert "the kernel killed the main process at the cap" in " ".join(answer.split())

    stranger.begins(tmp_path)
    answer = stranger.types("memcap repro my/app:latest --cap 128m -- python job.py")
    stranger.has_an_answer("who ate the memory?")
    assert "Killed at 128.0 MiB while in /srv/job.py:5" in " ".join(answer.split())


def test_a_repository_and_two_pythons(
    stranger: Stranger, tmp_path: Path, tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "shop", {
        "pyproject.toml": PYPROJECT.format(name=tag), "shop/__init__.py": "",
        "shop/app.py": SERVICE.format(products=5000),
    })  # fmt: skip
    repository = make_repository(folder, monkeypatch)
    repository.commit("a shop")
    stranger.begins(folder)
    stranger.types("memcap init")
    stranger.types("memcap run --accept")
    stranger.types("git add --all")
    stranger.types('git commit --message "Measure memory"')
    stranger.has_an_answer("a gate for a repository")
    assert {"limits.toml", f"results/baselines/{tag}.json"} <= set(repository.git("ls-files").split())
    assert not [name for name in repository.git("ls-files").split() if re.match(r"results/\d", name)]

    stranger.types("memcap run")
    write(folder, {"shop/app.py": SERVICE.format(products=50_000)})
    assert f"REGRESSED: {tag}.import_app" in stranger.types("memcap run", ends=99)
    limits = (folder / "limits.toml").read_text()
    (folder / "limits.toml").write_text(limits[: limits.index("# A change counts")])  # the tolerances end the file
    stranger.types("memcap run", ends=99)
    (folder / "limits.toml").write_text(limits)
    repository.git("checkout", "--quiet", ".")

    first, second = sorted(path.name for path in (folder / "images").iterdir())
    stranger.names |= {"py310": first, "py312": second}
    stranger.begins(folder)
    answer = stranger.types("memcap compare --base py310 --against py312")
    stranger.has_an_answer("two Pythons")
    assert f"{tag}.import_app" in answer


def test_a_production_image(
    stranger: Stranger,
    docker_client: DockerClient,
    tmp_path: Path,
    tag: str,
    base: ImageFacts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = write(tmp_path / tag, {"shop/app.py": SERVICE.format(products=5000), "README.md": ""})
    repository = make_repository(folder, monkeypatch)
    repository.commit("a shop")
    production(docker_client, folder, f"{tag}/prod:1.0", base)
    stranger.begins(folder)
    stranger.types("memcap init --image shop/prod:1.0")
    stranger.types("memcap run --accept")
    stranger.has_an_answer("a production image")

    production(docker_client, folder, f"{tag}/prod:1.1", base)
    stranger.types("memcap run --image prod=shop/prod:1.1")
    write(folder, {"shop/app.py": SERVICE.format(products=50_000)})
    production(docker_client, folder, f"{tag}/prod:1.1", base)
    assert f"REGRESSED: {tag}.import_app" in stranger.types("memcap run --image prod=shop/prod:1.1", ends=99)


def production(client: DockerClient, folder: Path, name: str, base: ImageFacts) -> None:
    """Build the image of production: the service and what it needs; each time its bytes are others."""
    assert base.python is not None
    context = folder.parent / "context"
    shutil.rmtree(context, ignore_errors=True)
    lock = write(folder.parent, {"locked.txt": "fastapi\n"}) / "locked.txt"
    shutil.copytree(resolve_dependencies((lock,), base, base.python), context / "site")
    shutil.copytree(folder / "shop", context / "shop")
    write(context, {"built": uuid.uuid4().hex})
    site = "/usr/local/lib/python3.12/site-packages"
    files = f"COPY site {site}\nWORKDIR /srv\nCOPY shop shop\nCOPY built .\n"
    compiled = f'RUN ["python", "-m", "compileall", "-q", "{site}", "/srv"]\n'  # as pip does
    build(client, context, name, f"FROM {base.reference}\n{files}{compiled}USER 1000\n")
