"""`pytest --memcap-docker`: each memory test in a container of its own; the OOM kill of one is one failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ending_early import ending_early
from integration.measuring import image

from memcap.images.build import build_images
from memcap.model import Ending
from memcap.store import load_result

if TYPE_CHECKING:
    from docker import DockerClient

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.docker

CONFTEST = """
import pytest

@pytest.fixture
def megabyte():
    return b"x" * 1_000_000
"""

TESTS = """
import os
import pytest
from memcap.testing import memory_limit

@pytest.mark.memory
@pytest.mark.parametrize("place", ["/memcap/probe", "/nowhere"])
def test_place(place, megabyte, memory_tracker):
    memory_tracker.assert_bounded(max_mb=20)
    assert os.path.exists(place), f"{place} is not here"

@memory_limit(max_mb=20)
def test_killed(megabyte):
    print("last words")
    data = [bytes(megabyte) + b"y" for _ in range(500)]

@pytest.mark.memory(metric="cgroup", max_mb=60)
def test_cgroup(memory_tracker):
    data = b"x" * 30_000_000
    assert 28 < memory_tracker.get_delta_mb() < 40

@pytest.mark.memory
def test_skipped():
    pytest.skip("not in containers")

def test_of_no_concern():
    assert not os.path.exists("/memcap/probe")
"""


def test_every_memory_test_runs_in_a_container_of_its_own(
    docker_client: DockerClient, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (built,) = build_images(docker_client, (image("py312"),), say=lambda _: None)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    folder = pytester.mkpydir("checks")
    (folder / "test_it.py").write_text(TESTS)
    pytester.makeconftest(CONFTEST)
    pytester.plugins = ["memcap.pytest_plugin"]
    result = pytester.runpytest_subprocess(
        "--memcap-docker", built.reference, "--cap", "96m", "--memcap-report", "out.json"
    )

    result.assert_outcomes(passed=3, failed=2, skipped=1)
    result.stdout.fnmatch_lines_random(
        [
            "oom_killed in * under 96.0 MiB (at most 9?.* MiB had to fit)",
            "last words",
            "failed in * under 96.0 MiB *",
            "E*AssertionError: /nowhere is not here",
        ]
    )
    stored = load_result(pytester.path / "out.json")
    assert [cell.runs[0].ending for cell in stored.cells] == [
        Ending.COMPLETED,
        Ending.FAILED,
        Ending.OOM_KILLED,
        Ending.COMPLETED,
    ]
    assert stored.environment.engine != "process"
    assert stored.cells[0].runs[0].peak_bytes


def test_exit_code_0_proves_nothing(
    docker_client: DockerClient, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (built,) = build_images(docker_client, (image("py312"),), say=lambda _: None)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makepyfile(test_it=ending_early("pytest.mark.memory"))
    pytester.plugins = ["memcap.pytest_plugin"]
    result = pytester.runpytest_subprocess(
        "--memcap-docker", built.reference, "--cap", "128m", "--memcap-report", "out.json"
    )

    result.assert_outcomes(passed=1, failed=6)
    result.stdout.fnmatch_lines_random(
        [
            "the process of this test ended before the test did, with exit code 0 *",
            "memcap: the session ended before the test did",
            "E*SystemExit: 0",
        ]
    )
    stored = load_result(pytester.path / "out.json")
    endings = [cell.runs[0].ending for cell in stored.cells]
    assert (endings[0], endings[6]) == (Ending.INCOMPLETE, Ending.COMPLETED)
    assert set(endings[1:6]) <= {Ending.FAILED, Ending.INCOMPLETE}, "exec fails where the image has no /bin/true"
