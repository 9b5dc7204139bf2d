"""What goes into a container with a test; how it ends there is tested in tests/integration/test_pytest_docker.py."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from memcap.errors import PlanError
from memcap.pytest_plugin.staging import stage_tests

if TYPE_CHECKING:
    from unit.pytest_plugin.conftest import Session

pytest_plugins = ["pytester"]


def files(folder: Path) -> set[str]:
    """Return what is of the tests in a staged folder."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {name for name in found if not name.startswith("memcap_")}


def test_folders_of_tests_go_in_with_what_pytest_reads_above_them(pytester: pytest.Pytester, tmp_path: Path) -> None:
    for name in (
        "pytest.ini", "conftest.py", "secret.txt", "tests/conftest.py", "tests/unit/__init__.py",
        "tests/unit/data/large.json", "tests/unit/.hidden", "tests/other/test_b.py", "venv/module.py",
    ):  # fmt: skip
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("[pytest]\n" if name == "pytest.ini" else "")
    test = pytester.path / "tests" / "unit" / "test_a.py"
    test.write_text("def test_a(): pass")
    config = pytester.parseconfigure(str(test))
    items = pytester.getitems("def test_a(): pass")
    items[0].path = test
    suite = stage_tests(tmp_path, items[:1], config)

    assert files(suite.directory) == {
        "pytest.ini", "conftest.py", "tests/conftest.py", "tests/unit/__init__.py", "tests/unit/test_a.py",
        "tests/unit/data/large.json",
    }  # fmt: skip
    assert (suite.directory / "memcap_inside.py").is_file()
    assert (suite.directory / "memcap_here" / "memcap" / "testing" / "tracker.py").is_file()
    assert suite.requirements is not None
    assert suite.requirements.read_text() == f"pytest=={pytest.__version__}\n"


def test_of_the_root_folder_only_modules_go_in(pytester: pytest.Pytester, tmp_path: Path) -> None:
    (pytester.path / "venv").mkdir()
    (pytester.path / "venv" / "module.py").write_text("")
    (pytester.path / "helper.py").write_text("")
    items = pytester.getitems("def test_a(): pass")
    suite = stage_tests(tmp_path, items, items[0].config)

    assert "helper.py" in files(suite.directory)
    assert not any(name.startswith("venv/") for name in files(suite.directory))


def test_tests_outside_of_the_root_folder_are_refused(pytester: pytest.Pytester, tmp_path: Path) -> None:
    items = pytester.getitems("def test_a(): pass")
    items[0].path = tmp_path.parent / "test_elsewhere.py"

    with pytest.raises(PlanError, match="is not below"):
        stage_tests(tmp_path, items, items[0].config)


@pytest.mark.allow_processes
def test_a_size_without_a_unit_is_refused(session: Session) -> None:
    result = session("def test_a(memory_tracker): pass", "--memcap-docker", "any:tag", "--cap", "256")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --cap: size '256' has no unit*"])


@pytest.mark.allow_processes
def test_containers_are_not_run_from_several_workers(session: Session) -> None:
    pytest.importorskip("xdist")
    result = session("def test_a(memory_tracker): pass", "--memcap-docker", "any:tag", "-p", "xdist", "-n", "2")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --memcap-docker does not go together with xdist's -n*"])


@pytest.mark.allow_processes
def test_without_a_daemon_the_session_ends_with_what_to_do(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    result = session("def test_a(memory_tracker): pass", "--memcap-docker", "any:tag")

    assert result.ret == 20
    result.stdout.fnmatch_lines(["*memcap: *nowhere/docker.sock*"])
