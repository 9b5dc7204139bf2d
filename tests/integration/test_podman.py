"""Podman's Docker-compatible socket as the daemon: a service of our own, with storage of its own, as root.

The other integration tests run on Podman too, with DOCKER_HOST set to its socket. This is what must not break unseen.
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from integration.attacks import ATTACKS, Attack, execute_attack
from integration.measuring import _settings, cell, measure_cells
from integration.promises import require

from memcap.engine.discover import DaemonAddress
from memcap.engine.docker import DockerEngine
from memcap.engine.docker_client import connect
from memcap.engine.docker_facts import gather
from memcap.engine.docker_leftovers import find_containers, find_layers, remove
from memcap.errors import DaemonUnavailable
from memcap.images.instrumented import build_instrumented
from memcap.images.inventory import find_built
from memcap.images.prepare import prepare_layers
from memcap.instruments.launching import Instrument
from memcap.instruments.records import read_noted
from memcap.instruments.session import Session
from memcap.model import Ending, Plan, ProfileTool

if TYPE_CHECKING:
    from docker import DockerClient

MIB = 1024 * 1024
PATIENCE_SECONDS = 30
MODEST_LIMIT = 8192
IS_V1 = not Path("/sys/fs/cgroup/cgroup.controllers").exists()


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DockerClient]:
    """Yield a client of a Podman service; skip where there is no podman, or fail if MEMCAP_REQUIRE promises it."""
    require("podman", available=shutil.which("podman") is not None)
    require("podman", available=os.geteuid() == 0, reason="rootless Podman cannot limit memory everywhere")
    place = tmp_path_factory.mktemp("podman")
    (place / "containers.conf").write_text(configuration())
    storage = ["podman", "--root", f"{place}/root", "--runroot", f"{place}/run", "--cgroup-manager", "cgroupfs"]
    # crun refuses a cgroup v1 machine on which cgroup v2 has a controller too.
    storage += ["--runtime", "runc"] if IS_V1 else []
    environ = {**os.environ, "CONTAINERS_CONF": str(place / "containers.conf")}
    address = f"unix://{place}/podman.sock"
    with (place / "log").open("wb") as log:
        service = subprocess.Popen(
            [*storage, "--events-backend", "file", "system", "service", "--time", "0", address],
            env=environ,
            cwd=place,  # where its monitors leave files
            stdout=log,
            stderr=log,
        )
    try:
        client = patiently_connected(service, address, place / "log")
        yield client
        client.close()
    finally:
        service.terminate()
        service.wait(PATIENCE_SECONDS)
        subprocess.run([*storage, "rmi", "--all", "--force"], env=environ, check=False, capture_output=True)
        subprocess.run(["umount", place / "root" / "overlay"], check=False, capture_output=True)
        shutil.rmtree(place)


def configuration() -> str:
    """Return limits that may be set here: Podman's own are higher than what a machine without CAP_SYS_RESOURCE has."""
    limits = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    hard = {name: resource.getrlimit(which)[1] for name, which in limits.items()}
    low = {
        name: MODEST_LIMIT if most == resource.RLIM_INFINITY else min(most, MODEST_LIMIT) for name, most in hard.items()
    }
    listed = ", ".join(f'"{name}={limit}:{limit}"' for name, limit in low.items())
    return f"[containers]\ndefault_ulimits = [{listed}]\n"


def patiently_connected(service: subprocess.Popen[bytes], url: str, log: Path) -> DockerClient:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while service.poll() is None and time.monotonic() < deadline:
        try:
            return connect(DaemonAddress(url=url, source="the test's own service"))
        except DaemonUnavailable:
            time.sleep(0.1)
    pytest.fail(f"podman's service did not answer: {log.read_text()}")


def test_images_are_built_and_runs_measured(podman: DockerClient) -> None:
    empty, full, killed, swallowed = (
        cell("nothing"),
        cell("allocate", mib=64),
        cell("allocate", mib=512),
        cell("child_killed", swallow=True),
    )
    measured = {key: done.runs[0] for key, done in measure_cells(podman, empty, full, killed, swallowed).items()}

    floor, need = (measured[one.id].unreclaimable_peak_bytes for one in (empty, full))
    assert floor is not None
    assert need is not None
    assert need - floor == pytest.approx(64 * MIB, rel=0.01)
    assert (measured[killed.id].ending, measured[killed.id].oom.kills) == (Ending.OOM_KILLED, 1)
    assert measured[swallowed.id].ending is Ending.OOM_CHILD_SWALLOWED
    assert find_containers(podman) == ()


def test_a_record_goes_out_of_one_container_and_into_another(podman: DockerClient, tmp_path: Path) -> None:
    one = cell(("python", "-c", "kept = bytearray(64 << 20)"))
    plan = Plan(profile="profile", cells=(one,), runs=1, warmups=0)
    ((_, layer),) = prepare_layers(podman, plan, {}, say=lambda _: None).items()
    with_tool = build_instrumented(podman, layer, ProfileTool.MEMRAY, say=lambda _: None)
    settings = _settings()
    with DockerEngine(podman, campaign=settings.id) as engine:
        session = Session(engine, one, layer, settings)
        session.recorded(Instrument(), with_tool, artefacts=tmp_path, raised_bytes=8 * MIB)
        session.render(with_tool, artefacts=tmp_path, with_reports=False)

    assert read_noted(tmp_path).sites[0].size_bytes == pytest.approx(64 * MIB, rel=0.001)


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_the_truth_is_reported_of_hostile_workloads(podman: DockerClient, attack: Attack) -> None:
    execute_attack(podman, attack, user="")


def test_the_daemon_is_known_for_what_it_is(podman: DockerClient) -> None:
    facts = gather(podman, DaemonAddress(url="unix:///test", source="a test"))

    assert facts.environment.engine == "podman"
    assert facts.environment.cgroup_version == (1 if IS_V1 else 2)
    assert not facts.is_rootless
    assert facts.kernel is not None, "it was looked at from inside an image of memcap"


def test_what_was_built_is_found_and_removed(podman: DockerClient) -> None:
    """The base, the image and the layers of the tests before."""
    built = find_built(podman)
    layers = find_layers(podman)
    assert [one.kind for one in built] == [*["layer"] * len(layers), "image", "base"]
    assert all(one.reference.startswith("memcap/") for one in built)

    assert {(layer.name, layer.id) for layer in layers} == {(one.reference, one.id) for one in built[:-2]} != set()
    for layer in layers:
        remove(podman, layer)
    assert [one.kind for one in find_built(podman)] == ["image", "base"]
