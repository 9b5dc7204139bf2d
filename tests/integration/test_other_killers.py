"""Kills that the cap of the container did not cause, or that take the supervisor too."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from integration.measuring import cell, launched

from memcap.engine.docker_client import KIND_LABEL, LABEL
from memcap.images.prepare import prepare_layers
from memcap.measure import measure
from memcap.model import CaveatKind, Ending, Measurement, Plan, RawRun

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.engine.docker import DockerEngine
    from memcap.model import Cell, RunSpec

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
PARENT = "memcap-machine-oom"
# What the administrator of the daemon's machine would do, which may be another machine: so it is done in a
# container with that machine's cgroups mounted.
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
    ((_, layer),) = prepare_layers(
        client,
        Plan(profile="truth", cells=(cell("nothing"),), runs=1, warmups=0),
        {},
        say=lambda _: None,
    ).items()
    client.containers.run(
        layer.image.id,
        command=["python", "-c", code, *arguments],
        cgroupns="host",
        network_mode="none",
        volumes={"/sys/fs/cgroup": {"bind": "/cgroups", "mode": "rw"}},
        labels={LABEL: "1", KIND_LABEL: "question"},
        remove=True,
    )


@contextmanager
def small_parent_cgroup(client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put containers into a cgroup of 64 MiB: from inside, that is a machine with too little memory."""
    make = client.api.create_host_config
    try:
        administer(client, MAKE_PARENT, PARENT, str(64 * MIB))
        with monkeypatch.context() as patch:
            patch.setattr(client.api, "create_host_config", lambda **kw: make(**kw, cgroup_parent=f"/{PARENT}"))
            yield
    finally:
        administer(client, REMOVE_PARENT, PARENT)


def run_once(client: DockerClient, one: Cell) -> Measurement:
    with launched(client, one) as (engine, spec):
        return measure(engine.execute(spec), spec, cpus=2)


def test_kill_for_want_of_memory_above_the_container(
    docker_client: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    with small_parent_cgroup(docker_client, monkeypatch):
        run = run_once(docker_client, cell("allocate", mib=100, cap="256m"))

    assert run.ending is Ending.MACHINE_OOM
    assert run.ending.is_infrastructure, "it says nothing about the cap"
    assert run.oom.kills == 1
    assert "below the cap" in run.detail


def test_killed_by_docker_kill(docker_client: DockerClient) -> None:
    with launched(docker_client, cell("sleep_for_ever")) as (engine, spec):
        raw = _disturbed(docker_client, engine, spec, docker_client.api.kill)
        run = measure(raw, spec, cpus=2)

    assert run.ending is Ending.KILLED_FROM_OUTSIDE
    assert run.exit_code == 137
    assert run.oom.docker_flag is False


def test_whole_group_killed_as_kubernetes_does(docker_client: DockerClient) -> None:
    if str(docker_client.info().get("CgroupVersion")) != "2":
        pytest.skip("memory.oom.group is a file of cgroup v2")
    with launched(docker_client, cell("grow_for_ever", mib_per_second=5, cap="96m")) as (engine, spec):
        raw = _disturbed(docker_client, engine, spec, lambda found: administer(docker_client, GROUP_KILL, found))
        run = measure(raw, spec, cpus=2)

    assert run.ending is Ending.OOM_GROUP_KILLED
    assert run.oom.docker_flag or run.oom.docker_events
    assert run.unreclaimable_peak_bytes is not None, "the journal outlives the supervisor"
    assert CaveatKind.SAMPLED_ONLY in {caveat.kind for caveat in run.caveats}


def _disturbed(client: DockerClient, engine: DockerEngine, spec: RunSpec, disturb: Callable[[str], None]) -> RawRun:
    """Return the raw run of ``spec``, disturbed when its workload has begun."""
    found: list[RawRun] = []
    thread = threading.Thread(target=lambda: found.append(engine.execute(spec)))
    thread.start()
    running: list[str] = []
    while not running and thread.is_alive():
        time.sleep(0.1)
        running = [each.id or "" for each in client.containers.list(filters={"name": spec.name})]
    time.sleep(1)
    disturb(running[0])
    thread.join()
    return found[0]
