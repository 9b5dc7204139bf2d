"""A daemon that is killed or stopped in the middle of a campaign and started again, and a disk that is full: real ones.

The daemon is a second one, with folders of its own; the one in use is left alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import psutil
import pytest
from integration.measuring import scaled, write_project
from integration.promises import require

from memcap.model import CampaignResult, Ending
from memcap.store import journal_path, load_interrupted, load_result

if TYPE_CHECKING:
    from docker import DockerClient

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


class Daemon:
    """A Docker daemon in ``folder``, in a network namespace of its own: without a bridge, it removes docker0."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.url = f"unix://{folder}/docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        folder = self._folder
        options = {"data-root": folder / "data", "exec-root": folder / "exec", "pidfile": folder / "pid"}
        words = [word for name, path in options.items() for word in (f"--{name}", str(path))]
        nets = ["--bridge", "none", "--iptables=false", "--ip-masq=false"]
        with (folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["unshare", "--net", "dockerd", "--host", self.url, *words, *nets], stdout=log, stderr=log
            )
        end = time.monotonic() + scaled(60)
        while not self._answers():
            assert self._process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < end, (folder / "log").read_text()
            time.sleep(0.2)

    def _answers(self) -> bool:
        # Not by the SDK, which leaves a socket open that it could not connect.
        asked = subprocess.run(["docker", "--host", self.url, "version"], capture_output=True, check=False)
        return asked.returncode == 0

    def end(self, number: signal.Signals) -> None:
        """Send it the signal, and wait until it has ended."""
        assert self._process is not None
        self._process.send_signal(number)
        self._process.wait(timeout=scaled(60))
        # Its containerd goes with it. Where nobody reaps that, the next daemon would take it for alive.
        (self._folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def fail(self) -> None:
        """End all that belongs to it at once and empty its /run, as a power failure does."""
        self.end(signal.SIGKILL)
        for each in psutil.process_iter(["cmdline"]):
            if any(str(self._folder) in word for word in each.info["cmdline"] or ()):
                with contextlib.suppress(psutil.NoSuchProcess):
                    each.kill()
        for mounted in sorted(psutil.disk_partitions(all=True), key=lambda one: -len(one.mountpoint)):
            if mounted.mountpoint.startswith(f"{self._folder}/"):
                subprocess.run(["umount", "--lazy", mounted.mountpoint], check=True)
        shutil.rmtree(self._folder / "exec", ignore_errors=True)

    @contextmanager
    def client(self) -> Iterator[DockerClient]:
        """Give a client of it."""
        made = docker.DockerClient(base_url=self.url)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(scope="module")
def daemon() -> Iterator[Daemon]:
    can = shutil.which("dockerd") is not None and hasattr(os, "geteuid") and os.geteuid() == 0
    require("dockerd", available=can, reason="a daemon of one's own needs dockerd and root")
    folder = Path(tempfile.mkdtemp(prefix="dockerd-", dir="/tmp"))  # sockets have short paths
    made = Daemon(folder)
    made.start()
    try:
        yield made
        with made.client() as client:
            assert client.containers.list(all=True) == []
    finally:
        made.end(signal.SIGTERM)
        made.fail()
        shutil.rmtree(folder)


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
