"""A daemon that is killed or stopped in the middle of a campaign and started again, and a disk that is full: real ones.

The daemon is a second one, with folders of its own; the one in use is left alone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from integration.measuring import scaled, write_project
from integration.own_daemon import Daemon, own_daemon

from memcap.model import CampaignResult, Ending
from memcap.store import journal_path, load_interrupted, load_result

pytestmark = pytest.mark.docker

RUNS = 8
LIMITS = f"""
[caps]
64m = "64MiB"
[profiles.quick]
runs = {RUNS}
warmups = 0
[tolerances.peak]
relative = "5%"
"""
SUITE = """
[benchmarks.naps]
command = ["python", "-c", "import time; print('word ' * 400); time.sleep(0.5)"]
"""


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    with own_daemon() as made:
        yield made


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_project(tmp_path, limits=LIMITS, suite=SUITE)


def start(daemon: Daemon, project: Path, *words: str, inside: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Start `memcap run` against the daemon, as an argument of the command line ``inside``."""
    return subprocess.Popen(
        [*inside, sys.executable, "-m", "memcap", "run", "--no-check", "--jobs", "1", *words],
        cwd=project,
        env={**os.environ, "DOCKER_HOST": daemon.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_for_runs(running: subprocess.Popen[str], result: Path, count: int) -> None:
    journal = journal_path(result)
    while not journal.exists() or len(journal.read_bytes().splitlines()) <= count:
        assert running.poll() is None, running.communicate()[0]
        time.sleep(0.02)


def figures(result: CampaignResult) -> list[float | None]:
    """Return the wall times of the only cell: no two runs have the same."""
    (cell,) = result.cells
    assert all(run.ending is Ending.COMPLETED for run in cell.runs)
    return [run.wall_seconds for run in cell.runs]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_daemon_that_comes_back_costs_the_run_under_way(
    daemon: Daemon, project: Path, number: signal.Signals
) -> None:
    result = project / "r.json"
    running = start(daemon, project, "-o", str(result))
    wait_for_runs(running, result, 3)
    daemon.end(number)
    before = figures(load_interrupted(result))
    daemon.start()
    said, _ = running.communicate(timeout=scaled(120))
    assert running.returncode == 0, said
    after = figures(load_result(result))
    assert len(after) == RUNS
    assert after[: len(before)] == before


def test_a_power_failure_costs_the_run_under_way(daemon: Daemon, project: Path) -> None:
    result, boot = project / "r.json", project / "boot_id"
    running = start(daemon, project, "-o", str(result))
    wait_for_runs(running, result, 3)
    with daemon.client() as client:
        while not client.containers.list():
            assert running.poll() is None
    running.kill()
    daemon.fail()
    running.communicate()
    before = figures(load_interrupted(result))
    daemon.start()
    with daemon.client() as client:
        assert len(client.containers.list(all=True)) == 1, "that of the run under way"
    boot.write_text("5d7c1ab0-0000-4000-8000-000000000000\n")
    mounted = f'mount --bind {boot} /proc/sys/kernel/random/boot_id && exec "$@"'
    again = start(daemon, project, "--resume", str(result), inside=("unshare", "--mount", "sh", "-c", mounted, "sh"))
    said, _ = again.communicate(timeout=scaled(120))
    assert again.returncode == 0, said
    after = figures(load_result(result))
    assert len(after) == RUNS
    assert after[: len(before)] == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", str(folder)], check=True)
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_no_finished_run(daemon: Daemon, project: Path, small_disk: Path) -> None:
    result = small_disk / "r.json"
    full = start(daemon, project, "-o", str(result))
    said, _ = full.communicate(timeout=scaled(120))
    assert full.returncode == 1, said
    assert "No space left on device" in said
    assert "Traceback" not in said
    before = figures(load_interrupted(result))
    assert 1 <= len(before) < RUNS, said
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    again = start(daemon, project, "--resume", str(result))
    said, _ = again.communicate(timeout=scaled(120))
    assert again.returncode == 0, said
    after = figures(load_result(result))
    assert len(after) == RUNS
    assert after[: len(before)] == before
