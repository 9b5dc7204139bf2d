"""What the administrator of the daemon's machine would do: with cgroups, and to containers that run."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

from integration.measuring import cell

from memcap.engine.docker_labels import KIND_LABEL, LABEL
from memcap.images.prepare import prepare_layers
from memcap.model import ImageFacts, Plan, RawRun

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.containers import Container

    from memcap.engine.docker import DockerEngine
    from memcap.model import RunSpec

MIB = 1024 * 1024
PARENT = "memcap-machine-oom"
# The daemon's machine may be another one: so it is done in a container with that machine's cgroups mounted.
MAKE_PARENT = """
import os, sys
v1 = os.path.isdir('/cgroups/memory')
folder = ('/cgroups/memory/' if v1 else '/cgroups/') + sys.argv[1]
os.makedirs(folder, exist_ok=True)
with open(folder + ('/memory.limit_in_bytes' if v1 else '/memory.max'), 'w') as file:
    file.write(sys.argv[2])
"""
# Podman leaves the cgroups of its monitors there, too.
REMOVE_PARENT = """
import glob, os, sys
for place in glob.glob('/cgroups/' + sys.argv[1]) + glob.glob('/cgroups/*/' + sys.argv[1]):
    for folder, _, _ in os.walk(place, topdown=False):
        os.rmdir(folder)
"""
GROUP_KILL = """
import glob, sys
found = glob.glob(f'/cgroups/**/*{sys.argv[1]}*/memory.oom.group', recursive=True)
assert found, 'no such cgroup'
open(found[0], 'w').write('1')
"""


def administer(client: DockerClient, code: str, *arguments: str) -> None:
    """Run Python ``code`` on the daemon's machine, with its cgroups writable below /cgroups."""
    client.containers.run(**_options(client, code, arguments), remove=True)


def start_administering(client: DockerClient, code: str, *arguments: str) -> Container:
    """Do so without waiting; the caller removes the container."""
    return client.containers.run(**_options(client, code, arguments), detach=True)


def _options(client: DockerClient, code: str, arguments: tuple[str, ...]) -> dict[str, Any]:
    return {
        "image": _image(client).id,
        "command": ["python", "-c", code, *arguments],
        "cgroupns": "host",
        "network_mode": "none",
        "volumes": {"/sys/fs/cgroup": {"bind": "/cgroups", "mode": "rw"}},
        "labels": {LABEL: "1", KIND_LABEL: "question"},
    }


def _image(client: DockerClient) -> ImageFacts:
    plan = Plan(profile="truth", cells=(cell("nothing"),), runs=1, warmups=0)
    ((_, layer),) = prepare_layers(client, plan, {}, say=lambda _: None).items()
    return layer.image


@contextmanager
def small_parent_cgroup(client: DockerClient) -> Iterator[None]:
    """Put containers into a cgroup of 64 MiB: from inside, that is a machine with too little memory."""
    make = client.api.create_host_config
    try:
        administer(client, MAKE_PARENT, PARENT, str(64 * MIB))
        with mock.patch.object(client.api, "create_host_config", lambda **kw: make(**kw, cgroup_parent=f"/{PARENT}")):
            yield
    finally:
        administer(client, REMOVE_PARENT, PARENT)


def kill_as_a_group(client: DockerClient, container: str) -> None:
    """Have the kernel kill all of the container with this id at its cap, as Kubernetes does; cgroup v2 only."""
    administer(client, GROUP_KILL, container)


def kill_from_outside(client: DockerClient, container: str) -> None:
    """Do what `docker kill` does."""
    client.api.kill(container)


def disturbed(
    client: DockerClient, engine: DockerEngine, spec: RunSpec, deed: Callable[[DockerClient, str], None]
) -> RawRun:
    """Return the raw run of ``spec``; when its workload has begun, ``deed`` is done to its container, by id."""
    found: list[RawRun] = []
    thread = threading.Thread(target=lambda: found.append(engine.execute(spec)))
    thread.start()
    running: list[str] = []
    while not running and thread.is_alive():
        time.sleep(0.1)
        running = [each.id or "" for each in client.containers.list(filters={"name": spec.name})]
    if running:
        time.sleep(1)
        deed(client, running[0])
    thread.join()
    return found[0]
