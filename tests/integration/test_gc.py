"""`memcap gc` removes leftovers from the real daemon, by label, and leaves what is in use."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker.errors
import pytest

import memcap
from memcap.engine.docker_labels import image_labels, run_labels
from memcap.engine.docker_leftovers import find_containers, find_layers, remove
from memcap.images.importing import imported_id

if TYPE_CHECKING:
    from docker import DockerClient

pytestmark = pytest.mark.docker

SUPERVISOR = Path(memcap.__file__).parent / "probe" / "bin" / "supervisor-x86_64"
Make = Callable[[dict[str, str]], str]


def memcap_gc(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "memcap", "gc", *arguments], capture_output=True, text=True, check=False
    )


def one_file() -> bytes:
    """Return the archive of an image of one file."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.add(SUPERVISOR, arcname="program")
    return content.getvalue()


@pytest.fixture(scope="module")
def image(docker_client: DockerClient) -> Iterator[str]:
    """Make an image of one file, without a registry; it is not labelled, so nothing but this file removes it."""
    name = f"memcap-tests-gc:{uuid.uuid4().hex[:8]}"  # without a name it would go with the last layer built on it
    docker_client.api.import_image_from_data(one_file(), repository=name)
    yield name
    docker_client.api.remove_image(name, force=True)


@pytest.fixture
def make(docker_client: DockerClient, image: str) -> Iterator[Make]:
    """Create containers that are never started; what is left of them is removed."""
    made: list[str] = []

    def create(its_labels: dict[str, str]) -> str:
        name = its_labels.get("memcap.self")
        made.append(docker_client.api.create_container(image, command=["/program"], name=name, labels=its_labels)["Id"])
        return made[-1]

    yield create
    for identifier in made:
        try:
            docker_client.api.remove_container(identifier, force=True)
        except docker.errors.NotFound:
            continue


@pytest.fixture
def campaign() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def labels(campaign: str) -> dict[str, str]:
    """Label a container as one of this process."""
    return run_labels(f"memcap-{campaign}-{uuid.uuid4().hex[:8]}", campaign=campaign, cell="s.b-i-128m")


def left_behind(campaign: str) -> dict[str, str]:
    """Label a container as one whose memcap process is gone."""
    made = labels(campaign)
    return {**made, "memcap.owner": f"4194305@{made['memcap.owner'].partition('@')[2]}"}  # above Linux's largest pid


def exists(client: DockerClient, identifier: str) -> bool:
    try:
        client.api.inspect_container(identifier)
    except docker.errors.NotFound:
        return False
    return True


def test_leftovers_go_and_what_is_in_use_stays(docker_client: DockerClient, make: Make, campaign: str) -> None:
    leftover, in_use = make(left_behind(campaign)), make(labels(campaign))
    done = memcap_gc("--campaign", campaign)
    assert done.returncode == 0, done.stderr
    assert "Removed 1 container:" in done.stdout
    assert "Kept 1 container (1 in use)" in done.stdout
    assert not exists(docker_client, leftover)
    assert exists(docker_client, in_use)


def test_all_removes_what_is_in_use_as_well(docker_client: DockerClient, make: Make, campaign: str) -> None:
    in_use = make(labels(campaign))
    done = memcap_gc("--all", "--json", "--campaign", campaign)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    assert [entry["id"] for entry in answer["removed"]] == [in_use]
    assert (answer["kept"], answer["failures"], answer["dry_run"]) == ([], [], False)
    assert not exists(docker_client, in_use)


def test_a_dry_run_removes_nothing(docker_client: DockerClient, make: Make, campaign: str) -> None:
    leftover = make(left_behind(campaign))
    done = memcap_gc("--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["dry_run"] is True
    assert leftover in [entry["id"] for entry in answer["removed"]]
    assert exists(docker_client, leftover)


def test_a_container_without_memcaps_label_is_never_seen(
    docker_client: DockerClient, make: Make, campaign: str
) -> None:
    others = make({"memcap.campaign": campaign})
    assert "Nothing to remove." in memcap_gc("--all", "--campaign", campaign).stdout
    assert exists(docker_client, others)


def test_removing_twice_is_fine(docker_client: DockerClient, make: Make, campaign: str) -> None:
    make(left_behind(campaign))
    (remnant,) = find_containers(docker_client, campaign=campaign)
    assert (remnant.state, remnant.campaign, remnant.hold) == ("created", campaign, None)
    remove(docker_client, remnant)
    remove(docker_client, remnant)
    assert find_containers(docker_client, campaign=campaign) == ()


def test_only_layers_are_found_among_images(docker_client: DockerClient) -> None:
    """Import an image twice, as layer and as base: only the layer may be offered, and removing it removes it."""

    def build(kind: str) -> str:
        tag = uuid.uuid4().hex[:12]
        labels = image_labels(f"memcap/test-gc:{tag}", kind=kind)
        answer = docker_client.api.import_image_from_data(
            one_file(), changes=[f'LABEL {label}="{value}"' for label, value in labels.items()]
        )
        docker_client.api.tag(imported_id(answer), "memcap/test-gc", tag)
        return str(docker_client.images.get(f"memcap/test-gc:{tag}").id)

    made = {kind: build(kind) for kind in ("layer", "base")}
    try:
        found = {remnant.id: remnant for remnant in find_layers(docker_client)}
        assert made["layer"] in found
        assert made["base"] not in found
        remove(docker_client, found[made["layer"]])
        assert made["layer"] not in {remnant.id for remnant in find_layers(docker_client)}
    finally:
        for identifier in made.values():
            try:
                docker_client.api.remove_image(identifier, force=True)
            except docker.errors.NotFound:
                continue
