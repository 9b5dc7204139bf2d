"""Start `memcap soak` as a user does, wait for what it says, and see that nothing of it is left."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from integration.measuring import scaled

from memcap.engine.docker_labels import CAMPAIGN_LABEL, KIND_LABEL, SOAK

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

MB = 1_000_000
LEAK = """
import time
kept = []
while True:
    kept.append(bytearray(50_000))
    time.sleep(0.05)
"""  # 1 MB a second
# Messages name other soaks of the daemon, too: these lines tell of the client's own.
_OWN = re.compile(r"^soak (\S+): it goes on if this client ends|^the soak goes on.*attach (\S+)$", re.MULTILINE)


class SoakClients:
    """Clients in the folder ``cwd``, of the daemon at ``host`` (None: the usual one); ``ids`` are their soaks."""

    def __init__(self, cwd: Path, host: str | None = None) -> None:
        self._cwd = cwd
        self._env = {**os.environ, **({} if host is None else {"DOCKER_HOST": host})}
        self.ids: set[str] = set()

    def __call__(self, *words: str) -> subprocess.Popen[str]:
        """Start `memcap soak` with ``words``."""
        return subprocess.Popen(
            [sys.executable, "-m", "memcap", "soak", *words],
            cwd=self._cwd,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def ended(self, running: subprocess.Popen[str], code: int) -> tuple[str, str]:
        """Return what a client said, which exits with ``code``."""
        out, err = running.communicate(timeout=scaled(180))
        self.note_ids(err)
        assert running.returncode == code, f"{out}\n{err}"
        assert "Traceback" not in err
        return out, err

    def wait_for_samples(self, running: subprocess.Popen[str], count: int) -> None:
        """Wait until a client has printed so many samples."""
        assert running.stderr is not None
        lines = []
        for line in running.stderr:
            self.note_ids(line)
            lines.append(line)
            count -= "RSS" in line
            if count == 0:
                return
        raise AssertionError(lines)

    def note_ids(self, said: str) -> bool:
        """Remember the soaks that a client began; tell whether it says so of one."""
        found = {first or second for first, second in _OWN.findall(said)}
        self.ids |= found
        return bool(found)

    def wait_for_id(self, running: subprocess.Popen[str]) -> str:
        """Wait until a client has said the id of its soak, and return that."""
        assert running.stderr is not None
        lines = []
        for line in running.stderr:
            lines.append(line)
            if self.note_ids(line):
                return self.only_id()
        raise AssertionError(lines)

    def only_id(self) -> str:
        """Return the id of the only soak."""
        (name,) = self.ids
        return name

    def remove_all(self, client: DockerClient) -> list[str]:
        """Remove what is left of the soaks, and return the names of these containers."""
        left = [container for name in self.ids for container in containers(client, name)]
        for container in left:
            container.remove(force=True, v=True)
        return [str(container.name) for container in left]


def containers(client: DockerClient, name: str) -> list[Container]:
    """Return the containers of the soak ``name``."""
    labels = [f"{CAMPAIGN_LABEL}={name}", f"{KIND_LABEL}={SOAK}"]
    found: list[Container] = client.containers.list(all=True, filters={"label": labels})
    return found


def report(folder: Path) -> dict[str, Any]:
    """Return the only report below ``folder``."""
    (found,) = folder.rglob("soak.json")
    read: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
    return read
