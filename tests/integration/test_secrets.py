"""A secret is in no file that memcap writes and in nothing that it prints, whatever the workload does with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from documents import ROOT

pytestmark = pytest.mark.docker

SECRET = "hunter2-\"x'y\\z"
PARTS = ("hunter2", "x'y", "y\\z")
PRINTS = "import os, sys; print(os.environ['TOKEN']); print(repr(os.environ['TOKEN']), sys.argv, file=sys.stderr)"
FAILS = f"{PRINTS}; raise ValueError(os.environ['TOKEN'])"
FILLS = f"{PRINTS}; kept = [b'x' * 2**20 for _ in range(200)]"
LIMITS = """
[caps]
64m = "64MiB"
[profiles.quick]
runs = 1
warmups = 0
[container]
pass_env = ["TOKEN", "REGION"]
public_env = ["REGION"]
"""
SUITE = """
[benchmarks.prints]
call = "work:prints"
expect = "failed"
[benchmarks.in_a_file]
command = ["python3", "-c", "import os; raise SystemExit(os.environ['OTHER'])"]
container = { env_files = "other.env" }
expect = "failed"
"""
WORK = f"def prints():\n    {FAILS}\n"


def memcap(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "TOKEN": SECRET, "REGION": "eu-west-7", "XDG_CONFIG_HOME": str(folder.parent / "config")}
    return subprocess.run(
        [sys.executable, "-m", "memcap", *words],
        cwd=folder,
        env=environ,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


def assert_nothing_leaked(folder: Path, ended: subprocess.CompletedProcess[str]) -> None:
    texts = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != "other.env"}
    texts[Path("printed")] = (ended.stdout + ended.stderr).encode()
    for path, content in texts.items():
        for part in PARTS:
            assert part.encode() not in content, f"{part} is in {path}"
            assert json.dumps(part)[1:-1].encode() not in content, f"{part} is in {path}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return an empty folder; images are this project's by their tags, as the folder is no project."""
    found = tmp_path / "here"
    found.mkdir()
    return found


@pytest.fixture
def project(folder: Path) -> Path:
    shutil.copytree(ROOT / "images" / "py312", folder / "images" / "py312")
    suite = folder / "suites" / "demo"
    suite.mkdir(parents=True)
    (folder / "limits.toml").write_text(LIMITS, encoding="utf-8")
    (folder / "other.env").write_text(f"OTHER={SECRET}\n", encoding="utf-8")
    (suite / "suite.toml").write_text(SUITE, encoding="utf-8")
    (suite / "work.py").write_text(WORK, encoding="utf-8")
    return folder


@pytest.mark.parametrize("given", [("-e", "TOKEN"), ("-e", f"TOKEN={SECRET}")], ids=["passed", "typed"])
def test_measure(project: Path, given: tuple[str, ...]) -> None:
    words = ("--runs", "1", "--warmups", "0", *given, "-e", "REGION", "--public-env", "REGION", "--show-output")
    ended = memcap(project, "measure", "py312", *words, "-o", "m.json", "--", "python3", "-c", FAILS, SECRET)
    assert ended.returncode == 96, ended.stderr
    assert_nothing_leaked(project, ended)
    stored = json.loads((project / "m.json").read_text(encoding="utf-8"))["memcap"]
    assert stored["policy"]["env"]["REGION"] == "eu-west-7"
    assert stored["policy"]["env"]["TOKEN"].startswith("hmac:")
    assert "***" in stored["cells"][0]["runs"][0]["output_tail"]
    for form in ("html", "markdown", "junit"):
        report = memcap(project, "report", "m.json", "--format", form, "--output", f"m.{form}")
        assert report.returncode == 0, report.stderr
    printed = memcap(project, "measure", "py312", *words, "--json", "--", "python3", "-c", FAILS, SECRET)
    assert "***" in printed.stdout
    assert_nothing_leaked(project, printed)


def test_a_changed_secret_shows(project: Path) -> None:
    def digest(value: str) -> str:
        words = ("--runs", "1", "--warmups", "0", "-e", f"TOKEN={value}", "--force", "-o", "m.json")
        assert memcap(project, "measure", "py312", *words, "--", "python3", "-c", "").returncode == 0
        stored: str = json.loads((project / "m.json").read_text(encoding="utf-8"))["memcap"]["policy"]["env"]["TOKEN"]
        return stored

    assert digest("first") == digest("first") != digest("second")


def test_run(project: Path) -> None:
    ended = memcap(project, "run", "--report", "html=run.html", "--report", "markdown=run.md", "--verbose")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (result,) = (project / "results").glob("*.json")
    stored = json.loads(result.read_text(encoding="utf-8"))["memcap"]
    assert [run["ending"] for cell in stored["cells"] for run in cell["runs"]] == ["failed", "failed"]
    assert stored["policy"]["env"]["TOKEN"].startswith("hmac:")
    own = next(cell["cell"]["policy"] for cell in stored["cells"] if cell["cell"]["benchmark"] == "in_a_file")
    assert own["env"]["OTHER"].startswith("hmac:")
    assert_nothing_leaked(project, ended)


def test_a_variable_that_is_missing_is_named_before_the_first_run(project: Path) -> None:
    (project / "other.env").unlink()
    ended = memcap(project, "run")
    assert ended.returncode == 2
    assert "other.env: cannot be read" in ended.stderr


def test_fit(project: Path) -> None:
    words = ("--max-runs", "2", "-o", "fitted", "-e", "TOKEN", "py312", "--")
    ended = memcap(project, "fit", *words, "python3", "-c", PRINTS, SECRET)
    assert ended.returncode == 0, ended.stderr
    assert_nothing_leaked(project, ended)


def test_repro(project: Path) -> None:
    words = ("--cap", "64m", "-n", "1", "-o", "there", "-e", f"TOKEN={SECRET}", "py312", "--")
    ended = memcap(project, "repro", *words, "python3", "-c", FILLS, SECRET)
    assert ended.returncode == 0, ended.stderr
    assert_nothing_leaked(project, ended)


def test_repro_is_retyped_without_the_value(project: Path) -> None:
    words = ("--cap", "512m", "--lower", "-n", "1", "-o", "there", "-e", f"TOKEN={SECRET}", "py312", "--")
    ended = memcap(project, "repro", *words, "python3", "-c", FILLS)
    assert ended.returncode == 0, ended.stderr
    assert "--env TOKEN py312" in ended.stdout
    assert_nothing_leaked(project, ended)


@pytest.mark.parametrize("tool", [(), ("--tracemalloc",)], ids=["memray", "tracemalloc"])
def test_profile(project: Path, tool: tuple[str, ...]) -> None:
    words = (*tool, "-o", "there", "-e", "TOKEN", "py312", "--")
    ended = memcap(project, "profile", *words, "python3", "-c", FAILS, SECRET)
    assert ended.returncode == 96, ended.stderr
    assert_nothing_leaked(project, ended)
