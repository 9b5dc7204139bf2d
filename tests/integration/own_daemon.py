"""A Docker daemon of a test's own, which can be stopped, killed and started again; the one in use is left alone."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import docker
import psutil
from integration.measuring import scaled
from integration.promises import require

if TYPE_CHECKING:
    from docker import DockerClient


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


@contextmanager
def own_daemon() -> Iterator[Daemon]:
    """Yield a daemon that runs; there must be no container on it at the end."""
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
