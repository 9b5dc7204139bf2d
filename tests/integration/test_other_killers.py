"""Kills that the cap of the container did not cause, or that take the supervisor too."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from integration.measuring import cell, launched

from memcap.engine.docker_client import KIND_LABEL, LABEL
from memcap.measure import measure
from memcap.model import CaveatKind, Ending, Measurement, RawRun

if TYPE_CHECKING:
    from docker import DockerClient

    from memcap.model import Cell

pytestmark = pytest.mark.docker
MIB = 1024 * 1024
PARENT = Path("/sys/fs/cgroup/memory/memcap-machine-oom")


@contextmanager
def small_parent_cgroup(client: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put containers into a cgroup of 64 MiB: from inside, that is a machine with too little memory."""
    try:
        PARENT.mkdir()
    except OSError:
        pytest.skip("needs cgroup v1 of a daemon on this machine, and root")
    make = client.api.create_host_config
    try:
        (PARENT / "memory.limit_in_bytes").write_text(str(64 * MIB))
        with monkeypatch.context() as patch:
            patch.setattr(client.api, "create_host_config", lambda **kw: make(**kw, cgroup_parent=f"/{PARENT.name}"))
            yield
    finally:
        PARENT.rmdir()


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
        raw = _disturbed(engine, spec, lambda: docker_client.api.kill(spec.name))
        run = measure(raw, spec, cpus=2)

    assert run.ending is Ending.KILLED_FROM_OUTSIDE
    assert run.exit_code == 137
    assert run.oom.docker_flag is False


def test_whole_group_killed_as_kubernetes_does(docker_client: DockerClient) -> None:
    if str(docker_client.info().get("CgroupVersion")) != "2":
        pytest.skip("memory.oom.group is a file of cgroup v2")
    with launched(docker_client, cell("grow_for_ever", mib_per_second=20, cap="96m")) as (engine, spec):
        raw = _disturbed(engine, spec, lambda: _turn_group_kill_on(docker_client, spec.name, spec.image_id))
        run = measure(raw, spec, cpus=2)

    assert run.ending is Ending.OOM_GROUP_KILLED
    assert run.oom.docker_flag or run.oom.docker_events
    assert run.unreclaimable_peak_bytes is not None, "the journal outlives the supervisor"
    assert CaveatKind.SAMPLED_ONLY in {caveat.kind for caveat in run.caveats}


def _disturbed(engine: Any, spec: Any, disturb: Any) -> RawRun:
    """Return the raw run of ``spec``, disturbed when its workload has begun."""
    found: list[RawRun] = []
    thread = threading.Thread(target=lambda: found.append(engine.execute(spec)))
    thread.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        time.sleep(0.2)
        try:
            top = engine._client.api.top(spec.name)
        except Exception:  # not there yet
            continue
        if len(top["Processes"]) >= 2:
            break
    disturb()
    thread.join()
    return found[0]


def _turn_group_kill_on(client: DockerClient, name: str, image: str) -> None:
    """Write the container's memory.oom.group as its machine's administrator would, with the cgroups writable."""
    container = client.containers.get(name)
    code = (
        "import glob, sys\n"
        "found = glob.glob(f'/cgroups/**/*{sys.argv[1]}*/memory.oom.group', recursive=True)\n"
        "assert found, 'no such cgroup'\n"
        "open(found[0], 'w').write('1')"
    )
    client.containers.run(
        image,
        entrypoint=["python", "-c", code, str(container.id)],
        privileged=True,
        cgroupns="host",
        network_mode="none",
        volumes={"/sys/fs/cgroup": {"bind": "/cgroups", "mode": "rw"}},
        labels={LABEL: "1", KIND_LABEL: "question"},
        remove=True,
    )
