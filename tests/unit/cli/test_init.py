"""`memcap init`: what it says and writes."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from memcap.cli.init import command
from memcap.config import load_config
from memcap.errors import BuildError, ConfigError, MemcapError, UsageError
from memcap.model import Package

pytestmark = pytest.mark.allow_processes  # git is asked what it ignores

FASTAPI = "from fastapi import FastAPI\napp = FastAPI()\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository with an application, in the current folder; its only dependency is fastapi."""

    def lock(package: Package, requirements: Path | None, pythons: Sequence[str], **_: object) -> str:
        return "fastapi==0.100\n"

    monkeypatch.setattr("memcap.images.locking.lock_dependencies", lock)
    monkeypatch.setattr("platform.python_version_tuple", lambda: ("3", "12", "1"))
    root = tmp_path / "shop"
    (root / ".git").mkdir(parents=True)
    (root / "main.py").write_text(FASTAPI)
    monkeypatch.chdir(root)
    return root


def run(*words: str, raises: type[Exception] | None = None) -> Result:
    result = CliRunner().invoke(command, words)
    if raises is None:
        assert result.exception is None, result.output
    else:
        assert isinstance(result.exception, raises), result.output
    return result


def names(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


WRITTEN = {
    "limits.toml", "suites/shop/suite.toml", "suites/shop/workloads.py", "images/py312/Dockerfile",
    "images/py313/Dockerfile", ".gitignore", "memcap-requirements.txt",
}  # fmt: skip


def test_it_says_what_it_chose_and_what_to_do_next(shop: Path) -> None:
    output = run().output

    assert names(shop) == {"main.py", *WRITTEN}
    for line in (
        "  image      py312 (Python 3.12: it runs memcap here; py313 is there to compare with)",
        "  package    . (its files are put into the images)",
        "  benchmark  shop.import_app (imports main, where the FastAPI application is)",
        "wrote limits.toml",
        "wrote memcap-requirements.txt",
        "  memcap run --accept   measures the benchmark, and makes it the baseline",
    ):
        assert line in output.splitlines()
    assert load_config(shop).images["py312"].package == Package(
        path=shop.resolve(), project=shop.resolve(), requirements=shop.resolve() / "memcap-requirements.txt"
    )


def test_a_second_time_there_is_nothing_to_write(shop: Path) -> None:
    run()
    before = {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()}

    output = run().output

    assert "There is nothing to write: the project is complete." in output
    assert "limits.toml is there and stays as it is" in output
    assert {path: path.read_bytes() for path in shop.rglob("*") if path.is_file()} == before


def test_a_dry_run_writes_nothing(shop: Path) -> None:
    output = run("--dry-run", "--ci", "github").output

    assert names(shop) == {"main.py"}
    assert "would write suites/shop/workloads.py:" in output
    assert '  |     importlib.import_module("main")' in output.splitlines()
    assert "would write .github/workflows/memory.yml:" in output
    assert "would write memcap-requirements.txt with the dependencies on Python 3.12 and 3.13" in output


def test_without_an_index_the_rest_is_written(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> str:
        raise BuildError("the package index did not answer", remedy="Check the network.")

    with monkeypatch.context() as offline:
        offline.setattr("memcap.images.locking.lock_dependencies", unreachable)
        output = run().output
    assert names(shop) == {"main.py", *WRITTEN} - {"memcap-requirements.txt"}
    assert "The dependencies are not pinned yet: the package index did not answer" in output
    assert "Then run `memcap init` again" in output

    assert "wrote memcap-requirements.txt" in run().output


def test_a_folder_of_a_larger_repository(shop: Path) -> None:
    (shop / "api").mkdir()
    (shop / ".gitlab-ci.yml").write_text("test: {script: ls}\n")

    output = run("api").output

    assert (shop / "api" / "limits.toml").is_file()
    assert (shop / ".gitlab" / "memory-api.yml").is_file()
    assert (shop / ".gitlab-ci.yml").read_text() == "test: {script: ls}\n"
    assert "is the top of the repository, so the files of CI are there." in output
    assert "Add to .gitlab-ci.yml:\n  include: [{local: /.gitlab/memory-api.yml}]\n" in output


def test_a_limits_file_that_is_there_is_not_changed(shop: Path) -> None:
    limits = '[caps]\n1g = "1GiB"\n[profiles.quick]\n'
    (shop / "limits.toml").write_text(limits)

    output = run().output

    assert (shop / "limits.toml").read_text() == limits
    assert "Add to limits.toml:\n  [project]" in output


def test_mistakes_are_said(shop: Path, tmp_path: Path) -> None:
    (shop / "Dockerfile").write_text("FROM python\n")
    (tmp_path / "Dockerfile").write_text("FROM python\n")

    run("--image", "shop:1", "--dockerfile", "Dockerfile", raises=UsageError)
    run("--image", 'shop:"1"', raises=UsageError)
    elsewhere = run("--dockerfile", "../Dockerfile", raises=UsageError)
    assert "is not in" in str(elsewhere.exception)
    (shop / "limits.toml").write_text("nonsense\n")
    run(raises=ConfigError)
    assert names(shop) == {"main.py", "Dockerfile", "limits.toml"}


def test_a_path_that_is_in_the_way_is_said(shop: Path) -> None:
    (shop / "suites").write_text("a file")

    result = run(raises=Exception)

    assert "could not write" in str(result.exception)


def test_nothing_is_written_outside_of_the_repository(shop: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (shop / "suites").symlink_to(elsewhere)
    result = run(raises=MemcapError)
    assert "leads out of the repository" in str(result.exception)
    assert list(elsewhere.iterdir()) == []
    assert not (shop / "limits.toml").exists()


def test_a_build_that_would_break_is_told(shop: Path) -> None:
    (shop / "pyproject.toml").write_text('[project]\nname = "shop"\n')

    for words in (("--dry-run",), (), ()):  # until it is said
        assert '  [tool.setuptools]\n  py-modules = ["main"]\n' in run(*words).output


def test_folders_that_are_taken_are_said_before_anything_is_written(shop: Path) -> None:
    (shop / "suites/smoke").mkdir(parents=True)
    (shop / "suites/smoke/test_shop.py").touch()
    before = names(shop)

    error = run(raises=ConfigError).exception

    assert "suites/smoke: this folder has no suite.toml, as each folder of suites/ must" in str(error)
    assert names(shop) == before


def test_a_file_of_ci_that_runs_something_else_is_told(shop: Path) -> None:
    workflow = shop / ".github/workflows/memory.yml"
    workflow.parent.mkdir(parents=True)
    workflow.write_text("on: push\n")
    told = "memory.yml is there and stays as it is, but it does not run memcap: no CI does yet."

    assert told in run().output
    workflow.unlink()
    assert told not in run().output
    assert told not in run().output


def test_two_folders_whose_files_of_ci_have_one_name(shop: Path) -> None:
    for folder in ("api/v1", "api-v1"):
        (shop / folder).mkdir(parents=True)

    assert "does not run memcap" not in run("--ci", "github", "api/v1").output
    assert "but it does not run memcap in api-v1" in run("--ci", "github", "api-v1").output
    assert "does not run memcap" not in run("--ci", "github", "api/v1").output


def test_files_of_others_in_results_are_told(tmp_path: Path) -> None:
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "report.py").touch()
    assert "results/ has files of yours" in run(str(tmp_path)).output
    assert "results/ has files of yours" not in run(str(tmp_path)).output


def test_what_git_would_leave_out_is_told(tmp_path: Path) -> None:
    subprocess.run(("git", "init", "--quiet", str(tmp_path)), check=True)
    (tmp_path / ".gitignore").write_text("images/\n")

    output = run(str(tmp_path)).output

    told = output.partition("git ignores these files")[2].partition("Next:")[0]
    assert "  images/py" in told
    assert "limits.toml" not in told
