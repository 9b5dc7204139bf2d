"""Look at a container's cgroup from the daemon's own machine: an instrument that adds nothing to the container."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from docker import DockerClient

PAUSE_SECONDS = 0.002
MOUNT = Path("/sys/fs/cgroup")
PLACES = (
    "memory/docker/{id}",
    "memory/system.slice/docker-{id}.scope",
    "docker/{id}",
    "system.slice/docker-{id}.scope",
)


class Seen:
    """What was seen of one container: its kernel's peak, and the largest sample of anon + shmem + kernel, in bytes."""

    def __init__(self) -> None:
        self.peak = self.unreclaimable = self.samples = 0

    def look(self, folder: Path) -> None:
        """Take a sample. Raises OSError when the cgroup is gone."""
        stat = dict(line.split() for line in (folder / "memory.stat").read_text(encoding="ascii").splitlines())
        if "total_rss" in stat:  # cgroup v1
            kernel, peak = "memory.kmem.usage_in_bytes", "memory.max_usage_in_bytes"
            need = (
                int(stat["total_rss"]) + int(stat["total_shmem"]) + int((folder / kernel).read_text(encoding="ascii"))
            )
        else:
            peak = "memory.peak"
            need = int(stat["anon"]) + int(stat["shmem"]) + int(stat["kernel"])
        self.peak = int((folder / peak).read_text(encoding="ascii"))
        self.unreclaimable = max(self.unreclaimable, need)
        self.samples += 1


@contextmanager
def watched(client: DockerClient, container: str) -> Iterator[Seen]:
    """Watch the container of that name from its start to its end; nothing is seen where the daemon is elsewhere."""
    seen, over = Seen(), threading.Event()
    watcher = threading.Thread(target=_watch, args=(client, container, seen, over), daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _watch(client: DockerClient, container: str, seen: Seen, over: threading.Event) -> None:
    from docker.errors import NotFound

    found = None
    while found is None and not over.is_set():
        try:
            found = str(client.api.inspect_container(container)["Id"])
        except NotFound:
            time.sleep(PAUSE_SECONDS)
    folders = [MOUNT / place.format(id=found) for place in PLACES]
    while not over.is_set():
        for folder in folders:
            try:
                seen.look(folder)
            except (OSError, ValueError, KeyError):  # not there yet, or gone
                continue
        time.sleep(PAUSE_SECONDS)
