"""Look at containers' cgroups from the daemon's own machine: an instrument that adds nothing to the containers.

That machine may be another one, so the looking is done in a container beside, with its cgroups mounted.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from integration.administering import start_administering
from truth.lab import ExperimentError

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

T = TypeVar("T")
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.02
# Prints a line for each container beside its own, when that has ended. A look is every 2 ms, or less often where
# looking itself takes long (emulated processors): at most a tenth of a core.
LOOK = """
import json, os, re, time
v1 = os.path.isdir('/cgroups/memory')
(path,) = [p for _, c, p in (line.rstrip().split(':', 2) for line in open('/proc/self/cgroup'))
           if ('memory' in c.split(',') if v1 else c == '')]
parts = path.split('/')
depth, own = next((n, part) for n, part in enumerate(parts) if re.search('[0-9a-f]{64}', part))
parent = '/cgroups/' + ('memory/' if v1 else '') + '/'.join(parts[:depth])

def read(*names):
    with open(os.path.join(parent, *names)) as file:
        return file.read()

def look(folder):
    stat = dict(line.split() for line in read(folder, 'memory.stat').splitlines())
    if v1:
        need = int(stat['total_rss']) + int(stat['total_shmem']) + int(read(folder, 'memory.kmem.usage_in_bytes'))
        return int(read(folder, 'memory.max_usage_in_bytes')), need
    need = int(stat['anon']) + int(stat['shmem']) + int(stat['kernel']) - int(stat['slab_reclaimable'])
    return int(read(folder, 'memory.peak')), need

seen = {}
print('"ready"', flush=True)
while True:
    begun = time.monotonic()
    there = {name for name in os.listdir(parent) if re.search('[0-9a-f]{64}', name) and 'conmon' not in name} - {own}
    for name in there:
        try:
            peak, need = look(name)
        except (OSError, ValueError, KeyError):  # not there yet, or gone
            continue
        _, former, samples = seen.get(name, (0, 0, 0))
        seen[name] = peak, max(former, need), samples + 1
    for name in set(seen) - there:
        print(json.dumps([name, *seen.pop(name)]), flush=True)
    time.sleep(max(0.002, 9 * (time.monotonic() - begun)))
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What was seen of one container: its kernel's peak, and the largest sample of anon + shmem + kernel
    (without slabs that can be taken back, where the kernel says so), in bytes."""

    peak: int
    unreclaimable: int
    samples: int


class Outside:
    """The looking container."""

    def __init__(self, client: DockerClient, looking: Container) -> None:
        self._client = client
        self._looking = looking

    def see(self, name: str, run: Callable[[], T]) -> tuple[Seen, T]:
        """Call ``run``, which makes, starts and removes the container ``name``; return what was seen of it, too.

        Raises ExperimentError where it was not seen.
        """
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(run)
            identifier = self._identifier(name, running)
            result = running.result()
        for folder, *figures in self._lines(lambda line: identifier in line[0]):
            if identifier in folder:
                peak, unreclaimable, samples = figures
                return Seen(peak=peak, unreclaimable=unreclaimable, samples=samples), result
        raise ExperimentError(f"the cgroup of {name} was not seen from outside")

    def wait(self) -> None:
        """Return when it has begun to look. Raises ExperimentError."""
        self._lines(lambda line: line == "ready")

    def _identifier(self, name: str, running: Future[Any]) -> str:
        from docker.errors import NotFound

        while not running.done():
            try:
                return str(self._client.api.inspect_container(name)["Id"])
            except NotFound:
                time.sleep(PAUSE_SECONDS)
        running.result()
        raise ExperimentError(f"{name} was gone before it could be looked at")

    def _lines(self, enough: Callable[[Any], bool]) -> list[Any]:
        """Return all lines printed so far, as soon as one of them is enough."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            lines = [json.loads(line) for line in self._looking.logs(stderr=False).splitlines()]
            if any(map(enough, lines)):
                return lines
            self._looking.reload()
            if self._looking.status == "exited":
                break
            time.sleep(PAUSE_SECONDS)
        words = self._looking.logs(stdout=False).decode(errors="replace").strip()
        raise ExperimentError(f"nothing was seen from outside: {words}")


@contextmanager
def outside(client: DockerClient) -> Iterator[Outside]:
    """Look at all containers as long as the context lasts. Raises ExperimentError where the cgroups cannot be seen."""
    from docker.errors import DockerException

    try:
        looking = start_administering(client, LOOK)
    except DockerException as error:
        raise ExperimentError(f"the daemon's cgroups cannot be mounted: {error}") from error
    try:
        eye = Outside(client, looking)
        eye.wait()
        yield eye
    finally:
        looking.remove(force=True)
