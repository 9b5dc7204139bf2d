from __future__ import annotations

from pathlib import Path

import pytest
from ci.environment import BUILT, Environment, provide_venv
from ci.errors import SetupError
from ci.system import System


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with a virtual environment and a built supervisor."""
    for name, text in {
        "pyproject.toml": "[project]\n",
        "harness/build_supervisor.py": "",
        "harness/memcap/probe/csrc/supervisor.c": "int main;",
        BUILT.replace("*", "x86_64"): "",
        ".venv/bin/python": "",
        ".venv/pyvenv.cfg": "home = somewhere\nversion = 3.12.1\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def environment(clone: Path) -> Environment:
    return Environment(clone, windows=False)


def test_the_version_is_read_without_starting_python(environment: Environment) -> None:
    assert environment.version() == "3.12.1"


def test_an_environment_whose_python_was_uninstalled_counts_as_none(environment: Environment) -> None:
    environment.python.unlink()
    environment.python.symlink_to("gone")

    assert environment.version() is None


def test_windows_keeps_its_programs_elsewhere(tmp_path: Path) -> None:
    assert Environment(tmp_path, windows=True).python == tmp_path / ".venv" / "Scripts" / "python.exe"


def test_nothing_is_current_before_the_first_install(environment: Environment) -> None:
    assert not environment.is_current()


def test_an_untouched_clone_stays_current(environment: Environment) -> None:
    environment.mark_current()

    assert environment.is_current()


@pytest.mark.parametrize(
    "path",
    [
        "pyproject.toml",
        "harness/build_supervisor.py",
        "harness/memcap/probe/csrc/supervisor.c",
        "harness/memcap/probe/csrc/new.h",
    ],
)
def test_a_change_of_what_is_built_asks_for_an_install(environment: Environment, clone: Path, path: str) -> None:
    environment.mark_current()

    (clone / path).write_text("changed", encoding="utf-8")

    assert not environment.is_current()


def test_another_python_asks_for_an_install(environment: Environment, clone: Path) -> None:
    environment.mark_current()

    (clone / ".venv" / "pyvenv.cfg").write_text("version = 3.12.2\n", encoding="utf-8")

    assert not environment.is_current()


def test_python_files_ask_for_nothing(environment: Environment, clone: Path) -> None:
    environment.mark_current()

    (clone / "harness" / "memcap" / "units.py").write_text("", encoding="utf-8")

    assert environment.is_current()


def test_a_removed_supervisor_asks_for_an_install(environment: Environment, clone: Path) -> None:
    environment.mark_current()

    (clone / BUILT.replace("*", "x86_64")).unlink()

    assert not environment.is_current()


def test_a_moved_clone_asks_for_an_install(environment: Environment, clone: Path) -> None:
    environment.mark_current()
    moved = clone.with_name("moved")

    clone.rename(moved)

    assert not Environment(moved, windows=False).is_current()


@pytest.mark.parametrize(
    ("system", "advice"),
    [
        (System(platform="linux", distributions=("debian",), environ={}), "sudo apt-get install -y python3.12-venv"),
        (System(platform="linux", distributions=("fedora",), is_root=True, environ={}), "complete Python"),
        (System(platform="win32", environ={}), "complete Python"),
    ],
)
def test_without_the_venv_module_the_error_says_what_to_install(system: System, advice: str) -> None:
    with pytest.raises(SetupError, match=advice):
        provide_venv(("ensurepip",), system, running="3.12", say=print)
